"""Templates that hold nothing but names, read without Jinja2: nearly all are, and this is twenty times faster."""

from __future__ import annotations

import re

from kitchens_engine.tuples import NamedTuple

# `{%` and `{#` change the meaning of what comes after; a name that is alone may be a constant.
_OTHER = r"\{[%#]"
_NAME = r"(?a)(?<!\{)\{\{\s*((?:variables|inputs|outputs|tests|kitchen|run|each)(?:\.[A-Za-z_]\w*)+)\s*(?:\|\s*(sql|raw)\s*)?\}\}"


class Blank(NamedTuple):
    """One `{{ outputs.clean.rows }}`: its name in parts, its filter, and where it stands from `start` to `end`."""

    path: tuple[str, ...]
    filter: str | None
    start: int
    end: int
    line: int


def blanks(text: str) -> list[Blank] | None:
    """Every value that goes into the text, in its order; None when there is more to the template than names."""
    if re.search(_OTHER, text):
        return None
    found = list(re.finditer(_NAME, text))
    if len(found) != text.count("{{"):
        return None
    return [
        Blank(
            tuple(each[1].split(".")),
            each[2],
            each.start(),
            each.end(),
            text.count("\n", 0, each.start(1)) + 1,
        )
        for each in found
    ]

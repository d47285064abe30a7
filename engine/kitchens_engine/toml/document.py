"""A TOML file at the door: its values, and faults that know where they stand."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from kitchens_engine.errors import Fault
from kitchens_engine.toml.positions import Path, Place, positions

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WHERE = r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$"
_TUPLE = r"\('[^)]*\)"
_TEXT = r"'([^']*)'"
_START = Place(1, 1, 1)


class Document:
    """The values of one TOML file, `file` being its path in the cookbook."""

    def __init__(self, file: str, text: str, values: dict[str, Any]) -> None:
        self.file = file
        self.text = text
        self.values = values

    @cached_property
    def _places(self) -> dict[Path, Place]:
        return positions(self.text)

    def place(self, path: Sequence[str | int]) -> Place:
        """Where the key stands, or the nearest of the tables around it."""
        for length in range(len(path), 0, -1):
            if found := self._places.get(tuple(path[:length])):
                return found
        return _START

    def states(self, path: Sequence[str | int]) -> bool:
        """Whether the file says anything there, be it right or wrong."""
        value: Any = self.values
        for part in path:
            if not isinstance(value, dict) or part not in value:
                return False
            value = value[part]
        return True

    def fault(
        self,
        path: Sequence[str | int],
        message: str,
        hint: str | None = None,
        *,
        severity: str = "error",
        line: int | None = None,
    ) -> Fault:
        """A fault at this key; `line` counts from 1 inside its value, for text of several lines."""
        # A sentence is one line, whatever the value in it.
        message = message.replace("\r", "\\r").replace("\n", "\\n")
        place = self.place(path)
        if line is not None and place.value_line + line - 1 != place.line:
            return Fault(severity, self.file, place.value_line + line - 1, 1, dotted(path), message, hint)
        return Fault(severity, self.file, place.line, place.column, dotted(path), message, hint)


def read_document(text: bytes, file: str) -> Document | Fault:
    """The document in `text`, or the fault of its syntax."""
    try:
        # A byte order mark is what some editors put before UTF-8; it says nothing.
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        column = error.start - (text.rfind(b"\n", 0, error.start) + 1) + 1
        return Fault("error", file, line, column, "", "the file is not UTF-8 text")
    decoded = decoded.replace("\r\n", "\n")
    try:
        return Document(file, decoded, tomllib.loads(decoded))
    except RecursionError:
        return Fault("error", file, 1, 1, "", "lists or tables are nested too deeply")
    except ValueError as error:
        # Mostly `TOMLDecodeError`; an integer of thousands of digits is refused by Python itself.
        return _syntax_fault(decoded, file, error)


def dotted(path: Sequence[str | int]) -> str:
    """The key as one writes it: `nodes.clean.tests[0].sql`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = (
                part if _BARE.fullmatch(part) else '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
            )
            text += f".{shown}" if text else shown
    return text


def _syntax_fault(text: str, file: str, error: ValueError) -> Fault:
    message = str(error)
    # Only Python 3.14 has the place as attributes; before, it is nowhere but in the message.
    found = re.search(_WHERE, message)
    what = message[: found.start()] if found else message
    # It shows keys as Python's tuples.
    what = re.sub(_TUPLE, lambda keys: f"`{dotted(re.findall(_TEXT, keys[0]))}`", what)
    if found and found[1]:
        line, column = int(found[1]), int(found[2])
    else:
        line = text.rstrip("\n").count("\n") + 1
        column = len(text.rstrip("\n").rsplit("\n", 1)[-1]) + 1
    letter = text.split("\n")[line - 1][column - 1 :][:1]
    # Nodes and variables have names in any language, and TOML takes ASCII only for a bare key.
    hint = "a key with other letters than those of ASCII stands in quotes" if letter > "\x7f" else None
    return Fault("error", file, line, column, "", f"this is not TOML: {what[:1].lower()}{what[1:]}", hint)

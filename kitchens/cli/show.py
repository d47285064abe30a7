"""How answers look: tables, states, gates. Readable without colour."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from kitchens_engine.values import as_word

#: How much of a measured value is shown, in letters.
_SAID = 200

_COLOURS = {
    "passed": "green",
    "merged": "green",
    "promoted": "green",
    "rolled-back": "green",
    "verified": "green",
    "green": "green",
    "ok": "green",
    "attested": "green",
    "warned": "yellow",
    "warning": "yellow",
    "unsigned": "yellow",
    "logged": "cyan",
    "note": "cyan",
    "failed": "red",
    "red": "red",
    "error": "red",
    "broken": "red",
    "conflict": "red",
    "refused": "red",
    "running": "cyan",
    "ready": "green",
    "waiting": "bright_black",
    "cancelled": "magenta",
    "interrupted": "magenta",
    "skipped": "bright_black",
}


def state(word: str) -> str:
    """A status in its colour."""
    return in_colour_of(word, word)


def in_colour_of(status: str, text: str) -> str:
    """Any text in the colour of a status."""
    colour = _COLOURS.get(status)
    return click.style(text, fg=colour) if colour else text


def toned(text: str, tone: str) -> str:
    """A piece of a drawing: its tone is a status, `name`, `faint` or empty."""
    match tone:
        case "":
            return text
        case "name":
            return click.style(text, bold=True)
        case "faint":
            return click.style(text, fg="bright_black")
        case _:
            return in_colour_of(tone, text)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A plain table, columns as wide as their content; colours do not count as width."""
    cells_of = [[cell if "\x1b" in cell else one_line(cell) for cell in row] for row in rows]
    lines = [[click.style(heading, bold=True) for heading in headings], *cells_of]
    lengths = [[_length(cell) for cell in line] for line in lines]
    widths = [max(column) for column in zip(*lengths, strict=True)]
    shown = []
    for line, taken in zip(lines, lengths, strict=True):
        cells = [
            cell + " " * (width - length) for cell, width, length in zip(line, widths, taken, strict=True)
        ]
        shown.append("  ".join(cells).rstrip())
    click.echo("\n".join(shown))


def _length(cell: str) -> int:
    return len(click.unstyle(cell)) if "\x1b" in cell else len(cell)


def path(name: str) -> str:
    """A path of the repository on one line: what would move the cursor is escaped, as git does it."""
    if name.isprintable():
        return name
    return '"' + "".join(one if one.isprintable() else repr(one)[1:-1] for one in name) + '"'


def digest(content: str) -> str:
    """A digest of an image as people read it."""
    return content.partition(":")[2][:12] or content


def short(commit: str | None) -> str:
    """A commit as people quote it."""
    return "" if commit is None else commit[:10]


def seconds(value: float | None) -> str:
    """A duration as people say it."""
    if value is None:
        return ""
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def size(value: int | None) -> str:
    """Bytes as people say them."""
    if value is None:
        return ""
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value = value // 1000
    return f"{value} GB"


def gate(document: Mapping[str, Any]) -> None:
    """Each recipe of a gate, and for a red one: node, test, measured value, limit, log."""
    for verdict in document["recipes"]:
        variation = f" ({verdict['variation']})" if verdict["variation"] else ""
        click.echo(f"  {state(verdict['status'])}  {verdict['recipe']}{variation}: {verdict['why']}")
        for failure in verdict.get("failures", ()):
            _failure(failure)
        for warning in verdict.get("warnings", ()):
            click.echo(f"      {state('warning')}: {warning}")


def _failure(failure: Mapping[str, Any]) -> None:
    where = f"node {failure['node']}" if failure["node"] else "functional test"
    what = f", test {failure['test']!r}" if failure["test"] else ""
    place = f" ({failure['file']}:{failure['line']})" if failure.get("file") else ""
    if failure["node"] or failure["test"]:
        click.echo(f"      {where}{what}{place}")
    if failure["test"] and (failure["value"] is not None or failure["limits"] is not None):
        click.echo(one_line(f"      measured {_value(failure['value'])}, limit {failure['limits']}"))
    if failure["why"]:
        click.echo(one_line(f"      {failure['why']}"))
    if failure["log"]:
        click.echo(f"      log: {failure['log']}")
    if failure.get("hint"):
        click.echo(f"      hint: {failure['hint']}")


def measured(test: Mapping[str, Any]) -> str:
    """Value and limit of a test that did not pass, or why there is no value."""
    value = test.get("value")
    if value is None and test.get("message"):
        return one_line(test["message"])
    text = _value(value)
    said = text if len(text) <= _SAID else f"{text[:_SAID]}…"
    return one_line(f"measured {said}, limit {test.get('limits')}")


def _value(value: Any) -> str:
    return "nothing" if value is None else as_word(value) or '""'


def one_line(text: Any) -> str:
    """What a node or a user said, on one line: what would move the cursor or paint is left out or escaped."""
    plain = click.unstyle(str(text)) if "\x1b" in str(text) else str(text)
    if plain.isprintable():
        return plain
    return "".join(_seen(letter) for letter in plain)


def _seen(letter: str) -> str:
    space = letter.isspace() and letter > "\x9f" and letter not in "\u2028\u2029"
    return letter if space or letter.isprintable() else repr(letter)[1:-1]


def notes(document: Mapping[str, Any]) -> None:
    """What belongs to an answer but is not the answer: on stderr."""
    for note in document.get("notes", ()):
        print(f"note: {note}", file=sys.stderr)

"""What a GitHub workflow reads: annotations on stdout, and a summary page in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from kitchens_engine.errors import EnvironmentFailure, InvalidFiles, InvalidInput, KitchensError
from kitchens_engine.values import as_word

#: How many tests of one recipe the page shows; a page may have 1 MiB.
MOST = 200

#: What stands before a status on the page.
_SIGNS = {
    "green": "✅",
    "passed": "✅",
    "attested": "✅",
    "unneeded": "✅",
    "warned": "⚠️",
    "red": "❌",
    "failed": "❌",
}


@contextmanager
def reported(summary: Path | None, *, annotate: bool) -> Iterator[None]:
    """What is raised inside is raised on, and told as an annotation and on the page first. A page that cannot be written
    is told before anything is done."""
    if summary is not None:
        write_page(summary, "")
    try:
        yield
    except KitchensError as error:
        if annotate:
            for line in _of_error(error):
                click.echo(line)
        if summary is not None:
            write_page(summary, _page_of_error(error))
        raise


def write_page(file: Path, text: str) -> None:
    """Add a page to a file, which other steps may have begun."""
    try:
        with file.open("a", encoding="utf-8", errors="backslashreplace") as page:
            page.write(text)
    except OSError as error:
        raise EnvironmentFailure(f"`--summary {file}`: {error.strerror}", code="disk") from error


def annotation(kind: str, text: str, **place: str | int | None) -> str:
    """A workflow command: GitHub shows `text` (at its place, such as `file` and `line`) beside the change.

    `kind` is `error`, `warning` or `notice`. What GitHub would misread is escaped.
    """
    known = [f"{name}={_property(str(value))}" for name, value in place.items() if value not in (None, "")]
    return f"::{kind}{' ' if known else ''}{','.join(known)}::{_escaped(text)}"


def of_gate(gate: Mapping[str, Any]) -> Iterator[str]:
    """An annotation for each failure and each warning of a gate's document."""
    for verdict in gate["recipes"]:
        for failure in verdict.get("failures", ()):
            yield annotation(
                "error",
                "\n".join(_told(failure)),
                file=failure["file"],
                line=failure["line"],
                title=f"{verdict['recipe']}: {_name(failure)}",
            )
        for warning in verdict.get("warnings", ()):
            yield annotation("warning", warning, title=verdict["recipe"])


def _of_error(error: KitchensError) -> Iterator[str]:
    """An annotation for an error; for each fault, when files have several."""
    if isinstance(error, InvalidFiles):
        for fault in error.faults:
            text = f"{fault.message}\n{fault.hint}" if fault.hint else fault.message
            yield annotation("error", text, file=fault.file, line=fault.line, title=fault.key)
        return
    yield annotation("error", "\n".join((error.message, *error.hints)), file=error.file, line=error.line)


def page(document: Mapping[str, Any]) -> str:
    """What `kitchen test` found, as a page: a table of recipes, and one of tests with values and limits."""
    gate = document["gate"]
    lines = [
        f"## {_SIGNS.get(gate['status'], '')} {gate['status']}: `{document['kitchen']}` at `{document['commit'][:10]}`",
        "",
    ]
    if not gate["recipes"]:
        return "\n".join([*lines, "No recipe is affected.", ""])
    lines += ["| recipe | verdict | why |", "|---|---|---|"]
    for verdict in gate["recipes"]:
        variation = f" ({_cell(verdict['variation'])})" if verdict["variation"] else ""
        lines.append(
            f"| {_cell(verdict['recipe'])}{variation} | {_signed(verdict['status'])} | {_cell(verdict['why'])} |"
        )
    rows = [row for verdict in gate["recipes"] for row in _rows(verdict)]
    if rows:
        lines += [
            "",
            "| recipe | node | test | status | measured | limit |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    lines += [line for verdict in gate["recipes"] for line in _failures(verdict)]
    return "\n".join([*lines, ""])


def _page_of_error(error: KitchensError) -> str:
    """The page when there is no verdict."""
    where = f"`{error.file}:{error.line}`: " if error.file and error.line else ""
    heading = (
        "❌ error" if isinstance(error, InvalidInput) else "⚠️ no verdict: this says nothing about the change"
    )
    return "\n".join(
        [f"## {heading}", "", where + _text(error.message), *(f"- {_text(one)}" for one in error.hints), ""]
    )


def _rows(verdict: Mapping[str, Any]) -> Iterator[str]:
    tests = verdict.get("tests", ())
    for test in tests[:MOST]:
        cells = (
            verdict["recipe"],
            test["node"],
            test["name"],
            None,
            None if test["value"] is None and test["limits"] is None else _shown(test["value"]),
            test["limits"],
        )
        row = [_cell(cell) for cell in cells]
        row[3] = _signed(test["status"])
        yield f"| {' | '.join(row)} |"
    if len(tests) > MOST:
        yield f"| {_cell(verdict['recipe'])} | | and {len(tests) - MOST} more | | | |"


def _failures(verdict: Mapping[str, Any]) -> Iterator[str]:
    for failure in verdict.get("failures", ()):
        where = f" (`{failure['file']}:{failure['line']}`)" if failure["file"] else ""
        yield ""
        yield f"**{_text(verdict['recipe'])}: {_text(_name(failure))}**{where}"
        yield from (f"- {_text(line)}" for line in _told(failure))
    for warning in verdict.get("warnings", ()):
        yield ""
        yield f"⚠️ {_text(warning)}"


def _name(failure: Mapping[str, Any]) -> str:
    return ": ".join(part for part in (failure["node"], failure["test"]) if part) or "the run"


def _told(failure: Mapping[str, Any]) -> list[str]:
    """What went wrong, as lines."""
    lines = []
    if failure["test"] and (failure["value"] is not None or failure["limits"] is not None):
        lines.append(f"measured {_shown(failure['value'])}, limit {failure['limits']}")
    lines += [failure[key] for key in ("why", "hint") if failure.get(key)]
    return lines or ["it failed"]


def _shown(value: Any) -> str:
    return "nothing" if value is None else as_word(value)


def _signed(status: str) -> str:
    return f"{_SIGNS[status]} {status}" if status in _SIGNS else status


def _cell(value: Any) -> str:
    """Text in a cell of a table."""
    return "" if value is None else _text(str(value)).replace("|", "\\|")


def _text(text: str) -> str:
    """Text that cannot make a tag, a link or a heading, on one line; what it has in backticks stays code."""
    parts = " ".join(text.split()).split("`")
    if len(parts) % 2 == 0:
        return _literal("`".join(parts))
    return "".join(f"`{part}`" if number % 2 else _literal(part) for number, part in enumerate(parts))


def _literal(text: str) -> str:
    return "".join(f"\\{each}" if each in "\\`<>[]*_~" else each for each in text)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")

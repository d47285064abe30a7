"""SQL that does not parse. DuckDB's own parser reads it; nothing is ever executed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kitchens_engine.checking.subject import Subject
from kitchens_engine.errors import Fault
from kitchens_engine.language.references import Spot, fault_of
from kitchens_engine.recipe import sql_file
from kitchens_engine.templating import template
from kitchens_engine.toml.nearest import did_you_mean

#: The words with which statements and their parts begin: what a slip of the keyboard was meant to be.
_WORDS = [
    "alter",
    "attach",
    "between",
    "by",
    "case",
    "copy",
    "create",
    "cross",
    "delete",
    "distinct",
    "drop",
    "else",
    "end",
    "except",
    "exists",
    "export",
    "filter",
    "from",
    "group",
    "having",
    "inner",
    "insert",
    "intersect",
    "into",
    "join",
    "left",
    "limit",
    "merge",
    "offset",
    "on",
    "order",
    "outer",
    "over",
    "partition",
    "pivot",
    "qualify",
    "replace",
    "returning",
    "right",
    "select",
    "set",
    "summarize",
    "table",
    "then",
    "union",
    "unpivot",
    "update",
    "using",
    "values",
    "view",
    "when",
    "where",
    "window",
    "with",
]


@dataclass(frozen=True)
class _Refusal:
    """What the parser says, and where in the statement (None: it does not say)."""

    message: str
    position: int | None = None
    hint: str | None = None


class Statements:
    """A parser that is started by the first statement it gets."""

    def faults_of(self, subject: Subject, spot: Spot) -> Iterator[Fault]:
        """A fault when the SQL at this spot, in a file or not, is no statement for DuckDB.

        SQL on a connection is in the dialect of another database, and is left to that one.
        """
        if spot.path[-1] != "sql" or _elsewhere(subject, spot):
            return
        if not template.has_markers(spot.text):
            if (refusal := self._refusal(spot.text)) is not None:
                yield _fault(subject, spot, refusal, refusal.position)
            return
        if template.names(spot.text).problems:
            return  # told already
        yield from self._of_template(subject, spot)

    def _of_template(self, subject: Subject, spot: Spot) -> Iterator[Fault]:
        from kitchens_engine.templating.samples import Guess, samples

        def guess(path: tuple[str, ...]) -> Guess:
            return Guess(subject.type_of(path, spot.node), subject.value_of(path))

        first: tuple[_Refusal, int | None] | None = None
        sure = True
        for sample in samples(spot.text, guess):
            refusal = self._refusal(sample.text)
            if refusal is None:
                return
            sure = sure and sample.sure
            if first is None:
                place = refusal.position
                first = refusal, None if place is None else sample.origin(place)
        if first is None or not sure:
            message = "this SQL depends on values that only a run knows, so it was not parsed"
            yield fault_of(subject.document, spot, message, None, 1, severity="note")
        else:
            yield _fault(subject, spot, *first)

    def _refusal(self, text: str) -> _Refusal | None:
        try:
            if self._parser.extract_statements(text):
                return None
            return _Refusal("there is no statement")
        except self._errors as error:
            return _read(str(error), text)

    @cached_property
    def _errors(self) -> type[Exception]:
        import duckdb

        return duckdb.Error

    @cached_property
    def _parser(self) -> Any:
        import duckdb

        closed: dict[str, str | bool | int | float | list[str]] = {
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "threads": "1",
            "errors_as_json": "true",
        }
        return duckdb.connect(config=closed)


def _elsewhere(subject: Subject, spot: Spot) -> bool:
    """Whether the statement goes to another database, or is the name of a file that only a run knows."""
    node = subject.recipe.nodes.get(str(spot.node))
    return node is None or node.connection is not None or (spot.file is None and bool(sql_file(spot.text)))


def _read(error: str, text: str) -> _Refusal:
    """The parser's refusal, which it writes as JSON after the name of its kind."""
    try:
        said = json.loads(error[error.index("{") :])
        message = str(said["exception_message"])
    except (ValueError, KeyError, TypeError):
        return _Refusal(error.split("\n", 1)[0])
    if "position" not in said:
        return _Refusal(message)
    encoded = text.encode()
    start = int(said["position"])
    _, _, length = str(said.get("location", "")).strip("[]").partition(",")
    before = encoded[:start].decode(errors="replace")
    word = encoded[start : start + int(length or 0)].decode(errors="replace")
    return _Refusal(message, len(before), _meant(before, word))


def _meant(before: str, word: str) -> str | None:
    """The word that was meant by the refused one, or by the one before it, which the parser took for a name."""
    for each in (*before.split()[-1:], word):
        known = len(each) < 3 or not each.isalpha() or each.lower() in _WORDS
        if not known and (hint := did_you_mean(each.lower(), _WORDS)):
            return hint
    return None


def _fault(subject: Subject, spot: Spot, refusal: _Refusal, position: int | None) -> Fault:
    if position is None:
        line, column = 1, 1
    else:
        line = spot.text.count("\n", 0, position) + 1
        column = position - (spot.text.rfind("\n", 0, position) + 1) + 1
    message = f"this SQL does not parse: {refusal.message}"
    return fault_of(subject.document, spot, message, refusal.hint, line, column=column)

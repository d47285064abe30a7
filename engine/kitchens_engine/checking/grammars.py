"""Who reads SQL: DuckDB's own parser for the kitchen's database, sqlglot for others. Nothing is ever executed."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from kitchens_engine.toml.nearest import did_you_mean
from kitchens_engine.tuples import NamedTuple

#: The words with which statements and their parts begin: what a slip of the keyboard was meant to be.
_WORDS = (
    "alter", "attach", "between", "by", "case", "copy", "create", "cross", "delete", "distinct", "drop",
    "else", "end", "except", "exists", "export", "filter", "from", "group", "having", "inner", "insert",
    "intersect", "into", "join", "left", "limit", "merge", "offset", "on", "order", "outer", "over",
    "partition", "pivot", "qualify", "replace", "returning", "right", "select", "set", "summarize",
    "table", "then", "union", "unpivot", "update", "using", "values", "view", "when", "where", "window",
    "with",
)  # fmt: skip
#: What sqlglot calls the grammar of the databases that a URL's scheme names.
_DIALECTS = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
    "mssql": "tsql",
    "oracle": "oracle",
    "snowflake": "snowflake",
    "bigquery": "bigquery",
    "redshift": "redshift",
    "databricks": "databricks",
    "trino": "trino",
    "clickhouse": "clickhouse",
}


class Refusal(NamedTuple):
    """What a parser says, and the offset of the character at which it stopped (None: it does not say)."""

    message: str
    position: int | None = None
    hint: str | None = None


class Grammar(NamedTuple):
    """A way to read SQL. `own` says that the database itself would read it the same way."""

    name: str
    own: bool
    refusal: Callable[[str], Refusal | None]


def grammar_of(url: str | None) -> Grammar | None:
    """The grammar of the database at a URL; None is the kitchen's own. A database that nobody here knows has none."""
    scheme = "duckdb" if url is None else url.partition(":")[0].partition("+")[0].lower()
    if scheme == "duckdb":
        return Grammar("DuckDB", True, _refused_by_duckdb)
    dialect = _DIALECTS.get(scheme)
    if dialect is None:
        return None
    return Grammar(dialect, False, lambda text: _refused_by_sqlglot(text, dialect))


def _refused_by_duckdb(text: str) -> Refusal | None:
    parser, errors = _duckdb()
    try:
        return None if parser.extract_statements(text) else Refusal("there is no statement")
    except errors as error:
        return _said_by_duckdb(str(error), text)


@cache
def _duckdb() -> tuple[Any, type[Exception]]:
    import duckdb

    closed: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "threads": "1",
        "errors_as_json": "true",
    }
    return duckdb.connect(config=closed), duckdb.Error


def _said_by_duckdb(error: str, text: str) -> Refusal:
    """The parser's refusal, which it writes as JSON after the name of its kind; it counts bytes."""
    try:
        said = json.loads(error[error.index("{") :])
        message = str(said["exception_message"])
    except (ValueError, KeyError, TypeError):
        return Refusal(error.split("\n", 1)[0])
    if "position" not in said:
        return Refusal(message)
    encoded = text.encode()
    start = int(said["position"])
    _, _, length = str(said.get("location", "")).strip("[]").partition(",")
    before = encoded[:start].decode(errors="replace")
    word = encoded[start : start + int(length or 0)].decode(errors="replace")
    return Refusal(message, len(before), _meant(before, word))


def _refused_by_sqlglot(text: str, dialect: str) -> Refusal | None:
    import logging

    import sqlglot

    # What it says of statements that it only passes through is for its own users.
    logging.getLogger("sqlglot").disabled = True
    try:
        found = sqlglot.parse(text, dialect=dialect)
    except sqlglot.errors.ParseError as error:
        return _said_by_sqlglot(error.errors[0], text) if error.errors else Refusal("it cannot be read")
    except sqlglot.errors.SqlglotError:
        return Refusal("text or a comment does not end")
    except RecursionError:
        return None  # too deep for this parser, which says nothing about the database's
    return None if any(found) else Refusal("there is no statement")


def _said_by_sqlglot(error: dict[str, Any], text: str) -> Refusal:
    word = str(error.get("highlight") or "")
    message = f"unexpected `{word}`" if word else "it ends too early"
    if not error.get("line") or not error.get("col"):
        return Refusal(message)
    lines = text.split("\n")[: error["line"] - 1]
    # Its columns are those of the last character of the word.
    position = sum(len(line) + 1 for line in lines) + max(error["col"] - len(word), 0)
    return Refusal(message, min(position, len(text)), _meant(text[:position], word))


def _meant(before: str, word: str) -> str | None:
    """The word that was meant by the refused one, or by the one before it, which the parser took for a name."""
    for each in (*before.split()[-1:], word):
        known = len(each) < 3 or not each.isalpha() or each.lower() in _WORDS
        if not known and (hint := did_you_mean(each.lower(), _WORDS)):
            return hint
    return None

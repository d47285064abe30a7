"""Statements and SQL tests on a database that has a connection, through SQLAlchemy.

Needs SQLAlchemy and the database's driver, Python 3.9 or newer, and is copied into toolchains
beside `worker.py`.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

#: What a plain scheme stands for: the driver that every toolchain of a cookbook with connections has.
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_BATCH = 2048

Result = Dict[str, Any]


class Failed(Exception):
    """One sentence on what went wrong."""


class Statement(NamedTuple):
    """One statement of several: its text, its place among them and its line, both from 1."""

    text: str
    number: int
    line: int


def run(name: str, url: str, statements: Optional[str], tests: List[str]) -> Result:
    """Run the statements, then each test; the rows' values are as the driver gave them.

    One statement is a transaction of its own, several are one transaction together: all or nothing
    of a node's work is there. Raises `Failed`.
    """
    engine = _engine(name, url)
    try:
        outputs = (
            {} if statements is None else _execute(engine, name, list(split(statements, engine.dialect.name)))
        )
        return {"outputs": outputs, "tests": [_measure(engine, name, text) for text in tests]}
    except Failed as error:
        raise Failed(_without_password(str(error), engine)) from None
    finally:
        engine.dispose()


def holds(name: str, url: str, query: str) -> bool:
    """Whether the query's first column of its first row is true. Raises `Failed`."""
    engine = _engine(name, url)
    try:
        answer = _measure(engine, name, query)
    finally:
        engine.dispose()
    if "value" not in answer and answer["error"] != NO_ROW:
        raise Failed(_without_password(answer["error"], engine))
    return bool(answer.get("value"))


def _engine(name: str, url: str) -> Any:
    try:
        import sqlalchemy
    except ImportError:
        raise Failed(f"sqlalchemy is not installed for {sys.executable}") from None
    try:
        parsed = sqlalchemy.make_url(url)
        parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
        return sqlalchemy.create_engine(parsed, poolclass=sqlalchemy.NullPool)
    except ModuleNotFoundError as error:
        raise Failed(
            f"connection `{name}` needs the Python package `{error.name}`: add it to the requirements"
        ) from None
    except sqlalchemy.exc.NoSuchModuleError:
        scheme = url.partition("://")[0]
        raise Failed(
            f"connection `{name}`: SQLAlchemy knows no `{scheme}`; its package belongs in the requirements"
        ) from None
    except sqlalchemy.exc.ArgumentError:
        # What it says may hold the password.
        raise Failed(
            f"connection `{name}` has no URL that SQLAlchemy can read, such as `postgresql://user@host:5432/name`"
        ) from None


@contextlib.contextmanager
def _connected(engine: Any, name: str, *, alone: bool) -> Iterator[Any]:
    """A connection in one transaction, or, `alone`, in none."""
    import sqlalchemy

    try:
        connection = engine.connect()
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise Failed(f"connection `{name}` cannot be opened: {_said(error)}") from None
    # Nothing in a statement is a parameter: `%` and `:` are what they are.
    connection = connection.execution_options(no_parameters=True)
    with connection:
        if alone:
            with contextlib.suppress(NotImplementedError, sqlalchemy.exc.ArgumentError):
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        yield connection


def _execute(engine: Any, name: str, statements: List[Statement]) -> Result:
    import sqlalchemy

    outputs: Result = {"rows": 0}
    with _connected(engine, name, alone=len(statements) == 1) as connection:
        for statement in statements:
            try:
                outputs = _outcome(connection.exec_driver_sql(statement.text))
            except sqlalchemy.exc.SQLAlchemyError as error:
                print(error, file=sys.stderr)
                raise Failed(
                    f"statement {statement.number} (line {statement.line}): {_said(error)}"
                ) from None
        try:
            connection.commit()
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise Failed(f"the transaction could not be committed: {_said(error)}") from None
    return outputs


def _outcome(answer: Any) -> Result:
    if not answer.returns_rows:
        return {"rows": max(answer.rowcount, 0)}
    columns = list(answer.keys())
    first = answer.fetchone()
    if first is None:
        return {"rows": 0}
    rows = 1
    while batch := answer.fetchmany(_BATCH):
        rows += len(batch)
    return {"rows": rows, **dict(zip(columns, first))}


NO_ROW = "the query returned no row"


def _measure(engine: Any, name: str, text: str) -> Result:
    """The first column of the first row, or why there is none. Whatever the query changed is rolled back."""
    import sqlalchemy

    try:
        with _connected(engine, name, alone=False) as connection:
            row = connection.exec_driver_sql(text.strip().rstrip(";")).fetchone()
            connection.rollback()
    except Failed as error:
        return {"error": _without_password(str(error), engine)}
    except sqlalchemy.exc.ResourceClosedError:
        row = None
    except sqlalchemy.exc.SQLAlchemyError as error:
        return {"error": _without_password(_said(error), engine)}
    return {"error": NO_ROW} if row is None else {"value": row[0]}


def _said(error: Any) -> str:
    text = str(getattr(error, "orig", None) or error).strip().splitlines()
    return text[0].strip() if text else type(error).__name__


def _without_password(text: str, engine: Any) -> str:
    password = engine.url.password
    return text.replace(password, "***") if password else text


# --- several statements --------------------------------------------------------------------


def split(text: str, dialect: str) -> Iterator[Statement]:
    """The statements of a text that `;` separates, but not inside quotes, comments and dollar quotes.

    In SQLite a trigger's body is part of its statement.
    """
    number, start, place = 0, 0, 0
    while place <= len(text):
        if place < len(text) and text[place] != ";":
            place = _after(text, place, dialect)
            continue
        piece = text[start:place]
        if dialect == "sqlite" and place < len(text) and not _is_complete(piece):
            place += 1
            continue
        if _says_something(piece, dialect):
            number += 1
            blank = len(piece) - len(piece.lstrip())
            yield Statement(piece.strip(), number, text.count("\n", 0, start + blank) + 1)
        place = start = place + 1


def _after(text: str, place: int, dialect: str) -> int:
    """The place after what begins here: a quoted text, a comment, or one character."""
    here = text[place]
    if text.startswith("--", place) or (here == "#" and dialect in ("mysql", "mariadb")):
        return _end(text, "\n", place + 1)
    if text.startswith("/*", place):
        return _after_comment(text, place, nested=dialect == "postgresql")
    if here in "'\"" or (here == "`" and dialect != "postgresql"):
        escapes = dialect in ("mysql", "mariadb") or (
            dialect == "postgresql" and here == "'" and text[place - 1 : place] in ("e", "E")
        )
        return _after_quote(text, place, escapes=escapes)
    if here == "$" and dialect == "postgresql":
        tag = text[place : text.find("$", place + 1) + 1]
        if tag and (len(tag) == 2 or tag[1:-1].isidentifier()):
            return _end(text, tag, place + len(tag))
    return place + 1


def _end(text: str, mark: str, place: int) -> int:
    found = text.find(mark, place)
    return len(text) if found < 0 else found + len(mark)


def _after_quote(text: str, place: int, *, escapes: bool) -> int:
    quote = text[place]
    place += 1
    while place < len(text):
        if escapes and text[place] == "\\":
            place += 2
        elif text[place] == quote:
            return place + 1  # a doubled quote begins another text at once
        else:
            place += 1
    return len(text)


def _after_comment(text: str, place: int, *, nested: bool) -> int:
    depth, place = 1, place + 2
    while depth and place < len(text):
        if text.startswith("*/", place):
            depth, place = depth - 1, place + 2
        elif nested and text.startswith("/*", place):
            depth, place = depth + 1, place + 2
        else:
            place += 1
    return place


def _says_something(piece: str, dialect: str) -> bool:
    """Whether there is more than blanks and comments."""
    place = 0
    while place < len(piece):
        comment = piece.startswith(("--", "/*"), place) or (
            piece[place] == "#" and dialect in ("mysql", "mariadb")
        )
        if not comment and not piece[place].isspace():
            return True
        place = _after(piece, place, dialect)
    return False


def _is_complete(piece: str) -> bool:
    import sqlite3

    return sqlite3.complete_statement(piece + ";")

"""How the file of the run records is opened: to write, and to read where nothing can be written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from kitchens_engine import schema

#: What SQLite says of a place that takes nothing: it is read-only, of somebody else, or full.
_TAKES_NOTHING = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN}


def open_to_write(path: Path) -> sqlite3.Connection:
    """The database at `path`, made where it is not there. Raises `sqlite3.Error` and `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = _connect(str(path))
    try:
        # Small pages, because each commit of a run writes a few of them whole; and a checkpoint, which
        # waits for the disk, only after some 16 MB.
        connection.execute("pragma page_size = 1024")
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma wal_autocheckpoint = 16000")
        connection.execute("pragma synchronous = normal")
        schema.migrate(connection, str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_read(path: Path, why: Exception) -> sqlite3.Connection:
    """What is at `path`, where it cannot be opened to write: nothing, when it is not there. Raises `why` when that is
    no matter of writing, or what is there cannot be read either."""
    if isinstance(why, sqlite3.Error) and why.sqlite_errorcode & 0xFF not in _TAKES_NOTHING:
        raise why
    if not path.exists():
        connection = _connect(":memory:")
        schema.migrate(connection, str(path))
        return connection
    # What a writer left beside the file counts, and reading that may need a file, too. Without it the file is all.
    beside = path.with_name(f"{path.name}-wal")
    whole = not beside.exists() or beside.stat().st_size == 0
    for how in ("mode=ro", "immutable=1") if whole else ("mode=ro",):
        connection = _connect(f"{path.absolute().as_uri()}?{how}", uri=True)
        try:
            # An older one would have to be written to.
            if schema.is_current(connection):
                return connection
        except sqlite3.Error:
            pass
        connection.close()
    raise why


def _connect(database: str, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(database, timeout=60, isolation_level=None, check_same_thread=False, uri=uri)

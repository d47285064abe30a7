"""The tables of the run database, as migrations: each step moves a database one version up.

The only place that knows them; statements elsewhere are plain SQL over these names.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from kitchens_engine.errors import EnvironmentFailure

_TABLES = (
    """
    create table runs (
        run text primary key, "order" text not null, status text not null, kitchen text not null,
        recipe text not null, variation text, started text not null, seconds real,
        "commit" text, tree text, dirty integer not null, toolchain text not null, runtime text not null,
        gate integer not null, variables text not null, folder text not null, why text,
        owner_pid integer not null, owner_started text not null, owner_boot text not null
    ) without rowid
    """,
    "create index runs_by_kitchen on runs (kitchen, recipe, run)",
    """
    create table nodes (
        run text not null, path text not null, position integer not null, parent text not null,
        name text not null, status text not null, why text, started text, seconds real,
        attempts integer not null, outputs text, log text,
        primary key (run, path)
    ) without rowid
    """,
    """
    create table attempts (
        run text not null, path text not null, attempt integer not null, started text not null,
        seconds real, status text not null, why text, log text not null,
        primary key (run, path, attempt)
    ) without rowid
    """,
    """
    create table tests (
        run text not null, path text not null, position integer not null, name text not null,
        status text not null, value text, limits text, fail text not null, message text,
        recipe text, log text,
        primary key (run, path, position)
    ) without rowid
    """,
)

_ENDED = "('passed', 'warned', 'failed', 'cancelled')"


def _sealed() -> Iterator[str]:
    """Triggers: a run that has ended, and all that belongs to it, never changes again."""
    refusal = "select raise(abort, 'an order run that has ended does not change')"
    yield f"create trigger sealed_runs before update on runs when old.status in {_ENDED} begin {refusal}; end"
    for table in ("nodes", "attempts", "tests"):
        for act, row in (("insert", "new"), ("update", "old"), ("delete", "old")):
            ended = f"(select status from runs where run = {row}.run) in {_ENDED}"
            yield (
                f"create trigger sealed_{table}_{act} before {act} on {table} "
                f"when {ended} begin {refusal}; end"
            )


MIGRATIONS: tuple[tuple[str, ...], ...] = (
    _TABLES,
    (
        # Which run this one takes up again; what `run.started` reads; what was asked for, as typed JSON.
        "alter table runs add column resumes text",
        "alter table runs add column clock text",
        "alter table runs add column asked text",
        *_sealed(),
    ),
)


def is_current(connection: sqlite3.Connection) -> bool:
    """Whether the database is at this program's version."""
    return bool(connection.execute("pragma user_version").fetchone()[0] == len(MIGRATIONS))


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring the database up to this program's version. A newer one is refused and left as it is."""
    version = connection.execute("pragma user_version").fetchone()[0]
    if version == len(MIGRATIONS):
        return
    if version > len(MIGRATIONS):
        raise EnvironmentFailure(
            f"the run records in `{path}` were written by a newer version of this program",
            "update this program, or name another database",
        )
    connection.execute("begin immediate")
    try:
        version = connection.execute("pragma user_version").fetchone()[0]
        for number in range(version, len(MIGRATIONS)):
            for statement in MIGRATIONS[number]:
                connection.execute(statement)
            connection.execute(f"pragma user_version = {number + 1}")
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise

"""The history of order runs, in one SQLite file. Several processes may write at once.

What is flushed survives the death of this process. A power cut may take the last commits
with it, never part of one: the file is then as it was a moment before.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from kitchens_engine import rows
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.outcome import (
    AttemptRecord,
    NodeRecord,
    RunRecord,
    Status,
    TestRecord,
    timestamp,
)
from kitchens_engine.records_file import open_to_read, open_to_write
from kitchens_engine.runtimes.processes import Owner

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TOP = ""
_STOPPED = "another `kitchen` has held them for a minute: is one stopped (^Z)?"


def new_run_id(now: datetime) -> str:
    """A ULID: 26 characters that sort by time and never meet twice."""
    return _ulid(now, int.from_bytes(os.urandom(10), "big"))


def _ulid(now: datetime, random: int) -> str:
    number = int(now.timestamp() * 1000) << 80 | random
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


class Records:
    """Writes are gathered and become durable together with `flush`, which a run calls at every turn.

    Where nothing can be written (a full disk, somebody else's repository) what is there can be read all the same.
    Raises `EnvironmentFailure` when the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # A later write under the same key takes the place of an earlier one.
        self._gathered: dict[object, tuple[str, tuple[Any, ...]]] = {}
        #: Why nothing can be written, where what is there can still be read.
        self._unwritable: Exception | None = None
        with self._disk():
            try:
                self._connection = open_to_write(path)
            except (sqlite3.Error, OSError) as error:
                self._connection, self._unwritable = open_to_read(path, error), error

    def close(self) -> None:
        """Write what is gathered and let go of the file."""
        try:
            self.flush()
            with suppress(sqlite3.Error):
                if self._connection.total_changes:
                    # Who closes last writes all of it into the file while nobody may even read. Now others may.
                    self._connection.execute("pragma wal_checkpoint(passive)")
        finally:
            self._connection.close()

    # --- writing -------------------------------------------------------------------------

    def begin(self, run: RunRecord) -> None:
        """A run exists, owned by this process. Its nodes are added by `nodes`."""
        self._gather(f"insert into runs values ({_marks(23)})", rows.columns_of_run(run, Owner.myself()))
        self.flush()

    def take(self, run: str) -> None:
        """From now on this process runs a run whose own was killed, or gave up; it is queued again.

        Raises `InvalidInput` when the run has ended, or its process lives.
        """
        self.flush()
        owner = Owner.myself()
        with self._disk(), self._transaction():
            cursor = self._connection.cursor()
            cursor.row_factory = sqlite3.Row
            row = cursor.execute("select * from runs where run = ?", (run,)).fetchone()
            status = rows.run_of(row).status if row is not None else None
            if status is not Status.INTERRUPTED:
                raise InvalidInput(f"order run {run} is {status or 'gone'}, not interrupted", code="run")
            cursor.execute(
                "update runs set status = ?, why = null, owner_pid = ?, owner_started = ?, owner_boot = ? "
                "where run = ?",
                (str(Status.QUEUED), owner.pid, owner.started, owner.boot, run),
            )

    def status(self, run: str, status: Status, seconds: float | None = None, why: str | None = None) -> None:
        """How the run stands now."""
        self._gather(
            "update runs set status = ?, seconds = ?, why = ? where run = ?",
            (str(status), seconds, why, run),
        )

    def nodes(self, run: str, parent: str, nodes: Sequence[NodeRecord], *, anew: bool = False) -> None:
        """Nodes of one recipe of the run, in their order. Those of an earlier try are replaced; `anew`, all inside too."""
        if anew:
            for table in ("nodes", "tests"):  # "0" is the character after "/"
                self._gather(
                    f"delete from {table} where run = ? and path between ? and ?",
                    (run, f"{parent}/", f"{parent}0"),
                )
        for position, node in enumerate(nodes):
            self._gather(
                f"insert or replace into nodes values ({_marks(12)})",
                (run, node.path, position, parent, node.name, *rows.columns_of_node(node)),
            )
            self.tests(run, node.path, node.tests)

    def node(self, run: str, node: NodeRecord) -> None:
        """How one node stands now, with its tests when it has ended."""
        self._gather(
            "update nodes set status = ?, why = ?, started = ?, seconds = ?, attempts = ?, outputs = ?, "
            "log = ? where run = ? and path = ?",
            (*rows.columns_of_node(node), run, node.path),
            key=(run, node.path),
        )
        self.tests(run, node.path, node.tests)

    def attempt(self, run: str, attempt: AttemptRecord) -> None:
        """One try of a node that ended, or was cut off."""
        self._gather(
            f"insert or replace into attempts values ({_marks(8)})",
            (
                *(run, attempt.path, attempt.number, timestamp(attempt.started), attempt.seconds),
                *(str(attempt.status), attempt.why, attempt.log),
            ),
        )

    def tests(self, run: str, path: str, tests: Sequence[TestRecord]) -> None:
        """The tests of a node, or of the run itself where `path` is empty."""
        for position, test in enumerate(tests):
            self._gather(
                f"insert or replace into tests values ({_marks(11)})",
                (run, path, position, *rows.columns_of_test(test)),
            )

    def cancel_rest(self, run: str, why: str) -> None:
        """Whatever of the run has not ended is cancelled."""
        self._gather(
            "update nodes set status = 'cancelled', why = ? "
            "where run = ? and status in ('running', 'waiting')",
            (why, run),
        )

    def flush(self) -> None:
        """Make durable what was gathered, all of it or nothing."""
        if not self._gathered:
            return
        gathered, self._gathered = self._gathered, {}
        with self._disk(), self._transaction():
            for statement, values in gathered.values():
                self._connection.execute(statement, values)

    @property
    def gathered(self) -> bool:
        """Whether anything waits to become durable."""
        return bool(self._gathered)

    def _gather(self, statement: str, values: tuple[Any, ...], key: object = None) -> None:
        if key is not None:
            self._gathered.pop(key, None)
        self._gathered[key or object()] = (statement, values)

    # --- reading -------------------------------------------------------------------------

    def runs(
        self,
        limit: int = 50,
        offset: int = 0,
        kitchen: str | None = None,
        recipe: str | None = None,
        status: str | None = None,
        variation: str | None = None,
        since: datetime | None = None,
    ) -> list[RunRecord]:
        """Runs, newest first, without their nodes and tests. `since` is about when they were ordered."""
        wanted = {
            "kitchen = ?": kitchen,
            "recipe = ?": recipe,
            "variation = ?": variation,
            "run >= ?": None if since is None else _ulid(since, 0),
            # A dead owner makes an open run another: what is open is judged below, row by row.
            "status in (?, 'running', 'queued')": status,
        }
        given = {condition: value for condition, value in wanted.items() if value is not None}
        where = " and ".join(given) or "true"
        found = map(
            rows.run_of,
            self._read(f"select * from runs where {where} order by run desc", tuple(given.values())),
        )
        chosen = (run for run in found if status is None or run.status == status)
        return list(islice(chosen, offset, offset + limit))

    def run(self, prefix: str) -> RunRecord:
        """The run whose id starts with `prefix`, with nodes and tests, as people see it.

        Raises `InvalidInput` unless there is just one.
        """
        run = self.left(prefix)
        if run.status is Status.INTERRUPTED:
            return run._replace(nodes=tuple(rows.interrupted(node) for node in run.nodes))
        return run

    def left(self, prefix: str) -> RunRecord:
        """As `run`, but of an interrupted run the nodes read as their runner left them."""
        run = self.head(prefix)
        tests = self._tests_of(run.run)
        return run._replace(nodes=self._nodes_of(run.run, tests), tests=tests.get(_TOP, ()))

    def head(self, prefix: str) -> RunRecord:
        """The run whose id starts with `prefix`, without its parts. Raises `InvalidInput` unless there is just one."""
        low, high = prefix.upper(), prefix.upper() + "~"
        found = list(self._read("select * from runs where run between ? and ? limit 2", (low, high)))
        if not found:
            raise InvalidInput(f"no order run `{prefix}`", "`kitchen order list` shows the runs", code="run")
        if len(found) > 1:
            raise InvalidInput(
                f"more than one order run starts with `{prefix}`", "give more of its id", code="run"
            )
        return rows.run_of(found[0])

    def attempts(self, run: str) -> list[AttemptRecord]:
        """The tries of a run's nodes that have ended, or were cut off."""
        found = self._read("select * from attempts where run = ? order by path, attempt", (run,))
        return [rows.attempt_of(row) for row in found]

    def logs(self, run: str) -> list[tuple[str, str, bool]]:
        """Node path, log and whether nothing more comes into it, of every try that began here; those of
        functional tests last, as `tests/<recipe>`."""
        found = self._read(
            "select path, log, 1 as ended, started from attempts where run = :run "
            "union all select path, log, 0, started from nodes "
            "where run = :run and log is not null and status = 'running' "
            "union all select distinct 'tests/' || recipe, log, 1, '~' from tests "
            "where run = :run and path = '' and log is not null order by ended desc, started",
            {"run": run},
        )
        logs: dict[str, tuple[str, str, bool]] = {}
        for row in found:  # a node between two tries is running, and its last log has ended
            logs.setdefault(row["log"], (row["path"], row["log"], bool(row["ended"])))
        return list(logs.values())

    def last_passed(
        self, kitchen: str, recipe: str, node: str
    ) -> tuple[Mapping[str, Any], Mapping[str, int]] | None:
        """The outputs of a node (by its path) from the newest run here, gates aside, in which it passed or warned, and
        how many of its tests (of all instances, where it was fanned out) had which status.

        One that was only ever skipped, in a run that passed, has none; None for one that never came that far.
        """
        for ended_well in (
            "nodes.status in ('passed', 'warned')",
            "nodes.status = 'skipped' and runs.status in ('passed', 'warned')",
        ):
            found = self._read(
                "select run, outputs from runs join nodes using (run) where kitchen = ? and recipe = ? and path = ? "
                f"and not gate and {ended_well} order by run desc limit 1",
                (kitchen, recipe, node),
            )
            if (row := next(iter(found), None)) is not None:
                return rows.outputs_of(row["outputs"]), self._counted_tests(row["run"], node)
        return None

    def _counted_tests(self, run: str, node: str) -> dict[str, int]:
        counted = self._read(
            "select status, count(*) as tests from tests where run = :run and (path = :node or "
            "(path > :node || '[' and path < :node || '\\' and instr(substr(path, length(:node) + 1), '/') = 0)) "
            "group by status",
            {"run": run, "node": node},
        )
        return {row["status"]: row["tests"] for row in counted}

    def durations_before(self, run: str, limit: int = 5) -> tuple[list[float], dict[str, list[float]]]:
        """The seconds of the last runs of the same recipe, variation and kitchen as `run`, and of their nodes by path.

        Of the runs only those that passed or warned, of all of them such nodes.
        """
        rows = list(
            self._read(
                "select other.run, other.seconds, other.status in ('passed', 'warned') as good "
                "from runs as this join runs as other on other.kitchen = this.kitchen "
                "and other.recipe = this.recipe and other.run < this.run where this.run = ? "
                "and other.variation is this.variation and other.status in ('passed', 'warned', 'failed') "
                "order by other.run desc limit ?",
                (run, limit),
            )
        )
        nodes: dict[str, list[float]] = {}
        for row in rows:
            statement = "select path, seconds from nodes where run = ? and status in ('passed', 'warned')"
            for node in self._read(statement, (row["run"],)):
                if node["seconds"] is not None:
                    nodes.setdefault(node["path"], []).append(node["seconds"])
        return [row["seconds"] for row in rows if row["good"] and row["seconds"] is not None], nodes

    def _nodes_of(self, run: str, tests: Mapping[str, tuple[TestRecord, ...]]) -> tuple[NodeRecord, ...]:
        found = self._read("select * from nodes where run = ? order by parent, position", (run,))
        inside: dict[str, list[sqlite3.Row]] = {}
        for row in found:
            inside.setdefault(row["parent"], []).append(row)

        def built(parent: str) -> tuple[NodeRecord, ...]:
            return tuple(
                rows.node_of(row, tests.get(row["path"], ()), built(row["path"]))
                for row in inside.get(parent, ())
            )

        return built(_TOP)

    def _tests_of(self, run: str) -> dict[str, tuple[TestRecord, ...]]:
        found: dict[str, tuple[TestRecord, ...]] = {}
        for row in self._read("select * from tests where run = ? order by path, position", (run,)):
            found[row["path"]] = (*found.get(row["path"], ()), rows.test_of(row))
        return found

    def _read(self, statement: str, values: tuple[Any, ...] | dict[str, Any]) -> Iterator[sqlite3.Row]:
        self.flush()
        with self._disk():
            cursor = self._connection.cursor()
            cursor.row_factory = sqlite3.Row
            yield from cursor.execute(statement, values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self._unwritable is not None:
            raise self._unwritable
        self._connection.execute("begin immediate")
        try:
            yield
            self._connection.execute("commit")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            acts = [_STOPPED] if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY else []
            message = f"the run records in `{self.path}` cannot be used: {error}"
            raise EnvironmentFailure(message, *acts) from error


def _marks(count: int) -> str:
    return ", ".join("?" * count)

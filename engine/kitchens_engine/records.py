"""The history of order runs, in one SQLite file. Several processes may write at once."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from kitchens_engine import schema
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.outcome import NodeRecord, RunRecord, Status, TestRecord, timestamp
from kitchens_engine.runtimes.processes import Owner
from kitchens_engine.values import json_safe

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_OPEN = (Status.RUNNING, Status.QUEUED)
_TOP = ""


def new_run_id(now: datetime) -> str:
    """A ULID: 26 characters that sort by time and never meet twice."""
    number = int(now.timestamp() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


class Records:
    """Writes are gathered and become durable together with `flush`, which a run calls at every turn.

    Raises `EnvironmentFailure` when the disk is full or the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # A later write under the same key takes the place of an earlier one.
        self._gathered: dict[object, tuple[str, tuple[Any, ...]]] = {}
        with self._disk():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path, timeout=60, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = normal")
            schema.migrate(self._connection, str(path))

    def close(self) -> None:
        """Write what is gathered and let go of the file."""
        self.flush()
        self._connection.close()

    # --- writing -------------------------------------------------------------------------

    def begin(self, run: RunRecord) -> None:
        """A run exists, owned by this process. Its nodes are added by `nodes`."""
        owner = Owner.myself()
        self._gather(
            f"insert into runs values ({_marks(20)})",
            (
                *(run.run, run.order, str(run.status), run.kitchen, run.recipe, run.variation),
                *(timestamp(run.started), run.seconds, run.commit, run.tree, run.dirty, run.toolchain),
                *(run.runtime, run.gate, _json(run.variables), run.folder, run.why),
                *(owner.pid, owner.started, owner.boot),
            ),
        )
        self.flush()

    def status(self, run: str, status: Status, seconds: float | None = None, why: str | None = None) -> None:
        """How the run stands now."""
        self._gather(
            "update runs set status = ?, seconds = ?, why = ? where run = ?",
            (str(status), seconds, why, run),
        )

    def nodes(self, run: str, parent: str, nodes: Sequence[NodeRecord]) -> None:
        """Nodes of one recipe of the run, in their order; those of an earlier try are replaced."""
        if parent:  # "0" is the character after "/"
            self._gather(
                "delete from tests where run = ? and path between ? and ?", (run, f"{parent}/", f"{parent}0")
            )
        for position, node in enumerate(nodes):
            self._gather(
                f"insert or replace into nodes values ({_marks(12)})",
                (run, node.path, position, parent, node.name, *_columns(node)),
            )

    def node(self, run: str, node: NodeRecord) -> None:
        """How one node stands now, with its tests when it has ended."""
        self._gather(
            "update nodes set status = ?, why = ?, started = ?, seconds = ?, attempts = ?, outputs = ?, "
            "log = ? where run = ? and path = ?",
            (*_columns(node), run, node.path),
            key=(run, node.path),
        )
        self.tests(run, node.path, node.tests)

    def attempt(
        self,
        run: str,
        path: str,
        number: int,
        started: datetime,
        seconds: float,
        status: str,
        why: str | None,
        log: str,
    ) -> None:
        """One try of a node that ended."""
        self._gather(
            f"insert or replace into attempts values ({_marks(8)})",
            (run, path, number, timestamp(started), seconds, status, why, log),
        )

    def tests(self, run: str, path: str, tests: Sequence[TestRecord]) -> None:
        """The tests of a node, or of the run itself where `path` is empty."""
        for position, test in enumerate(tests):
            self._gather(
                f"insert or replace into tests values ({_marks(11)})",
                (
                    *(run, path, position, test.name, str(test.status), _json(test.value)),
                    *(_json(test.limits), test.fail, test.message, test.recipe, test.log),
                ),
            )

    def flush(self) -> None:
        """Make durable what was gathered, all of it or nothing."""
        if not self._gathered:
            return
        gathered, self._gathered = self._gathered, {}
        with self._disk():
            self._connection.execute("begin immediate")
            try:
                for statement, values in gathered.values():
                    self._connection.execute(statement, values)
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise

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
    ) -> list[RunRecord]:
        """Runs, newest first, without their nodes and tests."""
        wanted = {"kitchen": kitchen, "recipe": recipe}
        given = {column: value for column, value in wanted.items() if value is not None}
        where = " and ".join(f"{column} = ?" for column in given) or "true"
        found = (
            _run(row)
            for row in self._read(
                f"select * from runs where {where} order by run desc", tuple(given.values())
            )
        )
        # The status is judged here and not in SQL, because a dead owner makes it another.
        chosen = (run for run in found if status is None or run.status == status)
        return list(islice(chosen, offset, offset + limit))

    def run(self, prefix: str) -> RunRecord:
        """The run whose id starts with `prefix`, with nodes and tests. Raises `InvalidInput` unless there is just one."""
        low, high = prefix.upper(), prefix.upper() + "~"
        rows = list(self._read("select * from runs where run between ? and ? limit 2", (low, high)))
        if not rows:
            raise InvalidInput(f"no order run `{prefix}`", "`kitchen order list` shows the runs", code="run")
        if len(rows) > 1:
            raise InvalidInput(
                f"more than one order run starts with `{prefix}`", "give more of its id", code="run"
            )
        run = _run(rows[0])
        tests = self._tests_of(run.run)
        nodes = self._nodes_of(run.run, tests)
        if run.status is Status.INTERRUPTED:
            nodes = tuple(_interrupted(node) for node in nodes)
        return run._replace(nodes=nodes, tests=tests.get(_TOP, ()))

    def last_passed_outputs(self, kitchen: str, recipe: str, node: str) -> Mapping[str, Any] | None:
        """The outputs of a node (by its path) from the newest run here, gates aside, in which it passed or warned."""
        rows = self._read(
            "select outputs from runs join nodes using (run) where kitchen = ? and recipe = ? and path = ? "
            "and not gate and nodes.status in ('passed', 'warned') order by run desc limit 1",
            (kitchen, recipe, node),
        )
        return next((_object(row["outputs"]) for row in rows), None)

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
        rows = self._read("select * from nodes where run = ? order by parent, position", (run,))
        inside: dict[str, list[sqlite3.Row]] = {}
        for row in rows:
            inside.setdefault(row["parent"], []).append(row)

        def built(parent: str) -> tuple[NodeRecord, ...]:
            return tuple(
                _node(row, tests.get(row["path"], ()), built(row["path"])) for row in inside.get(parent, ())
            )

        return built(_TOP)

    def _tests_of(self, run: str) -> dict[str, tuple[TestRecord, ...]]:
        found: dict[str, tuple[TestRecord, ...]] = {}
        for row in self._read("select * from tests where run = ? order by path, position", (run,)):
            found[row["path"]] = (*found.get(row["path"], ()), _test(row))
        return found

    def _read(self, statement: str, values: tuple[Any, ...]) -> Iterator[sqlite3.Row]:
        self.flush()
        with self._disk():
            cursor = self._connection.cursor()
            cursor.row_factory = sqlite3.Row
            yield from cursor.execute(statement, values)

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise EnvironmentFailure(f"the run records in `{self.path}` cannot be used: {error}") from error


def _run(row: sqlite3.Row) -> RunRecord:
    status, why = Status(row["status"]), row["why"]
    owner = Owner(row["owner_pid"], row["owner_started"], row["owner_boot"])
    if status in _OPEN and not owner.alive():
        status, why = Status.INTERRUPTED, "the process that ran it is gone"
    return RunRecord(
        run=row["run"],
        order=row["order"],
        status=status,
        kitchen=row["kitchen"],
        recipe=row["recipe"],
        variation=row["variation"],
        started=datetime.fromisoformat(row["started"]),
        seconds=row["seconds"],
        commit=row["commit"],
        tree=row["tree"],
        dirty=bool(row["dirty"]),
        toolchain=row["toolchain"],
        runtime=row["runtime"],
        gate=bool(row["gate"]),
        variables=_object(row["variables"]),
        folder=row["folder"],
        why=why,
    )


def _node(row: sqlite3.Row, tests: tuple[TestRecord, ...], nodes: tuple[NodeRecord, ...]) -> NodeRecord:
    return NodeRecord(
        name=row["name"],
        path=row["path"],
        status=Status(row["status"]),
        why=row["why"],
        started=datetime.fromisoformat(row["started"]) if row["started"] else None,
        seconds=row["seconds"],
        attempts=row["attempts"],
        outputs=_object(row["outputs"]),
        tests=tests,
        nodes=nodes,
        log=row["log"],
    )


def _test(row: sqlite3.Row) -> TestRecord:
    return TestRecord(
        name=row["name"],
        status=Status(row["status"]),
        value=json.loads(row["value"]),
        limits=json.loads(row["limits"]),
        fail=row["fail"],
        message=row["message"],
        recipe=row["recipe"],
        log=row["log"],
    )


def _interrupted(node: NodeRecord) -> NodeRecord:
    nodes = tuple(_interrupted(inner) for inner in node.nodes)
    if node.status is Status.RUNNING:
        return node._replace(nodes=nodes, status=Status.CANCELLED, why="the run was interrupted")
    return node._replace(nodes=nodes)


def _columns(node: NodeRecord) -> tuple[Any, ...]:
    outputs = _json(node.outputs) if node.outputs else None
    return (
        str(node.status),
        node.why,
        timestamp(node.started),
        node.seconds,
        node.attempts,
        outputs,
        node.log,
    )


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _json(value: Any) -> str:
    return json.dumps(json_safe(value))


def _object(text: str | None) -> dict[str, Any]:
    value = json.loads(text) if text else {}
    assert isinstance(value, dict)
    return value

"""What came of a run, as frozen values. Every status is a fold over the parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from kitchens_engine.recipe import EMPTY
from kitchens_engine.tuples import NamedTuple
from kitchens_engine.values import json_safe


class Status(StrEnum):
    """How a node or a run stands. `queued` and `interrupted` are for runs only, `waiting` and `skipped` for nodes."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    RUNNING = "running"
    WAITING = "waiting"
    QUEUED = "queued"
    INTERRUPTED = "interrupted"
    LOGGED = "logged"


#: What a run may come to, ended or not.
RUN_STATUSES = tuple(
    status for status in Status if status not in (Status.SKIPPED, Status.WAITING, Status.LOGGED)
)

#: The status of a whole is the first of these that one of its parts has.
_WORST_FIRST = (Status.FAILED, Status.CANCELLED, Status.WARNED)


def fold(parts: Iterable[Status]) -> Status:
    """The status of a whole, once all its parts have ended."""
    seen = set(parts)
    return next((status for status in _WORST_FIRST if status in seen), Status.PASSED)


class TestRecord(NamedTuple):
    """One test of a run: the measured value (JSON-safe), the limits in words, and what failing does.

    `message` says in one line what went wrong where value and limits do not.
    `recipe` and `log` are set for functional tests, which belong to no node.
    """

    name: str
    status: Status
    value: Any = None
    limits: Any = None
    fail: str = "stop"
    message: str | None = None
    recipe: str | None = None
    log: str | None = None

    def document(self) -> dict[str, Any]:
        """The test in the shape of the contract."""
        document = {
            "name": self.name,
            "status": str(self.status),
            "value": self.value,
            "limits": self.limits,
            "fail": self.fail,
        }
        extra = {"message": self.message, "recipe": self.recipe, "log": self.log}
        return document | {key: value for key, value in extra.items() if value is not None}


TestRecord.__test__ = False  # type: ignore[attr-defined] # for pytest, which collects by name


class NodeRecord(NamedTuple):
    """One node of a run. `path` is stable in the recipe tree (`report/render`); `log` is the last attempt's."""

    name: str
    path: str
    status: Status = Status.WAITING
    why: str | None = None
    started: datetime | None = None
    seconds: float | None = None
    attempts: int = 0
    outputs: Mapping[str, Any] = EMPTY
    tests: tuple[TestRecord, ...] = ()
    nodes: tuple[NodeRecord, ...] = ()
    log: str | None = None

    def document(self) -> dict[str, Any]:
        """The node in the shape of the contract, nested nodes included."""
        return {
            "name": self.name,
            "path": self.path,
            "status": str(self.status),
            "why": self.why,
            "started": timestamp(self.started),
            "seconds": self.seconds,
            "attempts": self.attempts,
            "outputs": json_safe(self.outputs),
            "tests": [test.document() for test in self.tests],
            "nodes": [node.document() for node in self.nodes],
            "log": self.log,
        }

    def walk(self) -> Iterator[NodeRecord]:
        """The node and all nodes inside it, outermost first."""
        yield self
        for node in self.nodes:
            yield from node.walk()


class AttemptRecord(NamedTuple):
    """One try of a node that has ended, or was cut off: then it is `interrupted`, and nobody knows its seconds."""

    path: str
    number: int
    started: datetime
    seconds: float | None
    status: Status
    why: str | None
    log: str


class RunRecord(NamedTuple):
    """One order run with its full record. `tests` are the functional tests; the nodes carry their own.

    `resumes` is the run whose work it took up; `clock` is what `run.started` reads, where that is not `started`.
    `asked` holds what a later runner needs to go on: see `running.past`.
    """

    run: str
    order: str
    status: Status
    kitchen: str
    recipe: str
    variation: str | None
    started: datetime
    seconds: float | None = None
    commit: str | None = None
    tree: str | None = None
    dirty: bool = False
    toolchain: str = ""
    runtime: str = ""
    gate: bool = False
    variables: Mapping[str, Any] = EMPTY
    folder: str = ""
    why: str | None = None
    nodes: tuple[NodeRecord, ...] = ()
    tests: tuple[TestRecord, ...] = ()
    resumes: str | None = None
    clock: datetime | None = None
    asked: Mapping[str, Any] = EMPTY

    def document(self) -> dict[str, Any]:
        """The run in the shape of the contract's `order run`."""
        return {
            "run": self.run,
            "order": self.order,
            "status": str(self.status),
            "kitchen": self.kitchen,
            "commit": self.commit,
            "tree": self.tree,
            "dirty": self.dirty,
            "recipe": self.recipe,
            "variation": self.variation,
            "started": timestamp(self.started),
            "seconds": self.seconds,
            "toolchain": self.toolchain,
            "runtime": self.runtime,
            "gate": self.gate,
            "variables": json_safe(self.variables),
            "why": self.why,
            "resumes": self.resumes,
            "tests": [test.document() for test in self.tests],
            "nodes": [node.document() for node in self.nodes],
        }

    def walk(self) -> Iterator[NodeRecord]:
        """All nodes, at every depth, outermost first."""
        for node in self.nodes:
            yield from node.walk()

    def failures(self) -> tuple[NodeRecord, ...]:
        """The failed nodes that are the cause: those without a failed node inside them."""
        failed = (node for node in self.walk() if node.status is Status.FAILED)
        return tuple(
            node for node in failed if not any(inner.status is Status.FAILED for inner in node.nodes)
        )

    def measures(self) -> dict[str, Any]:
        """Every measured value, by `<node path>: <test name>`; functional tests by their name."""
        measured = {f"{node.path}: {test.name}": test.value for node in self.walk() for test in node.tests}
        return measured | {test.name: test.value for test in self.tests}


@lru_cache(maxsize=256)
def timestamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the millisecond."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""A node and a graph while they run: the only values of a run that change."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from kitchens_engine.kinds import sql
from kitchens_engine.outcome import NodeRecord, Status
from kitchens_engine.recipe import Node
from kitchens_engine.running.attempt import Attempt
from kitchens_engine.running.flow import Flow
from kitchens_engine.running.plan import Plan
from kitchens_engine.running.scope import Scope
from kitchens_engine.testing.measures import Measured


@dataclass(frozen=True, slots=True)
class Phase:
    """One process of a node: its own work, its SQL tests, or one test that is a command.

    `tests` are the places, among the node's tests, of those that it measures.
    """

    kind: str
    tests: tuple[int, ...] = ()


SQL = "sql"
COMMAND = "command"
WORK = Phase("work")


def phases_after(node: Node) -> deque[Phase]:
    """The processes that measure the node's tests after its own work: the SQL tests together, each command alone.

    SQL tests of an `sql` node that can be measured at once are part of its work.
    """
    together = tuple(
        number
        for number, test in enumerate(node.tests)
        if test.measure == "sql" and not (node.action == "sql" and sql.measured_at_once(test))
    )
    commands = (number for number, test in enumerate(node.tests) if test.measure == "run")
    phases = [Phase(SQL, together)] if together else []
    return deque([*phases, *(Phase(COMMAND, (number,)) for number in commands)])


@dataclass(slots=True, eq=False)
class Graph:
    """One recipe while it runs.

    `nodes` are its records, in the order of the plan; `remaining` of them have not ended, and
    `lives` are those that may start or have started. `cancelled` says why no more of them start.
    """

    plan: Plan
    scope: Scope
    flow: Flow
    parent: LiveNode | None
    nodes: dict[str, NodeRecord]
    remaining: int
    lives: dict[str, LiveNode] = field(default_factory=dict)
    cancelled: str | None = None

    def records(self) -> tuple[NodeRecord, ...]:
        """The records of its nodes."""
        return tuple(self.nodes.values())


@dataclass(slots=True, eq=False)
class LiveNode:
    """One node from the moment that it may start until its end.

    `mode` is what it holds of the database while it has a slot. `begun` says that a try
    is under way, `over` that the node has ended. `token` names its running process, before
    which the log had `said` bytes. `end` is decided before the process has ended when it is
    being killed: the status, and why.
    """

    graph: Graph
    node: Node
    path: str
    retries: int
    attempt: Attempt | None = None
    number: int = 0
    began: float = 0.0
    attempt_began: float = 0.0
    slot: bool = False
    mode: str | None = None
    token: str | None = None
    phase: Phase = WORK
    later: deque[Phase] = field(default_factory=deque)
    said: int = 0
    inner: Graph | None = None
    asks_worker: bool = False
    begun: bool = False
    lost: bool = False
    over: bool = False
    end: tuple[Status, str] | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    measured: dict[int, Measured] = field(default_factory=dict)

    @property
    def record(self) -> NodeRecord:
        """Its record as it stands."""
        return self.graph.nodes[self.node.name]

    def update(self, record: NodeRecord) -> None:
        """From now on it stands so."""
        self.graph.nodes[self.node.name] = record

"""A node and a graph while they run: the only values of a run that change."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from typing import Any

from kitchens_engine.kinds import sql
from kitchens_engine.outcome import NodeRecord, Status
from kitchens_engine.recipe import EMPTY, Node
from kitchens_engine.retry import OTHER
from kitchens_engine.state import states
from kitchens_engine.state.attempt import Attempt
from kitchens_engine.state.fan import Item
from kitchens_engine.state.flow import Flow, Next
from kitchens_engine.state.past import Past
from kitchens_engine.state.plan import Plan
from kitchens_engine.state.pools import Pool
from kitchens_engine.state.scope import Scope
from kitchens_engine.testing.measures import Measured
from kitchens_engine.tuples import NamedTuple


class Phase(NamedTuple):
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


class End(NamedTuple):
    """How a try, or a node, ends: `cause` is the kind of failure in the words of `retry_on`."""

    status: Status
    why: str
    cause: str = OTHER


class Graph:
    """One recipe while it runs, or the instances of a node that is fanned out.

    `nodes` are its records, in the order of the plan; `remaining` of them have not ended, and
    `lives` are those that may start or have started; `kept` were done before, and are not run,
    and `past` is that of which they were, where it still holds. `items` are what the instances
    are of, by their names, and `held` those that wait for others to end. `cancelled` says why
    no more of them start but `always` ones, and none at all when `forced`. `end` is decided
    before its nodes have ended when its time is up; `late` is what is said when it only took
    longer. `pools` are the limits that all its nodes share; `blocks` is what each failed
    instance keeps from running.
    """

    def __init__(
        self,
        plan: Plan,
        scope: Scope,
        flow: Flow,
        parent: LiveNode | None,
        nodes: dict[str, NodeRecord],
        *,
        pools: tuple[Pool, ...] = (),
        items: Mapping[str, Item] = EMPTY,
        kept: Mapping[str, NodeRecord] = EMPTY,
        past: Past | None = None,
    ) -> None:
        self.plan = plan
        self.scope = scope
        self.flow = flow
        self.parent = parent
        self.nodes = nodes
        self.remaining = len(nodes)
        self.pools = pools
        self.items = items
        self.held: deque[Next] = deque()
        self.blocks: list[Collection[str] | None] = []
        self.lives: dict[str, LiveNode] = {}
        self.kept = kept
        self.past = past
        self.cancelled: str | None = None
        self.forced = False
        self.end: End | None = None
        self.late: str | None = None

    def records(self) -> tuple[NodeRecord, ...]:
        """The records of its nodes."""
        return tuple(self.nodes.values())

    def put(self, name: str, record: NodeRecord) -> None:
        """From now on the node stands so."""
        states.check(record.path, self.nodes[name].status, record.status)
        self.nodes[name] = record


class LiveNode:
    """One node from the moment that it may start until its end, or one instance of a node for its `item`.

    `name` is its name in its graph, and `scope` what it sees. `pools` are the limits that it
    shares, `mode` is what it holds of the database while it has a slot. `begun` says that a
    try is under way, `over` that the node has ended. `token` names its running process, before
    which the log had `said` bytes. `end` is decided before the process has ended when it is
    being killed. `met` says that what it waits for was there when one looked. `adopted` says that an earlier runner started its process, `late` that it
    ran longer than it should. `blocks` are the only nodes that its failure keeps from running.
    `fans_out` says that it stands for the instances of a node, `is_graph` that nodes are inside it.
    """

    __slots__ = (
        *("graph", "name", "node", "path", "scope", "retries", "pools", "item", "attempt", "number"),
        *("began", "attempt_began", "slot", "placed", "mode", "token", "phase", "later", "said", "inner"),
        *("asks_worker", "begun", "lost", "adopted", "over", "end", "late", "met", "blocks", "outputs"),
        *("measured", "fans_out", "is_graph"),
    )

    def __init__(
        self,
        graph: Graph,
        name: str,
        node: Node,
        path: str,
        scope: Scope,
        retries: int,
        item: Item | None = None,
    ) -> None:
        self.graph = graph
        self.name = name
        self.node = node
        self.path = path
        self.scope = scope
        self.retries = retries
        self.pools: tuple[Pool, ...] = ()
        self.item = item
        self.attempt: Attempt | None = None
        self.number = 0
        self.began = 0.0
        self.attempt_began = 0.0
        self.slot = False
        self.placed = False
        self.mode: str | None = None
        self.token: str | None = None
        self.phase = WORK
        self.later: deque[Phase] = deque()
        self.said = 0
        self.inner: Graph | None = None
        self.asks_worker = False
        self.begun = False
        self.lost = False
        self.adopted = False
        self.over = False
        self.end: End | None = None
        self.late: str | None = None
        self.met = True
        self.blocks: Collection[str] | None = None
        self.outputs: dict[str, Any] = {}
        self.measured: dict[int, Measured] = {}
        # Asked several times of every node of every run: a look-up costs less than a call.
        self.fans_out = node.each is not None and item is None
        self.is_graph = self.fans_out or node.action in ("recipe", "ingredient")

    @property
    def follows(self) -> bool:
        """Whether it may start only because others have ended."""
        return self.graph.parent is not None or bool(self.graph.plan.needs[self.name])

    @property
    def record(self) -> NodeRecord:
        """Its record as it stands."""
        return self.graph.nodes[self.name]

    def update(self, record: NodeRecord) -> None:
        """From now on it stands so."""
        self.graph.put(self.name, record)

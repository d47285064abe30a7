"""The graphs of a run: which node's turn it is, and what a graph has come to. Knows no processes."""

from __future__ import annotations

from collections import deque

from kitchens_engine.errors import KitchensError
from kitchens_engine.kinds import ingredient, recipe
from kitchens_engine.order import Order
from kitchens_engine.outcome import NodeRecord, Status, fold
from kitchens_engine.running.flow import Flow, Next
from kitchens_engine.running.journal import Journal
from kitchens_engine.running.live import Graph, LiveNode
from kitchens_engine.running.plan import Plan
from kitchens_engine.running.scope import Scope
from kitchens_engine.running.tries import Tries


class Graphs:
    """All graphs of one run. What is due lies in a queue, so that no chain is too long for Python's stack."""

    def __init__(self, order: Order, journal: Journal) -> None:
        self._order = order
        self._journal = journal
        self._todo: deque[tuple[Graph, Next]] = deque()
        self.scopes: dict[str, Scope] = {}
        self.tries: Tries

    def open(self, plan: Plan, scope: Scope, parent: LiveNode | None) -> Graph:
        """Begin a graph; `parent` is the node that it is inside of another."""
        scope.write_files()
        nodes = {name: NodeRecord(name, plan.path_of(name)) for name in plan.nodes}
        graph = Graph(plan, scope, Flow(plan.needs), parent, nodes, len(nodes))
        self.scopes[plan.path] = scope
        for name in (*plan.outside, *plan.beyond):
            path = plan.path_of(name)
            if path in self._order.earlier:
                scope.learn(name, self._order.earlier[path])
        self._journal.nodes(plan.path, graph.records())
        self._todo.extend((graph, following) for following in graph.flow.first())
        return graph

    def enter(self, live: LiveNode) -> None:
        """Begin the graph of a node that is a recipe or an ingredient."""
        plan = live.graph.plan.nested[live.node.name]
        enter = recipe.enter if live.node.action == "recipe" else ingredient.enter
        try:
            scope = enter(live.node, live.graph.scope, plan, self._order)
        except KitchensError as error:
            self.tries.attempt_ended(live, Status.FAILED, error.message)
            return
        live.inner = self.open(plan, scope, live)
        if not plan.nodes:
            self._graph_ended(live.inner)

    def advance(self) -> None:
        """See to every node whose turn it is. What ends at once sets more free, so until nothing is left."""
        while self._todo:
            self._arrive(*self._todo.popleft())

    def cancel(self, graph: Graph, why: str) -> None:
        """End every node of a graph: kill what runs, and never start what waits."""
        graph.cancelled = why
        for live in list(graph.lives.values()):
            if not live.over:
                self.tries.end(live, Status.CANCELLED, why, inside=why)

    def finished(self, live: LiveNode, status: Status) -> None:
        """A node has ended."""
        del live.graph.lives[live.node.name]
        self._tell_flow(live.graph, live.node.name, status)

    def _arrive(self, graph: Graph, following: Next) -> None:
        """A node's needs have ended: skip it, or see to its start."""
        name = following.name
        if graph.cancelled is not None:
            self._skip(graph, name, Status.CANCELLED, graph.cancelled, told=following.skip is not None)
            return
        if following.skip is not None:
            self._skip(graph, name, Status.SKIPPED, following.skip, told=True)
            return
        node = graph.plan.recipe.nodes[name]
        try:
            if node.when is not None and not graph.scope.evaluate(name, node.when):
                self._skip(graph, name, Status.SKIPPED, f"`when` is false: {node.when}", told=False)
                return
        except KitchensError as error:
            self._skip(graph, name, Status.FAILED, f"`when`: {error.message}", told=False)
            return
        live = graph.lives[name] = LiveNode(graph, node, graph.plan.path_of(name), node.retries)
        self.tries.ask(live)

    def _skip(self, graph: Graph, name: str, status: Status, why: str, *, told: bool) -> None:
        """A node ends without having begun. `told` says that its graph knows it already."""
        graph.nodes[name] = graph.nodes[name]._replace(status=status, why=why)
        graph.scope.learn(name, {})
        self._journal.node_ended(graph.nodes[name])
        if told:
            self._count_down(graph)
        else:
            self._tell_flow(graph, name, status)

    def _tell_flow(self, graph: Graph, name: str, status: Status) -> None:
        self._todo.extend((graph, following) for following in graph.flow.end(name, status))
        self._count_down(graph)

    def _count_down(self, graph: Graph) -> None:
        graph.remaining -= 1
        if graph.remaining == 0:
            self._graph_ended(graph)

    def _graph_ended(self, graph: Graph) -> None:
        live = graph.parent
        if live is None:
            return
        live.inner = None
        live.update(live.record._replace(nodes=graph.records()))
        status = fold(node.status for node in graph.nodes.values())
        if live.end is not None:
            self.tries.attempt_ended(live, *live.end)
        elif status in (Status.FAILED, Status.CANCELLED):
            names = "`, `".join(node.name for node in graph.nodes.values() if node.status is status)
            self.tries.attempt_ended(live, status, f"`{names}` {status}")
        else:
            self._graph_passed(live, graph)

    def _graph_passed(self, live: LiveNode, graph: Graph) -> None:
        if live.node.action == "ingredient":
            try:
                live.outputs = ingredient.leave(graph.scope)
            except KitchensError as error:
                self.tries.attempt_ended(live, Status.FAILED, error.message)
                return
        self.tries.go_on(live)

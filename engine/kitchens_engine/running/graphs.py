"""The graphs of a run: which node's turn it is, and what a graph has come to. Knows no processes."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection

from kitchens_engine.errors import KitchensError
from kitchens_engine.kinds import ingredient, recipe
from kitchens_engine.order import Order
from kitchens_engine.outcome import NodeRecord, Status
from kitchens_engine.recipe import Node
from kitchens_engine.retry import TIMEOUT
from kitchens_engine.state import fan, inside
from kitchens_engine.state.flow import Flow, Next
from kitchens_engine.state.journal import Journal
from kitchens_engine.state.live import End, Graph, LiveNode
from kitchens_engine.state.past import Past
from kitchens_engine.state.plan import Plan
from kitchens_engine.state.pools import Places, Pool, Pools
from kitchens_engine.state.scope import ItemScope, Scope
from kitchens_engine.state.timers import Timers
from kitchens_engine.testing import measures
from kitchens_engine.trying import declared
from kitchens_engine.trying.tries import Tries

_INDEX = re.compile(r"\[\d+\]")


class Graphs:
    """All graphs of one run. What is due lies in a queue, so that no chain is too long for Python's stack."""

    def __init__(self, order: Order, journal: Journal, timers: Timers, pools: Pools) -> None:
        self._order = order
        self._journal = journal
        self._timers = timers
        self._pools = pools
        self._todo: deque[tuple[Graph, Next]] = deque()
        self._ending: deque[Graph] = deque()
        # What was done before inside these is used up: a further try begins with nothing.
        self._entered: set[str] = set()
        self.scopes: dict[str, Scope] = {}
        self.tries: Tries

    def open(
        self, plan: Plan, scope: Scope, parent: LiveNode | None = None, past: Past | None = None
    ) -> Graph:
        """Begin a graph; `parent` is the node that it is inside of another, `past` what was done of it before."""
        scope.write_files()
        always = [name for name in plan.nodes if plan.recipe.nodes[name].always]
        kept = past.kept({name: plan.path_of(name) for name in plan.nodes}, plan.needs) if past else {}
        waiting = past.waiting if past else NodeRecord
        nodes = {name: kept.get(name) or waiting(name, plan.path_of(name)) for name in plan.nodes}
        flow = Flow(plan.needs, always)
        pools = parent.pools if parent else ()
        if plan.recipe.concurrency is not None:
            pools += (Places(plan.recipe.concurrency),)
        graph = Graph(plan, scope, flow, parent, nodes, pools=pools, kept=kept, past=past)
        self.scopes[plan.path] = scope
        for name in (*plan.outside, *plan.beyond):
            # What was left is known by the recipe's own tree, whatever item of a list this is.
            path = _INDEX.sub("", plan.path_of(name))
            if path in (earlier := self._order.earlier).outputs:
                scope.learn_left(name, earlier.outputs[path], earlier.tests.get(path, {}))
        self._begin(graph, plan.path)
        if plan.recipe.timeout is not None:
            self._timers.after(plan.recipe.timeout, lambda: self._time_out(graph))
        return graph

    def enter(self, live: LiveNode) -> None:
        """Begin the graph of a node that is one."""
        try:
            live.inner = self._fan_out(live) if live.fans_out else self._nest(live)
        except KitchensError as error:
            what = "`each`: " if live.fans_out else ""
            why = self._order.hidden.text(f"{what}{error.message}")
            self.tries.attempt_ended(live, End(Status.FAILED, why))
            return
        if not live.inner.nodes:
            self._over(live.inner)

    def advance(self) -> None:
        """See to every node whose turn it is. What ends at once sets more free, so until nothing is left."""
        while self._todo:
            self._arrive(*self._todo.popleft())

    def cancel(self, graph: Graph, why: str, force: bool = False) -> None:
        """End the nodes of a graph: kill what runs, and never start what waits.

        What cleans up (`always`) still runs, and still may start, unless this is `force`d.
        """
        graph.cancelled = graph.cancelled or why
        graph.forced = graph.forced or force
        for live in list(graph.lives.values()):
            if live.over or (live.node.always and not graph.forced):
                continue
            self.tries.end(live, End(Status.CANCELLED, why), inside=why, force=graph.forced)
        self._todo.extend((graph, following) for following in graph.held)
        graph.held.clear()

    def finished(self, live: LiveNode, status: Status) -> None:
        """A node has ended."""
        del live.graph.lives[live.name]
        if live.item is not None and status is Status.FAILED:
            live.graph.blocks.append(live.blocks)
        self._tell_flow(live.graph, live.name, status, live.blocks)

    # --- beginning -------------------------------------------------------------------------

    def _nest(self, live: LiveNode) -> Graph:
        plan = live.graph.plan.nested[live.node.name]
        if plan.path != live.path:
            plan = plan.at(live.path)
        scope = _scope_of(live.node, live.scope, plan, self._order)
        return self.open(plan, scope, live, self._past_inside(live))

    def _fan_out(self, live: LiveNode) -> Graph:
        items = fan.items(live.node, live.scope)
        plan = live.graph.plan
        past = self._past_inside(live)
        needs: dict[str, tuple[str, ...]] = dict.fromkeys(items, ())
        kept = past.kept({name: plan.path_of(name) for name in items}, needs) if past else {}
        waiting = past.waiting if past else NodeRecord
        nodes = {name: kept.get(name) or waiting(name, plan.path_of(name)) for name in items}
        flow = Flow(needs)
        graph = Graph(
            plan, live.scope, flow, live, nodes, pools=live.pools, items=items, kept=kept, past=past
        )
        self._begin(graph, live.path)
        return graph

    def _begin(self, graph: Graph, path: str) -> None:
        """Tell of the nodes, and see to those that need nothing; `parallel` holds back what is too much."""
        anew = graph.past is None and graph.parent is not None and graph.parent.number > 1
        self._journal.nodes(path, graph.records(), anew=anew)
        first = graph.flow.first()
        parallel = graph.parent.node.parallel if graph.parent and graph.items else None
        self._todo.extend((graph, following) for following in first[:parallel])
        if parallel is not None:
            graph.held.extend(first[parallel:])

    def _arrive(self, graph: Graph, following: Next) -> None:
        """A node's needs have ended: skip it, or see to its start."""
        name = following.name
        if name in graph.kept:
            self._keep(graph, name, told=following.skip is not None)
            return
        node = graph.parent.node if graph.parent and graph.items else graph.plan.recipe.nodes[name]
        if graph.cancelled is not None and (graph.forced or not node.always):
            self._skip(graph, name, Status.CANCELLED, graph.cancelled, told=following.skip is not None)
            return
        if following.skip is not None:
            self._skip(graph, name, Status.SKIPPED, following.skip, told=True)
            return
        if graph.items:
            self._start_instance(graph, name)
            return
        try:
            if node.when is not None and not graph.scope.evaluate(name, node.when):
                self._skip(graph, name, Status.SKIPPED, f"`when` is false: {node.when}", told=False)
                return
        except KitchensError as error:
            why = f"`when`: {error.message}{_silent(graph, node.when or '')}"
            self._skip(graph, name, Status.FAILED, why, told=False)
            return
        if node.each is not None:
            node = fan.whole(node)
        path = graph.plan.path_of(name)
        live = LiveNode(graph, name, node, path, graph.scope, self._retries(node, path))
        live.pools = self._pools_of(graph, node)
        graph.lives[name] = live
        self.tries.ask(live)

    def _start_instance(self, graph: Graph, name: str) -> None:
        assert graph.parent is not None
        node = graph.plan.recipe.nodes[graph.parent.node.name]
        item = graph.items[name]
        path = graph.plan.path_of(name)
        scope = ItemScope(graph.scope, *item)
        retries = self._retries(node, path)
        live = LiveNode(graph, name, node, path, scope, retries, item)
        live.pools = graph.pools
        graph.lives[name] = live
        self.tries.ask(live)

    def _retries(self, node: Node, path: str) -> int:
        """How often the node may be tried again; an earlier runner may have used some."""
        past = self._order.past
        return past.retries_left(node.retry.times, path) if past else node.retry.times

    def _pools_of(self, graph: Graph, node: Node) -> tuple[Pool, ...]:
        """The limits around the node, and its own. A node inside one that is in the same pool takes no second place."""
        if node.pool is None:
            return graph.pools
        pool = self._pools.of(graph.plan.recipe, node.pool)
        return graph.pools if pool in graph.pools else (*graph.pools, pool)

    def _time_out(self, graph: Graph) -> None:
        """The time of a whole recipe is up."""
        if graph.remaining == 0 or graph.cancelled is not None:
            return
        recipe = graph.plan.recipe
        if recipe.alert:
            graph.late = f"`{recipe.name}` ran longer than {recipe.timeout:g} s"
            self._journal.late(graph.plan.path or None, graph.late)
            return
        why = f"`{recipe.name}` timed out after {recipe.timeout:g} s"
        graph.end = End(Status.FAILED, why, TIMEOUT)
        self.cancel(graph, why)

    # --- done before -----------------------------------------------------------------------

    def _past_inside(self, live: LiveNode) -> Past | None:
        """What was done before inside a node, if that still holds: all that it needs is kept, and this try began then."""
        graph = live.graph
        if graph.past is None or live.path in self._entered:
            return None
        self._entered.add(live.path)
        needs = () if graph.items else graph.plan.needs[live.name]
        return graph.past if all(needed in graph.kept for needed in needs) else None

    def _keep(self, graph: Graph, name: str, *, told: bool) -> None:
        """A node was done before."""
        node = graph.kept[name]
        if not graph.items:
            self._learn(graph.plan, graph.scope, node)
        self._journal.kept(node)
        if told:
            self._count_down(graph)
            return
        blocks = _blocks_of(graph, node)
        if graph.items and node.status is Status.FAILED:
            graph.blocks.append(blocks)
        self._tell_flow(graph, name, node.status, blocks)

    def _learn(self, plan: Plan, scope: Scope, node: NodeRecord) -> None:
        """What a node gave when it was done is seen downstream, and what is inside it by the functional tests."""
        node_of = plan.recipe.nodes[node.name]
        instances = node.nodes if node_of.each is not None else ()
        tests = tuple(test for one in instances for test in one.tests) if instances else node.tests
        scope.learn(node.name, node.outputs, tests)
        inner = plan.nested.get(node.name)
        if inner is None:
            return
        if node_of.each is None:
            self._learn_inside(node_of, scope, inner, node)
        for one, item in zip(
            instances, fan.items(node_of, scope).values() if instances else (), strict=False
        ):
            self._learn_inside(node_of, ItemScope(scope, *item), inner, one)

    def _learn_inside(self, node: Node, around: Scope, plan: Plan, done: NodeRecord) -> None:
        if not done.nodes:
            return
        plan = plan if plan.path == done.path else plan.at(done.path)
        scope = _scope_of(node, around, plan, self._order)
        scope.write_files()
        self.scopes[plan.path] = scope
        for inner in done.nodes:
            self._learn(plan, scope, inner)

    # --- ending ----------------------------------------------------------------------------

    def _skip(self, graph: Graph, name: str, status: Status, why: str, *, told: bool) -> None:
        """A node ends without having begun. `told` says that its graph knows it already."""
        graph.put(name, graph.nodes[name]._replace(status=status, why=why))
        if not graph.items:
            graph.scope.learn(name, {})
        self._journal.node_ended(graph.nodes[name])
        if told:
            self._count_down(graph)
        else:
            self._tell_flow(graph, name, status)

    def _tell_flow(
        self, graph: Graph, name: str, status: Status, blocks: Collection[str] | None = None
    ) -> None:
        self._todo.extend((graph, following) for following in graph.flow.end(name, status, blocks))
        self._count_down(graph)

    def _count_down(self, graph: Graph) -> None:
        graph.remaining -= 1
        if graph.held:
            self._todo.append((graph, graph.held.popleft()))
        if graph.remaining == 0:
            self._over(graph)

    def _over(self, graph: Graph) -> None:
        """The end of a graph may be that of the one around it: one after the other, however deep they lie."""
        self._ending.append(graph)
        if len(self._ending) > 1:
            return
        try:
            while self._ending:
                self._graph_ended(self._ending[0])
                self._ending.popleft()
        finally:
            self._ending.clear()

    def _graph_ended(self, graph: Graph) -> None:
        live = graph.parent
        if live is None:
            return
        live.inner = None
        live.update(live.record._replace(nodes=graph.records()))
        live.late = live.late or graph.late
        if live.fans_out:
            self._gather(live, graph)
        elif end := live.end or graph.end or _trouble(live):
            self.tries.attempt_ended(live, end)
        else:
            self._graph_passed(live, graph)

    def _gather(self, live: LiveNode, graph: Graph) -> None:
        """All instances have ended: what they gave together."""
        plan = graph.plan.nested.get(live.node.name)
        live.outputs = fan.outputs(live.node, plan, graph.records())
        status, why = fan.verdict(graph.records())
        if live.end is None and status in (Status.PASSED, Status.WARNED):
            self.tries.go_on(live)
            return
        if graph.blocks and None not in graph.blocks:
            live.blocks = frozenset(name for names in graph.blocks for name in names or ())
        self.tries.attempt_ended(live, live.end or End(status, why or ""))

    def _graph_passed(self, live: LiveNode, graph: Graph) -> None:
        if live.node.action == "ingredient":
            try:
                whole = not _failed(graph)
                live.outputs = ingredient.leave(graph.scope, whole=whole)
                if whole:
                    declared.hold(live.node, live.outputs)
            except KitchensError as error:
                self.tries.attempt_ended(live, End(Status.FAILED, error.message))
                return
        self.tries.go_on(live)


def _trouble(live: LiveNode) -> End | None:
    """Which nodes kept the graph of this one from passing, if any did."""
    status, why = inside.of(live)
    return End(status, why or "") if status in (Status.FAILED, Status.CANCELLED) else None


def _failed(graph: Graph) -> bool:
    return any(node.status is Status.FAILED for node in graph.nodes.values())


def _silent(graph: Graph, expression: str) -> str:
    """Which nodes of an expression were skipped, where that may be why it has no value."""
    read = [
        name for name, node in graph.nodes.items() if node.status is Status.SKIPPED and name in expression
    ]
    named = [name for name in read if re.search(rf"\boutputs(?:\.|\[['\"]){re.escape(name)}\b", expression)]
    return f"; `{named[0]}` was skipped, so it gave no outputs" if named else ""


def _blocks_of(graph: Graph, record: NodeRecord) -> Collection[str] | None:
    """The only nodes that the failed tests of a node keep from running; see `LiveNode.blocks`."""
    if record.status is not Status.FAILED:
        return None
    # What stands for all instances has no tests: they are the node's own.
    name = graph.parent.node.name if graph.parent and graph.items else record.name
    node = graph.plan.recipe.nodes[name]
    fanned_out = node.each is not None and not graph.items
    failed = [one for one in record.nodes if one.status is Status.FAILED] if fanned_out else [record]
    blocks = [measures.blocked(node, one.tests) if one.tests else None for one in failed]
    return None if None in blocks else frozenset(name for names in blocks for name in names or ())


def _scope_of(node: Node, outer: Scope, plan: Plan, order: Order) -> Scope:
    """What the graph of a node sees."""
    enter = recipe.enter if node.action == "recipe" else ingredient.enter
    return enter(node, outer, plan, order)

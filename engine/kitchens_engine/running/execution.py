"""The loop of one run: starts what may start, waits for what ends, until every node has ended.

    ready → admitted (a slot, the database) → work → measures → judged → ended
      │                                        └─ failed, retries left → ready, after a delay
      └─ `when` is false, or a failure upstream → skipped

One thread. Whatever changes lies in `live`; how a graph moves on is decided in `flow`,
who may start in `admission`.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import count

from kitchens_engine import kinds
from kitchens_engine.errors import EnvironmentFailure, KitchensError
from kitchens_engine.kinds import ingredient, recipe
from kitchens_engine.order import Order
from kitchens_engine.outcome import NodeRecord, Status, TestRecord, fold
from kitchens_engine.ports import Ended, Runtime
from kitchens_engine.running import launch
from kitchens_engine.running.admission import READ, Admission
from kitchens_engine.running.attempt import Attempt
from kitchens_engine.running.evidence import why_failed
from kitchens_engine.running.flow import Flow, Next
from kitchens_engine.running.journal import Journal
from kitchens_engine.running.live import SQL, WORK, Graph, LiveNode, phases_after
from kitchens_engine.running.plan import Plan
from kitchens_engine.running.scope import Scope
from kitchens_engine.testing import measures
from kitchens_engine.testing.measures import Measured

#: How long the loop sleeps at most before it looks whether it is to stop.
_PATIENCE = 0.1
_CANCELLED = "the run was cancelled"


class Execution:
    """Runs one plan. `graph` holds the records, at any moment."""

    def __init__(
        self,
        order: Order,
        plan: Plan,
        scope: Scope,
        runtime: Runtime,
        journal: Journal,
        stop: threading.Event,
        jobs: int,
    ) -> None:
        self._order = order
        self._runtime = runtime
        self._journal = journal
        self._stop = stop
        self._admission: Admission[LiveNode] = Admission(jobs)
        self._todo: deque[tuple[Graph, Next]] = deque()
        self._running: dict[str, LiveNode] = {}
        self._lives: dict[int, LiveNode] = {}
        self._attempts: dict[str, int] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = count()
        self._start = time.monotonic()
        self.scopes: dict[str, Scope] = {}
        self.graph = self._open(plan, scope, None)

    def run(self) -> None:
        """Run to the end of every node. Raises `EnvironmentFailure` when the runtime lost a process twice."""
        while True:
            if self._stop.is_set() and self.graph.cancelled is None:
                self._cancel(self.graph, _CANCELLED)
            self._advance()
            if self.graph.remaining == 0:
                return
            for ended in self._wait():
                self._process_ended(ended)
            self._ring(time.monotonic())

    def abandon(self) -> None:
        """Kill what runs, after an error; waits a moment for it to end."""
        for token in self._running:
            self._runtime.kill(token)
        deadline = time.monotonic() + 5
        while self._running and time.monotonic() < deadline:
            for ended in self._runtime.wait(_PATIENCE):
                self._running.pop(ended.token, None)

    # --- the loop's parts ----------------------------------------------------------------

    def _advance(self) -> None:
        """Start all that may start. What ends at once sets more free, so until nothing moves."""
        while True:
            while self._todo:
                self._arrive(*self._todo.popleft())
            live = self._admission.admit()
            if live is None:
                return
            self._admitted(live)

    def _wait(self) -> Sequence[Ended]:
        patience = min(_PATIENCE, self._journal.flush_when_due(time.monotonic()))
        if self._timers:
            patience = min(patience, max(0.0, self._timers[0][0] - time.monotonic()))
        if not self._running:
            self._stop.wait(patience)
            return []
        return self._runtime.wait(patience)

    def _ring(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._serial), act))

    # --- graphs --------------------------------------------------------------------------

    def _open(self, plan: Plan, scope: Scope, parent: LiveNode | None) -> Graph:
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

    def _cancel(self, graph: Graph, why: str) -> None:
        """End every node of a graph: kill what runs, and never start what waits."""
        graph.cancelled = why
        for live in list(self._lives.values()):
            if live.graph is not graph or live.over:
                continue
            live.end = live.end or (Status.CANCELLED, why)
            if live.inner is not None:
                self._cancel(live.inner, why)
            elif live.token is not None:
                self._runtime.kill(live.token)
            else:
                self._finish(live, *live.end)

    def _graph_ended(self, graph: Graph) -> None:
        live = graph.parent
        if live is None:
            return
        live.inner = None
        self._update(live, live.record._replace(nodes=graph.records()))
        status = fold(node.status for node in graph.nodes.values())
        if live.end is not None:
            self._attempt_ended(live, *live.end)
        elif status in (Status.FAILED, Status.CANCELLED):
            names = "`, `".join(node.name for node in graph.nodes.values() if node.status is status)
            self._attempt_ended(live, status, f"`{names}` {status}")
        else:
            self._graph_passed(live, graph)

    def _graph_passed(self, live: LiveNode, graph: Graph) -> None:
        if live.node.action == "ingredient":
            try:
                live.outputs = ingredient.leave(graph.scope)
            except KitchensError as error:
                self._attempt_ended(live, Status.FAILED, error.message)
                return
        self._continue(live)

    # --- one node, up to its start -------------------------------------------------------

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
        live = LiveNode(graph, node, graph.plan.path_of(name), node.retries)
        self._lives[id(live)] = live
        self._queue(live)

    def _skip(self, graph: Graph, name: str, status: Status, why: str, *, told: bool) -> None:
        """A node ends without having begun. `told` says that its graph knows it already."""
        graph.nodes[name] = graph.nodes[name]._replace(status=status, why=why)
        graph.scope.learn(name, {})
        self._journal.node_ended(graph.nodes[name])
        if told:
            self._count_down(graph)
        else:
            self._tell_flow(graph, name, status)

    def _queue(self, live: LiveNode) -> None:
        if live.over:
            return
        live.phase = WORK
        if live.node.action in ("recipe", "ingredient"):
            self._enter(live)
        elif live.node.action == "noop":
            self._begin(live)
        else:
            live.mode = kinds.database_mode(live.node)
            self._admission.ask(live, live.mode)

    def _admitted(self, live: LiveNode) -> None:
        live.slot = True
        if live.over:
            self._let_go(live)
        elif live.phase is WORK:
            self._begin(live)
        else:
            self._start_phase(live)

    def _enter(self, live: LiveNode) -> None:
        """Begin a node that is a graph."""
        self._new_attempt(live)
        plan = live.graph.plan.nested[live.node.name]
        enter = recipe.enter if live.node.action == "recipe" else ingredient.enter
        try:
            scope = enter(live.node, live.graph.scope, plan, self._order)
        except KitchensError as error:
            self._attempt_ended(live, Status.FAILED, error.message)
            return
        live.inner = self._open(plan, scope, live)
        if not plan.nodes:
            self._graph_ended(live.inner)

    def _begin(self, live: LiveNode) -> None:
        """Begin a try of a node that is a process, or nothing."""
        self._new_attempt(live)
        self._start_phase(live)

    def _new_attempt(self, live: LiveNode) -> None:
        number = self._attempts[live.path] = self._attempts.get(live.path, 0) + 1
        now = time.monotonic()
        live.began = live.began or now
        live.number, live.attempt_began = number, now
        live.later, live.end, live.begun = phases_after(live.node), None, True
        live.outputs, live.measured = {}, {}
        live.attempt = Attempt(f"{live.path}#{number}", f"{self._order.folder}/nodes/{live.path}.{number}")
        silent = live.node.action in ("recipe", "ingredient", "noop")
        if not silent or live.later:
            live.attempt.make_folder()
        started = live.record.started or self._now()
        self._update(
            live,
            live.record._replace(
                status=Status.RUNNING,
                why=None,
                started=started,
                attempts=number,
                log=None if silent else live.attempt.log,
            ),
        )
        self._journal.node_started(live.record)
        if live.node.timeout is not None:
            self._after(live.node.timeout, lambda: self._time_out(live, number))

    # --- processes -----------------------------------------------------------------------

    def _start_phase(self, live: LiveNode) -> None:
        assert live.attempt is not None
        token = f"{live.attempt.token}.{next(self._serial)}"
        try:
            command = launch.prepare(live, token, self._order, self._runtime)
        except (KitchensError, OSError, ValueError) as error:
            why = error.message if isinstance(error, KitchensError) else str(error)
            live.attempt.note(why)
            self._phase_failed(live, why)
            return
        if command is None:
            self._continue(live)
            return
        live.token = token
        live.said = 0 if live.phase is WORK else live.attempt.size()
        self._running[token] = live
        self._runtime.start(command)

    def _process_ended(self, ended: Ended) -> None:
        live = self._running.pop(ended.token)
        live.token = None
        assert live.attempt is not None
        if live.end is not None:
            self._attempt_ended(live, *live.end)
        elif ended.lost is not None:
            self._process_lost(live, ended.lost)
        else:
            result = live.attempt.answer(ended.token) if live.asks_worker else None
            why = why_failed(ended, live.attempt, result, worker=live.asks_worker, after=live.said)
            if why is None:
                launch.learn(live, result or {})
                self._continue(live)
            else:
                self._phase_failed(live, why)

    def _process_lost(self, live: LiveNode, why: str) -> None:
        """Nobody knows how it ended. Once is bad luck and not counted; twice is the environment's failure."""
        if live.lost:
            raise EnvironmentFailure(f"node `{live.path}` was lost twice: {why}")
        live.lost = True
        if live.phase is not WORK:
            self._start_phase(live)
            return
        self._let_go(live)
        self._journal.node_retried(live.record, why, 0.0)
        self._queue(live)

    def _phase_failed(self, live: LiveNode, why: str) -> None:
        """Work that fails fails its node; a measure that fails has no value."""
        if live.phase is WORK:
            self._attempt_ended(live, Status.FAILED, why)
            return
        live.measured |= {number: Measured(error=why) for number in live.phase.tests}
        self._continue(live)

    def _continue(self, live: LiveNode) -> None:
        """Go on to the node's next process, with the database if that needs it; judge after the last."""
        if live.node.tests:
            live.graph.scope.learn(live.node.name, live.outputs)
        if not live.later:
            self._judge(live)
            return
        live.phase = live.later.popleft()
        mode = READ if live.phase.kind == SQL else None
        if live.slot and (mode is None or live.mode is not None):
            self._start_phase(live)
            return
        self._let_go(live)
        live.mode = mode
        self._admission.resume(live, mode)

    def _time_out(self, live: LiveNode, number: int) -> None:
        if live.over or live.number != number or live.end is not None or not live.begun:
            return
        live.end = (Status.FAILED, f"timed out after {live.node.timeout:g} s")
        if live.inner is not None:
            self._cancel(live.inner, f"`{live.node.name}` timed out")
        elif live.token is not None:
            self._runtime.kill(live.token)
        else:
            self._attempt_ended(live, *live.end)

    # --- the end of a node ---------------------------------------------------------------

    def _judge(self, live: LiveNode) -> None:
        """Hold the measured values to their rules, and end the node by them."""
        tests = measures.judge_all(live.node, live.graph.scope, live.outputs, live.measured)
        status, why = measures.verdict(tests, live.record.nodes)
        self._close_attempt(live, status, why)
        self._finish(live, status, why, tests)

    def _attempt_ended(self, live: LiveNode, status: Status, why: str) -> None:
        """A try ended without success: try again, or end the node."""
        self._close_attempt(live, status, why)
        again = status is Status.FAILED and live.retries > 0 and live.graph.cancelled is None
        if not again:
            self._finish(live, status, why)
            return
        live.retries -= 1
        self._journal.node_retried(live.record, why, live.node.retry_delay)
        self._after(live.node.retry_delay, lambda: self._queue(live))

    def _close_attempt(self, live: LiveNode, status: Status, why: str | None) -> None:
        self._let_go(live)
        live.begun = False
        seconds = round(time.monotonic() - live.attempt_began, 3)
        began = self._order.started + timedelta(seconds=live.attempt_began - self._start)
        self._journal.attempt_ended(live.record, began, seconds, status, why)

    def _finish(
        self, live: LiveNode, status: Status, why: str | None, tests: tuple[TestRecord, ...] = ()
    ) -> None:
        live.over = True
        del self._lives[id(live)]
        seconds = round(time.monotonic() - live.began, 3) if live.number else None
        ended = live.record._replace(
            status=status, why=why, seconds=seconds, outputs=live.outputs, tests=tests
        )
        self._update(live, ended)
        live.graph.scope.learn(live.node.name, live.outputs, tests)
        self._journal.node_ended(live.record)
        self._tell_flow(live.graph, live.node.name, status)

    def _tell_flow(self, graph: Graph, name: str, status: Status) -> None:
        self._todo.extend((graph, following) for following in graph.flow.end(name, status))
        self._count_down(graph)

    def _count_down(self, graph: Graph) -> None:
        graph.remaining -= 1
        if graph.remaining == 0:
            self._graph_ended(graph)

    def _let_go(self, live: LiveNode) -> None:
        if live.slot:
            live.slot = False
            self._admission.release(live.mode)

    def _update(self, live: LiveNode, record: NodeRecord) -> None:
        live.graph.nodes[live.node.name] = record

    def _now(self) -> datetime:
        return self._order.started + timedelta(seconds=time.monotonic() - self._start)

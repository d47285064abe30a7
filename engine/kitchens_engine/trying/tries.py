"""The tries of every node: from its place in the queue, through its phases, to its verdict.

asks → admitted (a slot, the database) → work → measures → judged → finished
  │                                       └─ failed, retries left → asks again, after a delay
  └─ a recipe or an ingredient → entered → its graph ended → measures → judged → finished
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from kitchens_engine import kinds
from kitchens_engine.errors import KitchensError
from kitchens_engine.kinds import wait
from kitchens_engine.order import Order
from kitchens_engine.outcome import Status, TestRecord
from kitchens_engine.ports import Runtime
from kitchens_engine.retry import TEST, TIMEOUT
from kitchens_engine.state import inside
from kitchens_engine.state.attempt import Attempt, folder_name
from kitchens_engine.state.journal import Journal
from kitchens_engine.state.live import SQL, WORK, End, Graph, LiveNode, phases_after
from kitchens_engine.state.timers import Timers
from kitchens_engine.testing import measures
from kitchens_engine.testing.measures import Measured
from kitchens_engine.trying import secrets
from kitchens_engine.trying.admission import READ, Admission
from kitchens_engine.trying.processes import Processes

#: How much of the end of a log is searched by `matches:` of `retry_on`.
_SEARCHED = 65536

_NOTHING_INSIDE = (Status.PASSED, None)


class Tries:
    """Carries nodes out.

    `enter` begins the graph of a node that is one, `interrupt` ends it before its time;
    `finished` is told of each node that has ended.
    """

    def __init__(
        self,
        order: Order,
        runtime: Runtime,
        journal: Journal,
        timers: Timers,
        jobs: int,
        enter: Callable[[LiveNode], None],
        interrupt: Callable[[Graph, str, bool], None],
        finished: Callable[[LiveNode, Status], None],
    ) -> None:
        self._order = order
        self._journal = journal
        self._timers = timers
        self._enter = enter
        self._interrupt = interrupt
        self._finished = finished
        self._admission: Admission[LiveNode] = Admission(jobs)
        self._attempts: dict[str, int] = order.past.numbers() if order.past else {}
        self._cut_off: dict[str, datetime] = order.past.cut_off() if order.past else {}
        self._waited_since: dict[str, datetime] = {}
        self._start = time.monotonic()
        self.processes = Processes(order, runtime, journal, self._phase_ended, self._lost)

    def ask(self, live: LiveNode) -> None:
        """Begin a try of the node as soon as it may."""
        if live.over:
            return
        live.phase = WORK
        if live.is_graph:
            self._begin(live)
            self._enter(live)
        elif live.node.action == "noop":
            self._begin(live)
            self.processes.start(live)
        elif live.node.action == "wait":
            if not self._taken_over(live):
                self._begin(live)
                self._wait(live)
        else:
            live.mode = kinds.database_mode(live.node)
            begun = live.path in self._cut_off
            self._admission.ask(live, live.mode, live.pools, first=begun)

    def admit(self) -> bool:
        """Start the next that may start; False when there is none."""
        live = self._admission.admit()
        if live is None:
            return False
        if live.token is not None:  # it looks already: a wait that was tried again had asked before
            self._admission.release(live.mode)
            return True
        live.slot = True
        begins = live.phase is WORK and not live.begun
        if begins:
            live.placed = True
        if live.over:
            self._leave(live)
            return True
        if begins:
            if self._taken_over(live):
                return True
            self._begin(live)
        self.processes.start(live)
        return True

    def end(self, live: LiveNode, end: End, *, inside: str, force: bool = False) -> None:
        """End a node for a reason from outside; `inside` is the reason for the nodes of its graph, if it has one.

        What cleans up inside it still runs, unless this is `force`d.
        """
        live.end = live.end or end
        if live.inner is not None:
            self._interrupt(live.inner, inside, force)
        elif live.token is not None:
            self.processes.kill(live)
        elif live.begun:
            self.attempt_ended(live, live.end)
        else:
            self._finish(live, live.end.status, live.end.why)

    def go_on(self, live: LiveNode) -> None:
        """The node's work, or a measure, has passed: its next process, or the verdict after the last."""
        if live.phase is WORK and not live.met:
            self._look_again(live)
            return
        if live.node.tests:
            live.scope.learn(live.node.name, live.outputs)
        if not live.later:
            self._judge(live)
            return
        live.phase = live.later.popleft()
        mode = READ if live.phase.kind == SQL and live.node.connection is None else None
        if live.slot and (mode is None or live.mode is not None):
            self.processes.start(live)
            return
        self._let_go(live)
        live.mode = mode
        self._admission.resume(live, mode)

    def attempt_ended(self, live: LiveNode, end: End, tests: tuple[TestRecord, ...] = ()) -> None:
        """A try ended without success: try again, or end the node."""
        self._close_attempt(live, end.status, end.why)
        if not self._again(live, end):
            self._finish(live, end.status, end.why, tests)
            return
        live.retries -= 1
        retry = live.node.retry
        pause = retry.pause(retry.times - live.retries, f"{self._order.run}/{live.path}#{live.number}")
        self._journal.node_retried(live.record, end.why, pause)
        self._timers.after(pause, lambda: self.ask(live))

    # --- a wait --------------------------------------------------------------------------

    def _wait(self, live: LiveNode) -> None:
        """A wait takes no slot: a timer, a companion, or now and then a look into the embedded database."""
        number, now = live.number, self._now()
        since = self._waited_since.pop(live.path, now)
        try:
            seconds = wait.seconds_left(live.node, live.scope, self._order.started, since, now)
        except KitchensError as error:
            self.attempt_ended(live, End(Status.FAILED, error.message))
            return
        if seconds is not None:
            self._timers.after(seconds, lambda: self._when_on(live, number, self.go_on))
        elif wait.looks_into_database(live.node):
            self._look(live)
        else:
            self.processes.start(live)

    def _look(self, live: LiveNode) -> None:
        live.mode = READ
        self._admission.resume(live, READ)

    def _look_again(self, live: LiveNode) -> None:
        self._let_go(live)
        live.met, number = True, live.number
        self._timers.after(wait.every(live.node), lambda: self._when_on(live, number, self._look))

    def _when_on(self, live: LiveNode, number: int, act: Callable[[LiveNode], None]) -> None:
        """Do it if that very try still waits."""
        if live.begun and not live.over and live.number == number and live.token is None:
            act(live)

    # --- a try ---------------------------------------------------------------------------

    def _taken_over(self, live: LiveNode) -> bool:
        """Whether a try goes on that an earlier runner began; those that are lost are recorded."""
        past = self._order.past
        while past is not None and past.continued:
            began = self._cut_off.pop(live.path, None)
            number = self._attempts.get(live.path, 0) + (began is None)
            attempt = self._attempt(live, number)
            if not attempt.begun:
                return False
            # What the records do not know began so shortly before the end of its runner that its folder is as old.
            began = began or attempt.began()
            self._attempts[live.path] = number
            self._set_out(live, number, (self._now() - began).total_seconds())
            live.update(
                live.record._replace(
                    status=Status.RUNNING,
                    started=live.record.started or began,
                    attempts=number,
                    log=attempt.log,
                )
            )
            if self.processes.adopt(live):
                self._journal.node_started(live.record, number + live.retries)
                return True
            live.begun = False
            # Time went by for a wait, whether anybody counted it or not.
            self._waited_since[live.path] = past.since(live.path, began)
            why = "it was cut off with its runner"
            self._journal.attempt_ended(live.record, began, None, Status.INTERRUPTED, why)
        return False

    def _set_out(self, live: LiveNode, number: int, ago: float = 0.0) -> None:
        """A try begins, or began some seconds `ago`."""
        now = time.monotonic() - ago
        live.began = live.began or now
        live.number, live.attempt_began = number, now
        live.later, live.end, live.late, live.begun = phases_after(live.node), None, None, True
        live.outputs, live.measured, live.blocks, live.adopted = {}, {}, None, False
        live.attempt = self._attempt(live, number)
        if live.node.timeout is not None:
            self._timers.after(live.node.timeout - ago, lambda: self._time_out(live, number))

    def _attempt(self, live: LiveNode, number: int) -> Attempt:
        folder = f"{self._order.folder}/nodes/{folder_name(live.path)}.{number}"
        return Attempt(f"{live.path}#{number}", folder)

    def _next_number(self, live: LiveNode) -> int:
        """A graph that was cut off is the same try; every process begins one of its own."""
        number = self._attempts.get(live.path, 0)
        began = self._cut_off.pop(live.path, None) if live.is_graph else None
        if began is None:
            number += 1
        else:
            live.began = time.monotonic() - (self._now() - began).total_seconds()
        self._attempts[live.path] = number
        return number

    def _begin(self, live: LiveNode) -> None:
        number = self._next_number(live)
        self._set_out(live, number)
        assert live.attempt is not None
        silent = live.node.action == "noop" or live.is_graph
        if not silent or live.later:
            live.attempt.make_folder()
        live.update(
            live.record._replace(
                status=Status.RUNNING,
                why=None,
                started=live.record.started or self._now(),
                attempts=number,
                log=None if silent else live.attempt.log,
            )
        )
        self._journal.node_started(live.record, number + live.retries)

    def _phase_ended(self, live: LiveNode, end: End | None) -> None:
        """Work that fails fails its node; a measure that fails has no value."""
        if live.end is not None:
            self.attempt_ended(live, live.end)
        elif end is None:
            self.go_on(live)
        elif live.phase is WORK:
            self.attempt_ended(live, end)
        else:
            live.measured |= {number: Measured(error=end.why) for number in live.phase.tests}
            self.go_on(live)

    def _lost(self, live: LiveNode, why: str) -> None:
        self._close_attempt(live, Status.INTERRUPTED, why)
        self._journal.node_retried(live.record, why, 0.0)
        self.ask(live)

    def _again(self, live: LiveNode, end: End) -> bool:
        """Whether a node that was tried is tried again. One that cleans up may be, though all else was cancelled."""
        if end.status is not Status.FAILED or live.retries <= 0:
            return False
        if live.graph.forced or (live.graph.cancelled is not None and not live.node.always):
            return False
        return live.node.retry.wants(end.cause, lambda: self._said(live, end))

    def _said(self, live: LiveNode, end: End) -> str:
        assert live.attempt is not None
        return f"{end.why}\n{live.attempt.tail(_SEARCHED)}"

    def _time_out(self, live: LiveNode, number: int) -> None:
        if live.over or live.number != number or live.end is not None or not live.begun:
            return
        if live.node.alert:
            live.late = f"ran longer than {live.node.timeout:g} s"
            self._journal.late(live.path, live.late)
            return
        end = End(Status.FAILED, f"timed out after {live.node.timeout:g} s", TIMEOUT)
        self.end(live, end, inside=f"`{live.name}` timed out")

    # --- the end of a node ---------------------------------------------------------------

    def _judge(self, live: LiveNode) -> None:
        """Hold the measured values to their rules, and end the node by them."""
        judged = measures.judge_all(live.node, live.scope, live.outputs, live.measured)
        tests = tuple(map(self._order.hidden.test, judged))
        status, why = measures.verdict(tests, inside.of(live) if live.record.nodes else _NOTHING_INSIDE)
        # Not before what is hidden is: of a secret that is cut in two, half would be left.
        tests = tuple(map(measures.shortened, tests))
        if status is Status.FAILED:
            live.blocks = measures.blocked(live.node, tests)
            self.attempt_ended(live, End(status, why or "", TEST), tests)
            return
        if status is Status.PASSED and live.late:
            status, why = Status.WARNED, live.late
        self._close_attempt(live, status, why)
        self._finish(live, status, why, tests)

    def _close_attempt(self, live: LiveNode, status: Status, why: str | None) -> None:
        self._leave(live)
        live.begun = False
        if self._order.hidden.texts and live.attempt is not None:
            secrets.tidy(live.attempt, live.node, self._order.hidden)
        seconds = round(time.monotonic() - live.attempt_began, 3)
        began = self._at(live.attempt_began)
        self._journal.attempt_ended(live.record, began, seconds, status, why)

    def _finish(
        self, live: LiveNode, status: Status, why: str | None, tests: tuple[TestRecord, ...] = ()
    ) -> None:
        live.over = True
        seconds = round(time.monotonic() - live.began, 3) if live.number else None
        live.update(
            live.record._replace(status=status, why=why, seconds=seconds, outputs=live.outputs, tests=tests)
        )
        if live.fans_out:
            tests = tuple(test for instance in live.record.nodes for test in instance.tests)
        live.scope.learn(live.node.name, live.outputs, tests)
        self._journal.node_ended(live.record)
        self._finished(live, status)

    def _let_go(self, live: LiveNode) -> None:
        """Give back the slot, and the database with it; the pools stay with a node that goes on."""
        if live.slot:
            live.slot = False
            self._admission.release(live.mode)

    def _leave(self, live: LiveNode) -> None:
        """Give back all that was had for a try."""
        self._let_go(live)
        if live.placed:
            live.placed = False
            self._admission.leave(live.pools)

    def _now(self) -> datetime:
        return self._at(time.monotonic())

    def _at(self, moment: float) -> datetime:
        return (self._order.began or self._order.started) + timedelta(seconds=moment - self._start)

"""The processes of a run: started for a phase of a node, and known again when they end."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count

from kitchens_engine.errors import EnvironmentFailure, InvalidInput, KitchensError
from kitchens_engine.order import Order
from kitchens_engine.outcome import Status
from kitchens_engine.ports import Command, Ended, Runtime
from kitchens_engine.retry import LOST, OTHER
from kitchens_engine.state.journal import Journal
from kitchens_engine.state.live import WORK, End, LiveNode
from kitchens_engine.trying import launch, secrets
from kitchens_engine.trying.clip import clip
from kitchens_engine.trying.crew import Crew
from kitchens_engine.trying.evidence import unexplained, why_failed

#: Tells that the node's phase has ended; with an end, that it did not pass.
PhaseEnded = Callable[[LiveNode, End | None], None]
#: Tells that a node's work was lost once, and must be done again.
WorkLost = Callable[[LiveNode, str], None]


class Processes:
    """Everything between a phase that begins and the word of how it ended.

    A node that is to end (`live.end`) is reported as ended, whatever its process says.
    """

    def __init__(
        self, order: Order, runtime: Runtime, journal: Journal, ended: PhaseEnded, lost: WorkLost
    ) -> None:
        self._order = order
        self._runtime = runtime
        self._crew = Crew(runtime, order.folder, order.run)
        self._journal = journal
        self._ended = ended
        self._lost = lost
        self._running: dict[str, LiveNode] = {}
        self._due: list[Command] = []
        self._serial = count()

    @property
    def any(self) -> bool:
        """Whether any process runs."""
        return bool(self._running)

    @property
    def running(self) -> tuple[LiveNode, ...]:
        """The nodes for which a process runs now."""
        return tuple(self._running.values())

    def start(self, live: LiveNode) -> None:
        """Start the process of the node's present phase. Where there is none to start, the phase has ended."""
        assert live.attempt is not None
        # The token of the work follows from the try alone, so that a later runner finds its process.
        token = live.attempt.token if live.phase is WORK else f"{live.attempt.token}.{next(self._serial)}"
        try:
            command = launch.prepare(live, token, self._order, self._runtime)
        except EnvironmentFailure:
            raise
        except (KitchensError, OSError, ValueError) as error:
            why = error.message if isinstance(error, KitchensError) else str(error)
            live.attempt.note(why)
            self._ended(live, End(Status.FAILED, why))
            return
        if command is None:
            self._ended(live, None)
            return
        live.token = token
        live.said = 0 if live.phase is WORK else live.attempt.size()
        self._running[token] = live
        self._due.append(command)

    def launch(self) -> None:
        """Start what is about to.

        What starts because of the end of others finds that on disk. A try itself needs no record
        before it starts: its folder is there, and no later try takes the same number.
        """
        if any(self._running[command.token].follows for command in self._due):
            self._journal.flush()
        for command in self._due:
            self._crew.start(command)
            if self._running[command.token].end is not None:
                self._crew.kill(command.token)
        self._due.clear()

    def adopt(self, live: LiveNode) -> bool:
        """Take over the process that an earlier runner started for the node's work; False when that is lost."""
        assert live.attempt is not None
        token = live.attempt.token
        request = live.attempt.requested()
        # A request of another token is a measure's: what the work had answered is overwritten by now.
        if request not in (None, token) or not self._runtime.adopt(token):
            return False
        live.token, live.said, live.adopted = token, 0, True
        live.asks_worker = request is not None
        self._running[token] = live
        return True

    def kill(self, live: LiveNode) -> None:
        """End the node's process, which is running."""
        assert live.token is not None
        self._crew.kill(live.token)

    def wait(self, patience: float) -> None:
        """Wait at most so many seconds for the first to end, and tell of all that did."""
        for ended in self._crew.wait(patience):
            self._process_ended(ended)

    def clip_logs(self) -> None:
        """Cut the logs of what runs that have grown too long."""
        for live in self._running.values():
            if live.attempt is not None:
                clip(live.attempt.log, self._order.log_limit)

    def abandon(self, patience: float) -> None:
        """Kill whatever runs, after an error; waits a moment for it to end."""
        for command in self._due:
            self._running.pop(command.token, None)
        for token in self._running:
            self._crew.kill(token)
        deadline = time.monotonic() + 5
        while self._running and time.monotonic() < deadline:
            for ended in self._crew.wait(patience):
                self._running.pop(ended.token, None)

    def close(self) -> None:
        """Nothing more is started."""
        self._crew.close()

    def _process_ended(self, ended: Ended) -> None:
        live = self._running.pop(ended.token)
        live.token = None
        assert live.attempt is not None
        clip(live.attempt.log, self._order.log_limit)
        if live.end is not None:
            self._ended(live, live.end)
        elif ended.lost is not None:
            self._process_lost(live, ended.lost)
        elif live.phase is WORK and ended.status in live.node.skip_on:
            self._ended(live, End(Status.SKIPPED, f"exit status {ended.status} means skip"))
        else:
            self._judge(live, ended)

    def _judge(self, live: LiveNode, ended: Ended) -> None:
        assert live.attempt is not None
        if live.adopted:  # it had its secrets from an earlier runner; this one must not tell them either
            secrets.of_node(live.node, self._order)
        hidden = self._order.hidden
        result = live.attempt.answer(ended.token) if live.asks_worker else None
        if live.adopted and (why := unexplained(ended, result, worker=live.asks_worker)):
            self._process_lost(live, why)
            return
        why = why_failed(ended, live.attempt, result, worker=live.asks_worker, after=live.said)
        if why is None:
            try:
                launch.learn(live, result or {}, hidden)
            except InvalidInput as error:
                why = error.message
        if why is None:
            self._ended(live, None)
            return
        cause = f"exit:{ended.status}" if ended.status else OTHER
        self._ended(live, End(Status.FAILED, hidden.text(why), cause))

    def _process_lost(self, live: LiveNode, why: str) -> None:
        """Nobody knows how it ended.

        Once is bad luck and not counted; a node that says so is tried again as often as it may;
        otherwise it is the environment's failure, and says nothing about the node.
        """
        if not live.lost:
            live.lost = True
            if live.phase is WORK:
                self._lost(live, why)
            else:
                self.start(live)
        elif live.retries and live.node.retry.on and live.node.retry.wants(LOST, lambda: why):
            self._ended(live, End(Status.FAILED, why, LOST))
        else:
            times = "twice" if not live.node.retry.on else "once too often"
            raise EnvironmentFailure(f"node `{live.path}` was lost {times}: {why}")

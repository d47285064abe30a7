"""The loop of one run: starts what may start, waits for what ends, until every node has ended.

One thread. `graphs` knows whose turn it is, `tries` carries nodes out, `processes` are what runs for
them; whatever changes lies in `live`.
"""

from __future__ import annotations

import threading
import time

from kitchens_engine.order import Order
from kitchens_engine.ports import Runtime
from kitchens_engine.running.graphs import Graphs
from kitchens_engine.running.journal import Journal
from kitchens_engine.running.plan import Plan
from kitchens_engine.running.scope import Scope
from kitchens_engine.running.timers import Timers
from kitchens_engine.running.tries import Tries

#: How long the loop sleeps at most before it looks whether it is to stop.
_PATIENCE = 0.1
_CANCELLED = "the run was cancelled"


class Execution:
    """Runs one plan. `graph` holds the records, `scopes` what each recipe saw, at any moment."""

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
        self._journal = journal
        self._stop = stop
        self._timers = Timers()
        self._graphs = graphs = Graphs(order, journal)
        self._tries = graphs.tries = Tries(
            order, runtime, journal, self._timers, jobs, graphs.enter, graphs.cancel, graphs.finished
        )
        self._processes = self._tries.processes
        self.scopes = graphs.scopes
        self.graph = graphs.open(plan, scope, None)

    def run(self) -> None:
        """Run to the end of every node. Raises `EnvironmentFailure` when the runtime lost a process twice."""
        while True:
            if self._stop.is_set() and self.graph.cancelled is None:
                self._graphs.cancel(self.graph, _CANCELLED)
            self._advance()
            if self.graph.remaining == 0:
                return
            self._wait()
            self._timers.ring()

    def abandon(self) -> None:
        """Kill what runs, after an error; waits a moment for it to end."""
        self._processes.abandon(_PATIENCE)

    def _advance(self) -> None:
        """Start all that may start. What ends at once sets more free, so until nothing moves."""
        self._graphs.advance()
        while self._tries.admit():
            self._graphs.advance()

    def _wait(self) -> None:
        patience = min(_PATIENCE, self._journal.flush_when_due(time.monotonic()))
        patience = self._timers.patience(patience)
        if self._processes.any:
            self._processes.wait(patience)
        else:
            self._stop.wait(patience)

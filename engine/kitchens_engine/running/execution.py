"""The loop of one run: starts what may start, waits for what ends, until every node has ended.

One thread. `graphs` knows whose turn it is, `tries` carries nodes out, `processes` are what runs for
them; whatever changes lies in `live`.
"""

from __future__ import annotations

import threading
import time

from kitchens_engine.order import Order
from kitchens_engine.outcome import Status, fold
from kitchens_engine.ports import Runtime, Stop
from kitchens_engine.running.graphs import Graphs
from kitchens_engine.state.journal import Journal
from kitchens_engine.state.live import End
from kitchens_engine.state.plan import Plan
from kitchens_engine.state.pools import Pools
from kitchens_engine.state.scope import Scope
from kitchens_engine.state.timers import Timers
from kitchens_engine.trying.disk import DiskWatch
from kitchens_engine.trying.tries import Tries

#: How long the loop sleeps at most before it looks whether it is to stop.
_PATIENCE = 0.1
#: How often it looks at what runs, in seconds.
_LOOK = 1.0
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
        self._start = time.monotonic()
        self._timers = Timers()
        self._pools = Pools(order.pools, order.pools_folder)
        self._graphs = graphs = Graphs(order, journal, self._timers, self._pools)
        self._tries = graphs.tries = Tries(
            order, runtime, journal, self._timers, jobs, graphs.enter, graphs.cancel, graphs.finished
        )
        self._processes = self._tries.processes
        self.scopes = graphs.scopes
        self.graph = graphs.open(plan, scope, past=order.past)
        self._disk = DiskWatch((order.root, order.kitchen.data, order.folder), order.disk_limit)
        self._timers.after(_LOOK, self._look)

    def run(self) -> None:
        """Run to the end of every node. Raises `EnvironmentFailure` when the runtime lost a process twice."""
        while True:
            if self._stop.is_set():
                self._cancel()
            self._advance()
            if self.graph.remaining == 0:
                self._processes.close()
                return
            self._wait()
            self._timers.ring()

    @property
    def end(self) -> tuple[Status, str | None]:
        """How the run stands once all its nodes have ended, and why where they do not say it."""
        if self.graph.end is not None:
            return self.graph.end.status, self.graph.end.why
        status = fold(node.status for node in self.graph.nodes.values())
        if status is Status.PASSED and self.graph.late:
            return Status.WARNED, self.graph.late
        return status, None

    @property
    def late(self) -> End | None:
        """What it means that the run took longer than its recipe may, if it did: its functional tests count too."""
        recipe = self.graph.plan.recipe
        if recipe.timeout is None or time.monotonic() - self._start <= recipe.timeout:
            return None
        if recipe.alert:
            return End(Status.WARNED, f"`{recipe.name}` ran longer than {recipe.timeout:g} s")
        return End(Status.FAILED, f"`{recipe.name}` timed out after {recipe.timeout:g} s")

    @property
    def out_of_time(self) -> bool:
        """Whether all that still runs must end, because the recipe's time is up."""
        return self.late is not None and self.late.status is Status.FAILED

    def abandon(self) -> None:
        """Kill what runs, after an error; waits a moment for it to end."""
        self._processes.abandon(_PATIENCE)

    def close(self) -> None:
        """Give back what is shared with other runs, and what only this one needed."""
        self._pools.close()
        self._processes.close()

    def _cancel(self) -> None:
        """Asked to stop: end all but what cleans up; asked again, that too."""
        force = isinstance(self._stop, Stop) and self._stop.again
        if self.graph.cancelled is None or (force and not self.graph.forced):
            self._graphs.cancel(self.graph, _CANCELLED, force=force)

    def _look(self) -> None:
        """What need not be seen to at once."""
        self._processes.clip_logs()
        if self._disk.look():
            for live in self._processes.running:
                # What cleans up may be just what makes room.
                if not live.node.always:
                    self._tries.end(live, End(Status.FAILED, self._disk.why), inside=self._disk.why)
        self._timers.after(_LOOK, self._look)

    def _advance(self) -> None:
        """Start all that may start. What ends at once sets more free, so until nothing moves."""
        self._graphs.advance()
        while self._tries.admit():
            self._graphs.advance()
        self._processes.launch()

    def _wait(self) -> None:
        patience = min(_PATIENCE, self._journal.flush_when_due(time.monotonic()))
        patience = self._timers.patience(patience)
        if self._processes.any:
            self._processes.wait(patience)
        else:
            self._stop.wait(patience)

"""Runs the processes of an order run on this machine, each in a process group of its own."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGKILL

from kitchens_engine.ports import Command, Ended
from kitchens_engine.runtimes import keeper, processes
from kitchens_engine.runtimes.confinement import Confinement
from kitchens_engine.runtimes.consumption import Limits, Watch
from kitchens_engine.runtimes.ledger import LOST, Ledger
from kitchens_engine.runtimes.spawner import Spawner

#: How often the ledgers of an earlier runner are looked into, in seconds.
_LOOK = 0.1
FREE = Confinement()
NO_LIMITS = Limits()


class LocalRuntime:
    """The process runtime: process groups instead of containers, which isolates less than docker.

    `python` and `worker` are paths on this machine; `environment` is what every process
    gets below the variables of its command. Processes outlive a runner that is killed
    only where `ledgers` is given, a folder in which a later runtime finds them. `confinement`
    is how far they are kept apart from the rest of the machine.
    """

    kind = "process"

    def __init__(
        self,
        python: str,
        worker: str,
        environment: Mapping[str, str],
        ledgers: Path | None = None,
        confinement: Confinement = FREE,
    ) -> None:
        self.python = python
        self.worker = worker
        self._confinement = confinement
        self._environment = {name: str(value) for name, value in environment.items()}
        self._environment |= confinement.environment()
        self._watch = None if confinement.limits == NO_LIMITS else Watch(confinement.limits)
        self._over: dict[str, str] = {}
        self._mark = os.urandom(8).hex()
        self._ledgers = ledgers
        if ledgers is not None:
            ledgers.mkdir(parents=True, exist_ok=True)
        # Keepers that may have left something behind.
        self._opened = 0
        self._poll = select.poll()
        self._listened: int | None = None
        self._spawner: Spawner | None = None
        self._earlier: list[Ledger] | None = None
        self._adopted: dict[str, Ledger] = {}
        self._open_spawner()

    def start(self, command: Command) -> None:
        """Start it. A program that is not there ends with status 127 and a line in its log."""
        (self._spawner or self._open_spawner()).start(command)

    def wait(self, timeout: float | None) -> Sequence[Ended]:
        """The processes that ended; waits at most `timeout` seconds for the first, and not when nothing runs.

        Raises `OSError` when one could not be started for want of memory, descriptors or disk.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self._hold_to_limits()
            ended = self._adopted_ended()
            busy = self._spawner is not None and self._spawner.running
            said = self._poll.poll(self._patience(deadline, at_once=bool(ended))) if busy else []
            woken = any(descriptor == self._listened for descriptor, _ in said)
            if len(said) > woken:
                ended += self._hear()
            late = deadline is not None and time.monotonic() >= deadline
            if ended or woken or late or not (busy or self._adopted):
                return ended
            if not busy:
                time.sleep(_LOOK)

    def listen(self, descriptor: int | None) -> None:
        """From now on `wait` also returns, perhaps with nothing, when `descriptor` can be read. None: no more."""
        if self._listened is not None:
            self._poll.unregister(self._listened)
        if descriptor is not None:
            self._poll.register(descriptor, select.POLLIN)
        self._listened = descriptor

    def kill(self, token: str) -> None:
        """End the process with all its descendants: asked first, forced after two seconds."""
        if self._spawner is not None and token in self._spawner.running:
            self._spawner.kill(token)
        elif token in self._adopted:
            self._adopted[token].kill(token)

    def adopt(self, token: str) -> bool:
        """Take over a process that an earlier runner of this run started: `wait` reports its end.

        False when there is no trace of it, or none of how it ended; then nothing of it runs any more.
        """
        if self._earlier is None:
            found = [] if self._ledgers is None else sorted(self._ledgers.glob("*.jsonl"))
            self._earlier = [Ledger(path) for path in found if not path.name.startswith(self._mark)]
        ledger = next((each for each in self._earlier if each.knows(token)), None)
        if ledger is not None:
            self._adopted[token] = ledger
            return True
        for each in self._earlier:
            each.clear(token)
        return False

    def close(self) -> None:
        """End what still runs, daemons that nodes left behind included."""
        if self._spawner is not None and self._spawner.close():
            self._opened -= 1
        self._spawner = None
        for token, ledger in self._adopted.items():
            ledger.clear(token)
        self._adopted.clear()
        for ledger in self._earlier or ():
            ledger.end()
        if self._opened:
            processes.signal_marked(keeper.MARK, self._mark, SIGKILL)
            self._opened = 0
        self._confinement.clear()

    def _hold_to_limits(self) -> None:
        """End what runs when all of it together takes more than it may."""
        if self._watch is None or self._spawner is None or not self._spawner.running:
            return
        why = self._watch.look(self._spawner.pid)
        for token in () if why is None else self._spawner.running - self._over.keys():
            self._over[token] = why or ""
            self._spawner.kill(token)

    def _open_spawner(self) -> Spawner:
        self._opened += 1
        ledger = self._ledgers and self._ledgers / f"{self._mark}.{self._opened}.jsonl"
        held = self._confinement
        self._spawner = Spawner(self._mark, self._environment, ledger, held.words, held.limits.pids)
        self._poll.register(self._spawner.answers, select.POLLIN)
        return self._spawner

    def _hear(self) -> list[Ended]:
        assert self._spawner is not None
        ended = [
            end._replace(why=self._over.pop(end.token)) if end.token in self._over else end
            for end in self._spawner.hear()
        ]
        if self._spawner.gone:
            self._poll.unregister(self._spawner.answers)
            self._spawner.close()
            self._spawner = None
            processes.signal_marked(keeper.MARK, self._mark, SIGKILL)
        return ended

    def _patience(self, deadline: float | None, *, at_once: bool) -> float | None:
        """Milliseconds to wait for the keeper."""
        if at_once:
            return 0
        times = [] if deadline is None else [max(0.0, deadline - time.monotonic())]
        times += [_LOOK] if self._adopted else []
        return min(times) * 1000 if times else None

    def _adopted_ended(self) -> list[Ended]:
        ended = []
        for token, ledger in list(self._adopted.items()):
            status = ledger.ended(token)
            if status is not None or not ledger.knows(token):
                del self._adopted[token]
                ended.append(Ended(token, 0, LOST) if status is None else Ended(token, status))
        return ended

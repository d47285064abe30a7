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
from kitchens_engine.runtimes.ledger import LOST, Ledger
from kitchens_engine.runtimes.spawner import Spawner

#: A keeper is suspended until a process has loaded its program; two keep two processors busy.
_SPAWNERS = 2
#: How often the ledgers of an earlier runner are looked into, in seconds.
_LOOK = 0.1


class LocalRuntime:
    """The process runtime: process groups instead of containers, which isolates less than docker.

    `python` and `worker` are paths on this machine; `environment` is what every process
    gets below the variables of its command. Processes outlive a runner that is killed
    only where `ledgers` is given, a folder in which a later runtime finds them.
    """

    kind = "process"

    def __init__(
        self, python: str, worker: str, environment: Mapping[str, str], ledgers: Path | None = None
    ) -> None:
        self.python = python
        self.worker = worker
        self._environment = {name: str(value) for name, value in environment.items()}
        self._mark = os.urandom(8).hex()
        self._ledgers = ledgers
        if ledgers is not None:
            ledgers.mkdir(parents=True, exist_ok=True)
        self._opened = 0
        self._poll = select.poll()
        self._spawners: dict[int, Spawner] = {}
        self._busy: dict[str, Spawner] = {}
        self._earlier: list[Ledger] | None = None
        self._adopted: dict[str, Ledger] = {}
        self._open_spawner()

    def start(self, command: Command) -> None:
        """Start it. A program that is not there ends with status 127 and a line in its log."""
        spawner = min(self._spawners.values(), key=lambda each: len(each.running), default=None)
        if spawner is None or (spawner.running and len(self._spawners) < _SPAWNERS):
            spawner = self._open_spawner()
        spawner.start(command)
        self._busy[command.token] = spawner

    def wait(self, timeout: float | None) -> Sequence[Ended]:
        """The processes that ended; waits at most `timeout` seconds for the first, and not when nothing runs.

        Raises `OSError` when one could not be started for want of memory, descriptors or disk.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            ended = self._adopted_ended()
            if self._busy:
                for descriptor, _ in self._poll.poll(self._patience(deadline, at_once=bool(ended))):
                    ended += self._hear(self._spawners[descriptor])
            late = deadline is not None and time.monotonic() >= deadline
            if ended or late or not (self._busy or self._adopted):
                return ended
            if not self._busy:
                time.sleep(_LOOK)

    def kill(self, token: str) -> None:
        """End the process with all its descendants: asked first, forced after two seconds."""
        if token in self._busy:
            self._busy[token].kill(token)
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
        for spawner in self._spawners.values():
            spawner.close()
        self._spawners.clear()
        self._busy.clear()
        for token, ledger in self._adopted.items():
            ledger.clear(token)
        self._adopted.clear()
        if self._opened:
            processes.signal_marked(keeper.MARK, self._mark, SIGKILL)
            self._opened = 0

    def _open_spawner(self) -> Spawner:
        self._opened += 1
        ledger = self._ledgers and self._ledgers / f"{self._mark}.{self._opened}.jsonl"
        spawner = Spawner(self._mark, self._environment, ledger)
        self._spawners[spawner.answers] = spawner
        self._poll.register(spawner.answers, select.POLLIN)
        return spawner

    def _hear(self, spawner: Spawner) -> list[Ended]:
        ended = spawner.hear()
        for each in ended:
            del self._busy[each.token]
        if spawner.gone:
            del self._spawners[spawner.answers]
            self._poll.unregister(spawner.answers)
            spawner.close()
            for each in ended:
                processes.signal_marked(keeper.MARK, f"{self._mark}:{each.token}", SIGKILL)
        return ended

    def _patience(self, deadline: float | None, *, at_once: bool) -> float | None:
        """Milliseconds to wait for the keepers."""
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

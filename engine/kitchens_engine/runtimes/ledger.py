"""What the keeper of a runner that is gone says about the processes which it started."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

from kitchens_engine.runtimes import keeper, processes
from kitchens_engine.runtimes.processes import Owner

#: A keeper notices at once that its runner is gone; one that has not said so for as long is stopped or stuck.
_PATIENCE = 30.0
#: Why there is no evidence of how a process ended.
LOST = "the process that watched it was ended"


def keepers_of(folder: Path) -> Path:
    """Where the ledgers are of the processes of a run (known by its own `folder`) that may outlive its runner."""
    return folder / "keepers"


def end_run(run: str, folder: Path) -> None:
    """End what a run whose runner was killed left behind, wherever it went."""
    for path in sorted(keepers_of(folder).glob("*.jsonl")):
        Ledger(path).end()
    processes.signal_marked("KITCHEN_RUN", run, signal.SIGKILL)


class Ledger:
    """The file of one keeper (`keeper` has its format), read again as it grows.

    Half a line at its end, of a keeper that was killed or a disk that is full, counts for nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._owner: Owner | None = None
        self._told = False
        self._running: set[str] = set()
        self._ended: dict[str, int] = {}
        self._forced: dict[str, float] = {}

    def knows(self, token: str) -> bool:
        """Whether the process runs under its keeper, or ended with evidence. Waits for a keeper that just lost its runner."""
        self._read()
        deadline = time.monotonic() + _PATIENCE
        while not self._told and self._kept() and time.monotonic() < deadline:
            time.sleep(0.01)
            self._read()
        kept = self._kept()
        self._read()  # what it said last, if it ended just now
        return token in self._ended or (token in self._running and kept)

    def ended(self, token: str) -> int | None:
        """The exit status of a process (a signal as 128 + number), or None while there is none."""
        self._read()
        if token not in self._ended and self._forced.get(token, time.monotonic() + 1) < time.monotonic():
            self._signal(token, signal.SIGKILL)
        return self._ended.get(token)

    def kill(self, token: str) -> None:
        """End the process with all its descendants: asked first, forced after a grace."""
        self._forced[token] = time.monotonic() + keeper.GRACE
        self._signal(token, signal.SIGTERM)

    def clear(self, token: str) -> None:
        """End at once whatever runs of it, or is just about to."""
        if not self._kept():
            self._signal(keeper.SHELLS, signal.SIGKILL)
        self._signal(token, signal.SIGKILL)

    def end(self) -> None:
        """End the keeper, if it is still there, with all that runs below it."""
        self._read()
        if self._owner is not None:
            processes.end_below(self._owner)

    def _signal(self, token: str, number: signal.Signals) -> None:
        processes.signal_marked(keeper.MARK, f"{self._path.name.partition('.')[0]}:{token}", number)

    def _kept(self) -> bool:
        return self._owner is not None and self._owner.alive()

    def _read(self) -> None:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                lines = file.read().splitlines(keepends=True)
        except FileNotFoundError:
            return
        for line in lines:
            if not line.endswith(b"\n"):
                return
            self._offset += len(line)
            self._learn(json.loads(line))

    def _learn(self, line: dict[str, Any]) -> None:
        if "pid" in line:
            self._owner = Owner(**line)
            return
        self._told = True
        self._ended |= line.get("ended", {})
        self._running |= set(line.get("running", ()))

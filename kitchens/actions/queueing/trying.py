"""Gates on candidates of the merge queue, several at once: each in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from contextlib import ExitStack
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

from kitchens.actions.house import House
from kitchens.actions.landing.moving import candidate
from kitchens_engine.errors import EnvironmentFailure
from kitchens_engine.tuples import NamedTuple

#: Seconds after which whoever waits for a verdict looks up.
LOOK = 0.5


class Tried(NamedTuple):
    """How the gate of a job ended. `gate` is its document; a candidate that cannot be gated has a `why` instead."""

    job: str
    gate: dict[str, Any] | None
    why: str | None

    @property
    def green(self) -> bool:
        """Whether nothing was red."""
        return self.gate is not None and self.gate["status"] != "red"


class Trials:
    """The gates that run. Each is `kitchen test` on its commit, so what it finds green is attested even when we die; it
    ends when we do, because it hears its standard input end then."""

    def __init__(self, house: House, into: str) -> None:
        self._house = house
        self._into = into
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ended: SimpleQueue[tuple[str, int, bytes]] = SimpleQueue()
        self._kept = ExitStack()

    def __enter__(self) -> Trials:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what still runs, and wait until it has cleaned up."""
        for job in list(self._running):
            self.cancel(job)
        self._kept.close()

    def start(self, job: str, commit: str) -> None:
        """Gate `commit`, which is kept from being collected until all is over."""
        self._kept.enter_context(candidate(self._house.repository, commit, self._house.now()))
        words = ("test", "--commit", commit, "--into", self._into, "--json", "--quiet", "--bound")
        process = subprocess.Popen(
            [self._house.interpreter, "-P", "-m", "kitchens.cli.main", *words],
            cwd=self._house.repository.top,
            env=dict(self._house.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # A terminal's ^C is for us: we ask each of them once, since a second ^C would end its clean-up.
            process_group=0,
        )
        self._running[job] = process
        threading.Thread(target=self._follow, args=(job, process), daemon=True).start()

    def cancel(self, job: str) -> None:
        """Nobody needs this verdict any more."""
        process = self._running.pop(job)
        process.send_signal(signal.SIGINT)
        process.wait()

    def next(self, stop: threading.Event) -> Tried | None:
        """Wait for a gate to end; None when `stop` is set first. Raises `EnvironmentFailure` when the gate could not be
        run, which says nothing about the change."""
        while not stop.is_set():
            try:
                job, status, out = self._ended.get(timeout=LOOK)
            except Empty:
                continue
            if self._running.pop(job, None) is not None:
                return _tried(job, status, out)
        return None

    def _follow(self, job: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin
        assert process.stdout
        # Not `communicate`, which ends its input first: by that it knows that we are gone.
        with process:
            out = process.stdout.read()
            process.wait()
        self._ended.put((job, process.returncode, out))


def _tried(job: str, status: int, out: bytes) -> Tried:
    document = json.loads(out) if out else {}
    if status in (0, 1) and "gate" in document:
        return Tried(job, document["gate"], None)
    error = document.get("error", {})
    where = f"{error['file']}:{error['line']}: " if error.get("file") and error.get("line") else ""
    if status == 2:
        return Tried(job, None, f"{where}{error['message']}")
    raise EnvironmentFailure(
        error.get("message") or f"a gate ended with status {status} and no answer",
        error.get("hint") or "`kitchen queue run` goes on where it was",
        code=error.get("code") or "gate",
    )

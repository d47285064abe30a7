"""What a process in a container says, on its way through this process to a log that must not hold all of it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from kitchens_engine.redaction.pipe import Pipe

#: What a process left behind in its container may go on talking; its end does not wait for that.
_PATIENCE = 0.5
_LOG = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Fifo:
    """A named pipe at `path`, in a folder that the container sees, and a thread that passes on what comes out of it.

    An image needs nothing for it but its shell. `OSError` when it cannot be made.
    """

    def __init__(self, path: Path, log: Path, hidden: Sequence[bytes]) -> None:
        self.path = path
        os.mkfifo(path, 0o600)
        try:
            # Both ends are ours until the process has ended: no reader waits for a first writer, or sees the end early.
            reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            self._writing = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            os.set_blocking(reading, True)
        except BaseException:
            path.unlink()
            raise
        self._pipe = Pipe(reading, _open(log), hidden)
        self._thread = threading.Thread(target=self._listen, name="docker-log", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """The process has ended: what it said is in the log when this returns. A second time, nothing happens."""
        if self._writing < 0:
            return
        os.close(self._writing)
        self._writing = -1
        with contextlib.suppress(OSError):
            self.path.unlink()
        self._thread.join(_PATIENCE)

    def _listen(self) -> None:
        while self._pipe.hear():
            pass


def _open(log: Path) -> int:
    """The log; nothing at all where a node has put something else in its place."""
    try:
        return os.open(log, _LOG, 0o644)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)

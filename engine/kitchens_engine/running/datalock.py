"""One order run at a time per data folder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 0.1


@contextmanager
def hold(
    path: Path,
    run: str,
    waiting: Callable[[str | None], None],
    stopped: Callable[[], bool],
    end: Callable[[str], None],
) -> Iterator[bool]:
    """Hold the lock file while inside; False when it was stopped before it got it.

    `waiting` is told once the run that holds it. The lock goes with the process that
    holds it; what a killed run left behind is told to `end` before another one
    touches the same data. The same run, which goes on, finds its own again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not _take(descriptor, waiting, stopped):
            yield False
            return
        if (killed := _holder(descriptor)) and killed != run:
            end(killed)
        _write(descriptor, run)
        try:
            yield True
        finally:
            _write(descriptor, "")
    finally:
        os.close(descriptor)


def _take(descriptor: int, waiting: Callable[[str | None], None], stopped: Callable[[], bool]) -> bool:
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if not told:
                waiting(_holder(descriptor))
                told = True
        if stopped():
            return False
        time.sleep(_PATIENCE)


def _holder(descriptor: int) -> str | None:
    return os.pread(descriptor, 100, 0).decode("ascii", "replace").strip() or None


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode("ascii"), 0)

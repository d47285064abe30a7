"""How much memory and how many processes all below one process take, measured now and then."""

from __future__ import annotations

import os
import threading
import time

from kitchens_engine.tuples import NamedTuple
from kitchens_engine.values import in_words

#: How often it is measured while something runs, in seconds; and what share of a processor that may take.
_EVERY = 1.0
_SHARE = 0.04
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Places behind the name in /proc/PID/stat.
_PARENT, _THREADS = 1, 17


class Limits(NamedTuple):
    """What all processes of a runtime may take together: bytes of memory, and how many of them. None: as much as there is."""

    memory: int | None = None
    pids: int | None = None


class Watch:
    """Measures in a thread of its own when it is asked and it is time.

    It sees what is there at that moment: what takes all at once is the kernel's business. Memory that processes
    share is not counted.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._why: str | None = None
        self._measuring: threading.Thread | None = None
        self._next = time.monotonic() + _EVERY

    def look(self, root: int) -> str | None:
        """Which limit all below the process `root` were over when that was last measured, in a sentence."""
        if time.monotonic() >= self._next and (self._measuring is None or not self._measuring.is_alive()):
            self._next = time.monotonic() + _EVERY
            self._measuring = threading.Thread(target=self.measure, args=(root,), name="limits", daemon=True)
            self._measuring.start()
        why, self._why = self._why, None
        return why

    def measure(self, root: int) -> str | None:
        """Measure now."""
        began = time.monotonic()
        memory, pids = _taken(root)
        limits = self._limits
        if limits.pids is not None and pids > limits.pids:
            self._why = f"the run had {pids} processes, and may have {limits.pids} (`pids` in `[runtime]`)"
        elif limits.memory is not None and memory > limits.memory:
            limit = in_words(limits.memory)
            self._why = f"the run took more memory than its {limit} (`memory` in `[runtime]`)"
        ended = time.monotonic()
        self._next = max(self._next, ended + (ended - began) / _SHARE)
        return self._why


def _taken(root: int) -> tuple[int, int]:
    """Bytes that are not shared, and threads, of all below `root`."""
    children: dict[int, list[tuple[int, int]]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat(name)):
            children.setdefault(int(fields[_PARENT]), []).append((int(name), int(fields[_THREADS])))
    memory = pids = 0
    todo = [root]
    while todo:
        for pid, threads in children.pop(todo.pop(), ()):
            pids += threads
            memory += _memory(pid)
            todo.append(pid)
    return memory, pids


def _stat(pid: str) -> list[bytes] | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return None


def _memory(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            _, resident, shared, *_ = file.read().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE

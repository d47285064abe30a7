"""Who may start next: slots for processes, and the embedded database as a lock."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

WRITE = "write"
READ = "read"


class Admission(Generic[T]):
    """Hands out slots in the order in which they were asked for.

    One writer or many readers have the database. Who asked for it first gets it first,
    so that readers never starve a writer; who asked for a slot alone does not wait
    behind the database. Those that `resume` a node which has begun go before all others.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._readers = 0
        self._writer = False
        self._resuming: deque[tuple[T, str | None]] = deque()
        self._free: deque[T] = deque()
        self._database: deque[tuple[T, str]] = deque()

    def ask(self, item: T, mode: str | None) -> None:
        """Ask for a slot, and for the database where `mode` is `read` or `write`."""
        if mode is None:
            self._free.append(item)
        else:
            self._database.append((item, mode))

    def resume(self, item: T, mode: str | None) -> None:
        """Ask for a slot for what comes next in a node that has begun."""
        self._resuming.append((item, mode))

    def admit(self) -> T | None:
        """The next that may start, with what it asked for in its hands; None when nobody may."""
        if not self._slots:
            return None
        if self._resuming and self._grantable(self._resuming[0][1]):
            item, mode = self._resuming.popleft()
            return self._grant(item, mode)
        if self._database and not self._resuming and self._grantable(self._database[0][1]):
            item, mode = self._database.popleft()
            return self._grant(item, mode)
        if self._free:
            return self._grant(self._free.popleft(), None)
        return None

    def release(self, mode: str | None) -> None:
        """Give back a slot, and the database where it was had."""
        self._slots += 1
        if mode == WRITE:
            self._writer = False
        elif mode == READ:
            self._readers -= 1

    def _grantable(self, mode: str | None) -> bool:
        if mode is None:
            return True
        if mode == READ:
            return not self._writer
        return not self._writer and not self._readers

    def _grant(self, item: T, mode: str | None) -> T:
        self._slots -= 1
        if mode == WRITE:
            self._writer = True
        elif mode == READ:
            self._readers += 1
        return item

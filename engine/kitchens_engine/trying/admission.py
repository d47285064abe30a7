"""Who may start next: slots for processes, pools, and the embedded database as a lock."""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import Generic, TypeVar

from kitchens_engine.state.pools import Pool, give_all, take_all

T = TypeVar("T")

WRITE = "write"
READ = "read"


class _Queues(Generic[T]):
    """Those that ask for the same pools, each with the number under which it came."""

    __slots__ = ("database", "free", "pools")

    def __init__(self, pools: tuple[Pool, ...]) -> None:
        self.pools = pools
        self.free: deque[tuple[int, T]] = deque()
        self.database: deque[tuple[int, T, str]] = deque()


class Admission(Generic[T]):
    """Hands out slots in the order in which they were asked for.

    One writer or many readers have the database. Who asked for it first gets it first,
    so that readers never starve a writer; who asked for a slot alone does not wait
    behind the database, and nobody waits behind a pool that is not its own. Those that
    `resume` a node which has begun go before all others. Pools are kept from admission
    until they are given back with `leave`, so that whoever waits holds nothing that another waits for.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._readers = 0
        self._writer = False
        self._serial = count()
        self._resuming: deque[tuple[T, str | None]] = deque()
        self._plain: _Queues[T] = _Queues(())
        self._queues: dict[tuple[Pool, ...], _Queues[T]] = {(): self._plain}

    def ask(self, item: T, mode: str | None, pools: tuple[Pool, ...] = (), *, first: bool = False) -> None:
        """Ask for a slot, a place in each pool, and for the database where `mode` is `read` or `write`.

        One that goes `first` is under way already, and has what it asks for in its hands.
        """
        queues = self._queues.get(pools) or self._queues.setdefault(pools, _Queues(pools))
        if first and mode is None:
            queues.free.appendleft((-1, item))
        elif first and mode is not None:
            queues.database.appendleft((-1, item, mode))
        elif mode is None:
            queues.free.append((next(self._serial), item))
        else:
            queues.database.append((next(self._serial), item, mode))

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
        if not self._resuming and (first := self._first_for_database()) is not None:
            _, item, mode = first.database.popleft()
            self._forget(first)
            return self._grant(item, mode)
        if (first := self._first_free()) is not None:
            _, item = first.free.popleft()
            self._forget(first)
            return self._grant(item, None)
        return None

    def release(self, mode: str | None) -> None:
        """Give back a slot, and the database where it was had."""
        self._slots += 1
        if mode == WRITE:
            self._writer = False
        elif mode == READ:
            self._readers -= 1

    def leave(self, pools: tuple[Pool, ...]) -> None:
        """Give back the places in the pools, at the end of a try."""
        give_all(pools)

    def _first_for_database(self) -> _Queues[T] | None:
        """The queues whose first one has the database's turn and finds it free; its pools are taken."""
        if len(self._queues) == 1:
            database = self._plain.database
            return self._plain if database and self._grantable(database[0][2]) else None
        asking = [queues for queues in self._queues.values() if queues.database]
        asking.sort(key=lambda queues: queues.database[0][0])
        for queues in asking:
            if take_all(queues.pools):
                if self._grantable(queues.database[0][2]):
                    return queues
                give_all(queues.pools)
                return None
        return None

    def _first_free(self) -> _Queues[T] | None:
        """The queues whose first one came first of those that find room in their pools; it is taken."""
        if len(self._queues) == 1:
            return self._plain if self._plain.free else None
        asking = [queues for queues in self._queues.values() if queues.free]
        asking.sort(key=lambda queues: queues.free[0][0])
        return next((queues for queues in asking if take_all(queues.pools)), None)

    def _forget(self, queues: _Queues[T]) -> None:
        """Nobody asks for these pools any more: there may be as many as there are nested recipes."""
        if queues.pools and not queues.free and not queues.database:
            del self._queues[queues.pools]

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

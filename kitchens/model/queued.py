"""The merge queue of one kitchen."""

from __future__ import annotations

from datetime import datetime

from kitchens.model.names import KitchenName
from kitchens_engine.tuples import NamedTuple


class Queued(NamedTuple):
    """A kitchen that waits to be merged, and who put it there."""

    kitchen: KitchenName
    who: str
    when: datetime


class Queue(NamedTuple):
    """What waits to land in `into`, in its order; `passed` and `failed` count what has left it."""

    into: KitchenName
    waiting: tuple[Queued, ...] = ()
    passed: int = 0
    failed: int = 0

    @property
    def names(self) -> tuple[KitchenName, ...]:
        """The kitchens that wait."""
        return tuple(one.kitchen for one in self.waiting)

    def with_added(self, queued: Queued) -> Queue:
        """With one more at the end; the same when it waits already."""
        return self if queued.kitchen in self.names else self._replace(waiting=(*self.waiting, queued))

    def without(self, name: str, *, passed: int = 0, failed: int = 0) -> Queue:
        """Without a kitchen, counted as it left; the same when it does not wait."""
        if name not in self.names:
            return self
        return self._replace(
            waiting=tuple(one for one in self.waiting if one.kitchen != name),
            passed=self.passed + passed,
            failed=self.failed + failed,
        )

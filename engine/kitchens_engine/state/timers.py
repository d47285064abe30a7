"""What is to happen later in a run: one heap, looked at by its loop."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from itertools import count


class Timers:
    """Acts, each at its time. They ring in the loop's own thread, when it looks."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = count()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do it in so many seconds. An act looks for itself whether it is still wanted."""
        heapq.heappush(self._heap, (time.monotonic() + seconds, next(self._serial), act))

    def patience(self, most: float) -> float:
        """The seconds until the next one is due, but not more than `most`."""
        return min(most, max(0.0, self._heap[0][0] - time.monotonic())) if self._heap else most

    def ring(self) -> None:
        """Do what is due."""
        while self._heap and self._heap[0][0] <= time.monotonic():
            heapq.heappop(self._heap)[2]()

"""A figure beside its floor, and how both are measured: turn by turn in one run, because machines are noisy."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """Medians (or the least) in seconds. `limit` is a factor over the floor, or, with `absolute`, seconds."""

    name: str
    floor_name: str
    ours: float
    floor: float
    limit: float
    absolute: bool = False

    def __str__(self) -> str:
        held = self.ours <= (self.limit if self.absolute else self.limit * self.floor)
        wanted = f"≤ {self.limit * 1000:.0f} ms" if self.absolute else f"≤ {self.limit:g}×"
        beside = f"{self.floor_name:<38} {self.floor * 1000:>7.1f} ms   {self.ours / self.floor:>5.2f}×"
        return f"{self.name:<48} {self.ours * 1000:>7.1f} ms   {beside}   {wanted:<9} {'held' if held else 'MISSED'}"


def show(figures: Iterable[Figure]) -> None:
    """Print each figure as soon as it is known."""
    print(f"{'':<48} {'kitchens':>10}   {'beside':<38} {'':>10}   {'ratio':>6}   {'wanted':<9}")
    for figure in figures:
        print(figure, flush=True)


def turns(
    count: int, ours: Callable[[], float | None], floor: Callable[[], float | None]
) -> tuple[float, float]:
    """The medians of both, taken in turns, so that a busy moment hits both."""
    pairs = [(timed(ours), timed(floor)) for _ in range(count)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def least(
    count: int, ours: Callable[[], float | None], floor: Callable[[], float | None]
) -> tuple[float, float]:
    """The least of both, taken in turns: what others do on the machine only ever adds."""
    pairs = [(timed(ours), timed(floor)) for _ in range(count)]
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def timed(work: Callable[[], float | None]) -> float:
    """Seconds that `work` took, or that it says it took (when it had things to prepare)."""
    started = time.perf_counter()
    said = work()
    return time.perf_counter() - started if said is None else said

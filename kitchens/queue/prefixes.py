"""Nested prefixes: with few workers, which beginnings of a lane to test at once."""

from __future__ import annotations

import math
from collections.abc import Iterator

from kitchens.queue.settling import red_prefix
from kitchens.queue.snapshot import Candidate, Snapshot


def nested_prefixes(lane: Candidate, snapshot: Snapshot, workers: int, bad: float) -> Iterator[Candidate]:
    """Up to `workers` beginnings of the lane, shortest first; `bad` is how likely a change is bad."""
    red = red_prefix(lane, snapshot)
    good = 1 - bad
    cuts = _open_cuts(len(lane), workers, good) if red is None else _split(red, workers, good)
    for length in sorted(cuts):
        yield lane[:length]


def _open_cuts(waiting: int, workers: int, good: float) -> set[int]:
    """Where most is expected to land: with `gain` expected behind a first cut at `gap` it is
    `good ** gap * (gap + gain)`, which is largest at `1 / -ln(good) - gain`."""
    reach = 1 / -math.log(good)
    gaps: list[float] = []
    gain = 0.0
    for _ in range(workers):
        gap = max(1.0, reach - gain)
        gain = good**gap * (gap + gain)
        gaps.insert(0, gap)
    scale = min(1.0, waiting / sum(gaps))
    ends = [sum(gaps[: at + 1]) * scale for at in range(workers)]
    return {min(waiting, max(1, round(end))) for end in ends}


def _split(red: int, workers: int, good: float) -> set[int]:
    """When the first `red` are red together: cuts between which the first culprit lies with equal likelihood."""
    any_bad = 1 - good**red
    parts = min(workers + 1, red)
    ends = [math.log(1 - any_bad * part / parts) / math.log(good) for part in range(1, parts)]
    return {min(red - 1, max(1, round(end))) for end in ends}

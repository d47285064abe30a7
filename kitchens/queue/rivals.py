"""The algorithms of other merge queues, for the simulation's table: each is given which changes are bad, and how many
may be tested at once, and returns test times and gates."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

#: What bors tests together.
BATCH = 8

#: How many changes Zuul looks at to begin with, and at least: a red one halves its window, a green one widens it by one.
WINDOW, NARROWEST = 20, 3


def bors(bad: Sequence[bool], workers: int) -> tuple[int, int]:
    """bors-ng: batches one after the other; a red one is cut in two, which both wait again."""
    batches = deque(bad[at : at + BATCH] for at in range(0, len(bad), BATCH))
    gates = 0
    while batches:
        batch = batches.popleft()
        gates += 1
        if any(batch) and len(batch) > 1:
            half = len(batch) // 2
            batches += (batch[:half], batch[half:])
    return gates, gates


def zuul(bad: Sequence[bool], workers: int) -> tuple[int, int]:
    """Zuul: each change on all before it, as many at once as its window and the workers allow; a red one leaves, and
    those behind it start anew."""
    at = rounds = gates = 0
    window = WINDOW
    while at < len(bad):
        tested = bad[at : at + min(window, workers)]
        rounds += 1
        gates += len(tested)
        passed = tested.index(True) if True in tested else len(tested)
        at += passed + (True in tested)
        window = max(NARROWEST, window // 2) if True in tested else window + passed
    return rounds, gates

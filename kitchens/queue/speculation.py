"""Best first: with many workers, each change on what will most likely have landed before it."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from kitchens.queue.snapshot import Candidate, Snapshot


def best_first(lane: Candidate, snapshot: Snapshot, workers: int, bad: float) -> Iterator[Candidate]:
    """The `workers` untested candidates whose verdicts will most likely be asked for, likeliest first.

    A node of the tree is a change together with what landed before it; its verdict, or a guess, leads to the next.
    """
    open_nodes: list[tuple[float, int, Candidate]] = [(-1.0, 0, ())]
    wanted = 0
    while open_nodes and wanted < workers:
        likelihood, place, before = heappop(open_nodes)
        if place == len(lane):
            continue
        candidate = (*before, lane[place])
        verdict = snapshot.verdicts.get(candidate)
        if verdict is None:
            wanted += 1
            yield candidate
        for green, chance in ((True, 1 - bad), (False, bad)):
            if verdict is None or verdict is green:
                after = candidate if green else before
                heappush(open_nodes, (likelihood * (chance if verdict is None else 1), place + 1, after))

"""Changes that depend on each other stand in one lane; lanes do not wait for each other."""

from __future__ import annotations

from collections.abc import Iterable

from kitchens.queue.snapshot import Candidate, Change


def lanes(changes: Iterable[Change]) -> tuple[Candidate, ...]:
    """The changes, those that touch the same in one lane, in the queue's order; lanes by their first change."""
    found: list[tuple[set[str], list[int]]] = []
    listed = list(changes)
    for place, change in enumerate(listed):
        touches, places = set(change.touches), [place]
        apart = []
        for lane in found:
            if lane[0] & touches:
                touches |= lane[0]
                places += lane[1]
            else:
                apart.append(lane)
        found = [*apart, (touches, places)]
    ordered = sorted(sorted(places) for _, places in found)
    return tuple(tuple(listed[place].name for place in places) for places in ordered)


def shares(sizes: tuple[int, ...], workers: int) -> tuple[int, ...]:
    """How many of `workers` each lane of these sizes gets: one each, first come first served, then in turns."""
    given = [0] * len(sizes)
    while workers and (open_lanes := [at for at, size in enumerate(sizes) if given[at] < size]):
        for at in open_lanes[:workers]:
            given[at] += 1
        workers -= min(workers, len(open_lanes))
    return tuple(given)

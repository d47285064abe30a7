"""The merge bases of two commits, computed from the commits themselves: what git says about them is not asked."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from kitchens_engine.tuples import NamedTuple

_ONE, _OTHER, _STALE = 1, 2, 4
_BOTH = _ONE | _OTHER


class Node(Protocol):
    """A commit, as far as its place in history goes."""

    @property
    def parents(self) -> tuple[str, ...]:
        """The ids of the commits that it was made from."""

    @property
    def committed(self) -> datetime:
        """When; it only decides what is looked at first, so clocks may lie."""


Read = Callable[[Sequence[str]], Sequence[Node]]


def merge_bases(one: str, other: str, read: Read) -> tuple[str, ...]:
    """The best common ancestors of two commits, sorted; several after a criss-cross, none for strangers."""
    found = [commit for commit, colour in _paint(one, [other], read).items() if colour == _BOTH]
    return tuple(sorted(_independent(found, read)))


class Ancestry:
    """The ancestors of many commits at once, for whoever asks about all of them.

    `commits` come newest first, parents after their children, each with the ids of its parents. What lies below them
    is known by name only.
    """

    def __init__(self, commits: Sequence[tuple[str, Sequence[str]]]) -> None:
        inside = {commit for commit, _ in commits}
        below = {parent: None for _, parents in commits for parent in parents if parent not in inside}
        self._names = [*below, *(commit for commit, _ in reversed(commits))]
        self._boundary = (1 << len(below)) - 1
        self._above: dict[str, int] = {}
        parents_of = dict(commits)
        # Bit by bit from the oldest on: a commit's ancestors are its parents' and itself.
        for place, name in enumerate(self._names):
            mask = 1 << place
            for parent in parents_of.get(name, ()):
                mask |= self._above[parent]
            self._above[name] = mask

    def merge_bases(self, one: str, other: str) -> tuple[str, ...] | None:
        """The best common ancestors, sorted; None when it takes more commits than these to tell."""
        if one not in self._above or other not in self._above:
            return None
        common = self._above[one] & self._above[other]
        if common == 0:
            return None
        found: list[str] = []
        covered = 0
        while common:
            best = self._names[common.bit_length() - 1]
            if common <= self._boundary and (found or common & (common - 1)):
                # Which of several commits at the edge contains which is not known.
                return None
            found.append(best)
            covered |= self._above[best]
            common &= ~self._above[best]
        open_edges = [self._above[side] & self._boundary & ~covered for side in (one, other)]
        # Both lead out of these commits past what was found: they may meet again below.
        return None if all(open_edges) else tuple(sorted(found))


def contains(newer: str, older: str, read: Read) -> bool:
    """Whether `newer` contains `older`; a commit contains itself."""
    return merge_bases(newer, older, read) == (older,)


def _independent(commits: Sequence[str], read: Read) -> list[str]:
    """Those of `commits` that no other one of them contains."""
    if len(commits) < 2:
        return list(commits)
    return [
        each
        for each in commits
        if not _paint(each, [one for one in commits if one != each], read)[each] & _OTHER
    ]


class _Waiting(NamedTuple):
    order: float
    commit: str
    parents: tuple[str, ...]


def _paint(one: str, others: Iterable[str], read: Read) -> dict[str, int]:
    """Every commit that was looked at, with the sides that contain it; `_STALE` ones lie below a common ancestor.

    The newest commit is looked at first, and again whenever more sides turn out to contain it. It ends when only
    what lies below common ancestors is left.
    """
    colours: dict[str, int] = {}
    queue: list[_Waiting] = []

    def reach(commits: Sequence[str], colour: int) -> None:
        new = [each for each in commits if colours.get(each, 0) | colour != colours.get(each)]
        if not new:
            return
        for commit, node in zip(new, read(new), strict=True):
            colours[commit] = colours.get(commit, 0) | colour
            heapq.heappush(queue, _Waiting(-node.committed.timestamp(), commit, node.parents))

    reach([one], _ONE)
    reach(list(others), _OTHER)
    while any(not colours[each.commit] & _STALE for each in queue):
        commit = heapq.heappop(queue)
        colour = colours[commit.commit]
        reach(commit.parents, colour | _STALE if colour & _BOTH == _BOTH else colour)
    return colours

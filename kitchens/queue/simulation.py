"""A queue played in units of one test's time: what each policy makes of the same changes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from heapq import heappop, heappush
from statistics import fmean
from typing import Any

from kitchens.queue.planner import POLICIES, plan
from kitchens.queue.rivals import bors, zuul
from kitchens.queue.snapshot import Candidate, Change, Drop, Land, Snapshot, Test
from kitchens_engine.tuples import NamedTuple

RIVALS = {"bors": bors, "zuul": zuul}


class Played(NamedTuple):
    """How long a queue took, in test times, how many gates ran, and how each change ended, in order."""

    makespan: float
    gates: int
    landed: tuple[str, ...]
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Means:
    """A policy's figures, means over many queues; `makespan` in test times."""

    policy: str
    workers: int
    bad: float
    changes: int
    makespan: float
    gates: float

    def document(self) -> dict[str, Any]:
        """As `--json` shows it."""
        return asdict(self)


def play(
    changes: Iterable[Change],
    is_red: Callable[[Candidate], bool],
    workers: int,
    policy: str = "auto",
    duration: Callable[[Candidate], float] = lambda _: 1.0,
) -> Played:
    """Play a queue to its end. A gate takes `duration` of its candidate, which `is_red` says to be red or not; a
    candidate is given with all that has landed before it."""
    now, gates = 0.0, 0
    landed: list[str] = []
    dropped: list[str] = []
    ends: list[tuple[float, int, Candidate]] = []
    snapshot = Snapshot(tuple(changes), {}, {}, workers)
    while True:
        actions, snapshot = plan(snapshot, policy)
        for action in actions:
            match action:
                case Land(names):
                    landed += names
                case Drop(name):
                    dropped.append(name)
                case Test(candidate):
                    gates += 1
                    snapshot = snapshot.started(str(gates), candidate)
                    whole = (*landed, *candidate)
                    heappush(ends, (now + duration(whole), gates, whole))
        while ends and str(ends[0][1]) not in snapshot.running:
            heappop(ends)
        if not ends:
            return Played(now, gates, tuple(landed), tuple(dropped))
        now = ends[0][0]
        while ends and ends[0][0] == now:
            _, gate, whole = heappop(ends)
            if str(gate) in snapshot.running:
                snapshot = snapshot.ended(str(gate), green=not is_red(whole))


def simulate(
    changes: int, workers: int, bad: float, seeds: int, policies: Iterable[str] = (*POLICIES, *RIVALS)
) -> Iterator[Means]:
    """The means of each policy over `seeds` random queues, the same ones for each: all changes wait at once, depend on
    each other, and are bad with the likelihood `bad`."""
    return _means([_random(changes, bad, seed) for seed in range(seeds)], workers, bad, policies)


def replay(
    history: tuple[bool, ...], workers: int, policies: Iterable[str] = (*POLICIES, *RIVALS)
) -> Iterator[Means]:
    """What each policy makes of changes of which it is known whether they were bad, as if all of them waited at once
    and depended on each other."""
    return _means([history], workers, round(fmean(history), 4), policies)


def _means(
    queues: list[tuple[bool, ...]], workers: int, bad: float, policies: Iterable[str]
) -> Iterator[Means]:
    for policy in policies:
        figures = [_played(queue, workers, policy) for queue in queues]
        makespan, gates = (round(fmean(column), 2) for column in zip(*figures, strict=True))
        yield Means(policy, workers, bad, len(queues[0]), makespan, gates)


def _random(changes: int, bad: float, seed: int) -> tuple[bool, ...]:
    chance = random.Random(seed)
    return tuple(chance.random() < bad for _ in range(changes))


def _played(queue: tuple[bool, ...], workers: int, policy: str) -> tuple[float, int]:
    if policy in RIVALS:
        return RIVALS[policy](queue, workers)
    names = [str(at) for at in range(len(queue))]
    culprits = {name for name, is_bad in zip(names, queue, strict=True) if is_bad}
    everything = frozenset({"everything"})
    changes = [Change(name, everything) for name in names]
    return play(changes, lambda candidate: not culprits.isdisjoint(candidate), workers, policy)[:2]

"""From a snapshot of the queue to what to do now."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kitchens.queue.lanes import lanes, shares
from kitchens.queue.prefixes import nested_prefixes
from kitchens.queue.settling import red_prefix, settle
from kitchens.queue.snapshot import Action, Cancel, Candidate, Snapshot, Test
from kitchens.queue.speculation import best_first

#: How many changes, and how many bad ones among them, are imagined before any was seen.
IMAGINED, IMAGINED_BAD = 20, 1

#: With so many workers and this likelihood of a bad change `auto` tries single changes instead of prefixes: the
#: simulation draws the line.
MANY_WORKERS, MANY_BAD = 8, 0.12

#: The policies by which candidates are chosen.
POLICIES = ("auto", "serial", "prefix", "best-first")

_Choice = Callable[[Candidate, Snapshot, int, float], Iterator[Candidate]]


def plan(snapshot: Snapshot, policy: str = "auto") -> tuple[tuple[Action, ...], Snapshot]:
    """What to land, to drop, to cancel and to test, in this order; and the queue without what has landed, left or been
    cancelled. `policy` is one of `POLICIES`.

    Nothing lands but what passed as a whole; a change is dropped only when it alone turned red what had passed.
    """
    decided, snapshot = settle(snapshot)
    useless = [job for job, candidate in snapshot.running.items() if not _useful(candidate, snapshot)]
    for job in useless:
        snapshot = snapshot.stopped(job)
    return (*decided, *map(Cancel, useless), *map(Test, _tests(snapshot, policy))), snapshot


def likelihood_of_bad(snapshot: Snapshot) -> float:
    """How likely a change is bad, from how those before it ended."""
    return min(0.9, (IMAGINED_BAD + snapshot.failed) / (IMAGINED + snapshot.passed + snapshot.failed))


def _tests(snapshot: Snapshot, policy: str) -> list[Candidate]:
    """The candidates to test with the workers that are free."""
    bad = likelihood_of_bad(snapshot)
    choose, workers = _choice(policy, snapshot.workers, bad)
    running = frozenset(snapshot.running.values())
    open_lanes = lanes(snapshot.waiting)
    chosen = [
        candidate
        for lane, share in zip(open_lanes, shares(tuple(map(len, open_lanes)), workers), strict=True)
        if share
        for candidate in choose(lane, snapshot, share, bad)
        if candidate not in running
    ]
    return chosen[: max(0, workers - len(running))]


def _useful(candidate: Candidate, snapshot: Snapshot) -> bool:
    """Whether a verdict on the candidate can still decide something: it stands in one lane, on nothing red."""
    for lane in lanes(snapshot.waiting):
        if candidate and set(candidate) <= set(lane):
            red = red_prefix(lane, snapshot)
            return red is None or candidate[:red] != lane[:red]
    return False


def _serial(lane: Candidate, snapshot: Snapshot, workers: int, bad: float) -> Iterator[Candidate]:
    yield lane[:1]


def _choice(policy: str, workers: int, bad: float) -> tuple[_Choice, int]:
    """How the policy chooses candidates, and how many it tests at once at most."""
    if policy == "auto":
        policy = "best-first" if workers >= MANY_WORKERS and bad >= MANY_BAD else "prefix"
    choices: dict[str, tuple[_Choice, int]] = {
        "serial": (_serial, 1),
        "prefix": (nested_prefixes, workers),
        "best-first": (best_first, workers),
    }
    return choices[policy]

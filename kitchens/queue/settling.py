"""What verdicts decide, whatever the policy: the longest green prefix lands, a culprit leaves, the rest goes on."""

from __future__ import annotations

from dataclasses import replace

from kitchens.queue.lanes import lanes
from kitchens.queue.snapshot import Candidate, Drop, Land, Snapshot


def settle(snapshot: Snapshot) -> tuple[tuple[Land | Drop, ...], Snapshot]:
    """Everything that the verdicts decide, in order, and the queue after it: what no longer says anything about what
    still waits is gone from its verdicts and its running jobs."""
    decided: list[Land | Drop] = []
    while (found := _next(snapshot)) is not None:
        decision, lane = found
        decided.append(decision)
        snapshot = _after(snapshot, lane, decision)
    return tuple(decided), snapshot


def red_prefix(lane: Candidate, snapshot: Snapshot) -> int | None:
    """The length of the shortest beginning of a lane that is red: the culprit is in it."""
    reds = (len(one) for one, green in snapshot.verdicts.items() if not green and lane[: len(one)] == one)
    return min(reds, default=None)


def _next(snapshot: Snapshot) -> tuple[Land | Drop, Candidate] | None:
    for lane in lanes(snapshot.waiting):
        green = [one for one, passed in snapshot.verdicts.items() if passed and lane[: len(one)] == one]
        if green:
            return Land(max(green, key=len)), lane
        # All before the head has landed, so what is red with the head alone is red for it.
        if snapshot.verdicts.get(lane[:1]) is False:
            return Drop(lane[0], lane[:1]), lane
    return None


def _after(snapshot: Snapshot, lane: Candidate, decision: Land | Drop) -> Snapshot:
    landed = decision.changes if isinstance(decision, Land) else ()
    gone = {*landed} if isinstance(decision, Land) else {decision.change}
    verdicts = {_rest(one, lane, landed, gone): green for one, green in snapshot.verdicts.items()}
    running = {job: _rest(one, lane, landed, gone) for job, one in snapshot.running.items()}
    return replace(
        snapshot,
        waiting=tuple(change for change in snapshot.waiting if change.name not in gone),
        verdicts={one: green for one, green in verdicts.items() if one},
        # A job whose candidate is empty is kept for the planner to cancel.
        running=running,
        passed=snapshot.passed + len(landed),
        failed=snapshot.failed + (not landed),
    )


def _rest(candidate: Candidate, lane: Candidate, landed: Candidate, gone: set[str]) -> Candidate:
    """What a candidate adds to the tip after a decision in `lane`; empty when it says nothing any more."""
    if not set(candidate) & set(lane):
        return candidate
    if candidate[: len(landed)] != landed:
        # It was tested without something that is part of the tip now.
        return ()
    rest = candidate[len(landed) :]
    return () if gone & set(rest) else rest

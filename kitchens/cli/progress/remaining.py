"""How far a run is and how long it will still take, from what its nodes took before."""

from __future__ import annotations

from collections.abc import Mapping

from kitchens.cli.progress.state import RunProgress, groups_of
from kitchens_engine.tuples import NamedTuple

#: Below this share of the work, the pace of a run says nothing yet; it counts within these bounds.
_EARLY = 0.1
_SLOWEST, _FASTEST = 4.0, 0.25


class Usual(NamedTuple):
    """What earlier runs of the same recipe took: the whole (None: none of them passed), and each of its steps."""

    whole: float | None
    steps: Mapping[str, float]


class Outlook(NamedTuple):
    """The share of the work that is done, and the seconds that remain; None where nobody knows."""

    share: float
    seconds: float | None


NOTHING_KNOWN = Usual(None, {})


def without_groups(seconds: Mapping[str, float]) -> dict[str, float]:
    """The same without the nodes that hold others: their time is that of what they hold."""
    groups = {group for path in seconds for group in groups_of(path)[-1:]}
    return {path: took for path, took in seconds.items() if path not in groups}


def outlook(progress: RunProgress, usual: Usual, now: float) -> Outlook:
    """Done work over all work, each step weighing what it usually takes; the time in proportion to it."""
    total = max(progress.total, 1)
    if not usual.steps:
        return Outlook(min(1.0, len(progress.ended) / total), None)
    work = sum(usual.steps.values()) or 1e-9
    done = sum(usual.steps.get(path, 0.0) for path in progress.ended)
    for path, running in progress.running.items():
        # What takes longer than usual is nearly done all the time.
        done += min(now - running.since, 0.95 * usual.steps.get(path, 0.0))
    share = min(1.0, done / work)
    elapsed = now - progress.began
    # What was kept from an earlier part of the run took none of this time.
    since = share - sum(usual.steps.get(path, 0.0) for path in progress.kept) / work
    if usual.whole is None:
        return Outlook(share, elapsed * (1 - share) / since if since > _EARLY else None)
    pace = elapsed / (usual.whole * since) if since > _EARLY and usual.whole else 1.0
    return Outlook(share, usual.whole * (1 - share) * min(max(pace, _FASTEST), _SLOWEST))

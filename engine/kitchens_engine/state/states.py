"""The states of a node, and the ways from one to the next. There are no others.

    waiting ─→ running ─→ passed | warned | failed | skipped | cancelled
       │         ↺ another try, or news of its graph
       └─→ skipped | cancelled | failed (its `when` cannot be told)

What has ended stays as it ended; another try of a nested recipe begins with new, waiting nodes.
"""

from __future__ import annotations

from collections.abc import Mapping

from kitchens_engine.outcome import Status

ENDED = frozenset((Status.PASSED, Status.WARNED, Status.FAILED, Status.SKIPPED, Status.CANCELLED))

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.WAITING: frozenset((Status.RUNNING, Status.SKIPPED, Status.CANCELLED, Status.FAILED)),
    Status.RUNNING: ENDED | {Status.RUNNING},
    **dict.fromkeys(ENDED, frozenset[Status]()),
}


def check(path: str, before: Status, after: Status) -> None:
    """Raises `RuntimeError` for a way that is not there: a fault of this program, and never written down."""
    if after not in TRANSITIONS[before]:
        raise RuntimeError(f"node `{path}` cannot go from {before} to {after}")

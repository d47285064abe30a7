"""What the nodes inside a nested recipe or ingredient come to outside of it, by its policy."""

from __future__ import annotations

from collections.abc import Sequence

from kitchens_engine.outcome import NodeRecord, Status, fold
from kitchens_engine.recipe import NO_POLICY, Policy
from kitchens_engine.state.live import LiveNode

#: How many nodes a reason names at most.
_NAMED = 5


def of(live: LiveNode) -> tuple[Status, str | None]:
    """What the graph of a node came to. Its own policy stands over that of the recipe that it runs.

    The instances of a node that is fanned out have had their policy already.
    """
    plan = live.graph.plan.nested.get(live.node.name)
    lenient = plan is not None and not live.fans_out
    policy = live.node.policy.over(plan.recipe.policy) if lenient and plan else NO_POLICY
    return verdict(live.record.nodes, policy)


def verdict(nodes: Sequence[NodeRecord], policy: Policy) -> tuple[Status, str | None]:
    """The status that the nodes give together, and why.

    What the policy passes over is said in the reason, so that a record never hides it.
    """
    passed_over = {
        Status.FAILED: policy.failures in ("warn", "ignore"),
        Status.WARNED: policy.warnings == "ignore",
    }
    status = fold(node.status for node in nodes if not passed_over.get(node.status, False))
    if status is not Status.PASSED:
        return status, f"{_names(nodes, status)} {status}"
    if failed := _names(nodes, Status.FAILED):
        word = "counts as a warning" if policy.failures == "warn" else "is ignored"
        return (
            Status.WARNED if policy.failures == "warn" else Status.PASSED,
            f"{failed} failed inside, which {word} by its policy",
        )
    warned = _names(nodes, Status.WARNED)
    return Status.PASSED, f"{warned} warned inside, which is ignored by its policy" if warned else None


def _names(nodes: Sequence[NodeRecord], status: Status) -> str:
    found = [node.name for node in nodes if node.status is status]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"`{'`, `'.join(found[:_NAMED])}`{more}" if found else ""

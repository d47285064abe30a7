"""What was asked for, as a record keeps it for whoever takes the run up later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitchens_engine.errors import InvalidInput
from kitchens_engine.order import Left, Order
from kitchens_engine.state.past import Past
from kitchens_engine.state.plan import Plan
from kitchens_engine.variables.constraints import HIDDEN, masked


def asked(order: Order, plan: Plan) -> dict[str, Any]:
    """What a later runner must know of an order beside its record, hidden values left out."""
    settings = dict(order.settings)
    for inner in plan.walk():
        settings = masked(inner.recipe, settings)
    return {
        "nodes": None if order.nodes is None else list(order.nodes),
        "settings": settings,
        "variables": masked(plan.recipe, order.variables),
        "earlier": order.earlier.outputs,
        "earlier_tests": order.earlier.tests,
    }


def left_before(past: Past | None) -> Left:
    """What nodes outside the selection had left when the run began that is taken up."""
    if past is None:
        return Left()
    return Left(past.record.asked["earlier"], past.record.asked.get("earlier_tests", {}))


def recalled(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What was recorded, at every depth; hidden values, which were not, are those of `now`.

    Raises `InvalidInput` for one that is not to be had.
    """
    found: dict[str, Any] = {}
    for name, value in recorded.items():
        if value == HIDDEN:
            if name not in now:
                raise InvalidInput(f"`{name}` is hidden, so it was not recorded, and has no value now")
            found[name] = now[name]
        elif isinstance(value, Mapping):
            inner = now.get(name)
            found[name] = recalled(value, inner if isinstance(inner, Mapping) else {})
        else:
            found[name] = value
    return found

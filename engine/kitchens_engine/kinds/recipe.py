"""`recipe`: a whole recipe as one node, with its own variables."""

from __future__ import annotations

from kitchens_engine import variables
from kitchens_engine.order import Order
from kitchens_engine.plan import Plan
from kitchens_engine.recipe import Node
from kitchens_engine.scope import Scope


def enter(node: Node, outer: Scope, plan: Plan, order: Order) -> Scope:
    """The scope of the nested recipe: its variables, highest first, are the node's, the kitchen's settings,
    the variation's and its own."""
    resolved = variables.resolve(plan.recipe, plan.variation, order.settings, ())
    given = outer.render(node.name, node.variables)
    return Scope(order, plan, merge(resolved, given), None)


def merge(base: dict[str, object], over: dict[str, object]) -> dict[str, object]:
    """`base` with the values of `over`; tables merge deeply."""
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        merged[key] = merge(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged

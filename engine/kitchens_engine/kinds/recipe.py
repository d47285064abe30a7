"""`recipe`: a whole recipe as one node, with its own variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitchens_engine.order import Order
from kitchens_engine.recipe import Node
from kitchens_engine.state.plan import Plan
from kitchens_engine.state.scope import Scope
from kitchens_engine.toml.types import as_moment, type_name
from kitchens_engine.variables.resolve import Layer, resolve


def enter(node: Node, outer: Scope, plan: Plan, order: Order) -> Scope:
    """The scope of the nested recipe."""
    return Scope(order, plan, variables_of(node, outer, plan, order), None)


def variables_of(node: Node, outer: Scope, plan: Plan, order: Order) -> Mapping[str, Any]:
    """The nested recipe's variables: what the node gives, over settings and variation as in any run.

    Raises `InvalidInput` for a value that the recipe does not admit.
    """
    given = _with_moments(outer.render(node.name, node.variables), node.variables, plan.recipe.variables)
    layer = Layer("node", f"node `{node.name}`", given, node.position)
    return resolve(plan.recipe, plan.variation, order.settings, gate=order.gate, given=layer)


def _with_moments(
    given: Mapping[str, Any], written: Mapping[str, Any], declared: Mapping[str, Any]
) -> dict[str, Any]:
    """What a template gave in the place of a date or time as one: outputs that are dates are text."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        default = declared.get(name)
        if isinstance(value, Mapping) and isinstance(written[name], Mapping) and isinstance(default, Mapping):
            found[name] = _with_moments(value, written[name], default)
        else:
            found[name] = value if value is written[name] else as_moment(value, type_name(default))
    return found

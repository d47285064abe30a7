"""`recipe`: a whole recipe as one node, with its own variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitchens_engine.language.variables import Layer, resolve
from kitchens_engine.order import Order
from kitchens_engine.recipe import Node
from kitchens_engine.state.plan import Plan
from kitchens_engine.state.scope import Scope


def enter(node: Node, outer: Scope, plan: Plan, order: Order) -> Scope:
    """The scope of the nested recipe."""
    return Scope(order, plan, variables_of(node, outer, plan, order), None)


def variables_of(node: Node, outer: Scope, plan: Plan, order: Order) -> Mapping[str, Any]:
    """The nested recipe's variables: what the node gives, over settings and variation as in any run.

    Raises `InvalidInput` for a value that the recipe does not admit.
    """
    given = outer.render(node.name, node.variables)
    layer = Layer("node", f"node `{node.name}`", given, node.position)
    return resolve(plan.recipe, plan.variation, order.settings, gate=order.gate, given=layer)

"""`ingredient`: a recipe with a contract, as one node with typed inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitchens_engine.errors import InvalidInput
from kitchens_engine.kinds.recipe import variables_of
from kitchens_engine.language.types import is_a, type_name, with_article
from kitchens_engine.order import Order
from kitchens_engine.recipe import Node
from kitchens_engine.running.plan import Plan
from kitchens_engine.running.scope import Scope


def enter(node: Node, outer: Scope, plan: Plan, order: Order) -> Scope:
    """The scope of the ingredient: its inputs with their defaults, held to their types."""
    given = outer.render(node.name, node.inputs)
    inputs = {name: given.get(name, contract.get("default")) for name, contract in plan.recipe.inputs.items()}
    for name, value in inputs.items():
        _hold(value, plan.recipe.inputs[name], f"node `{node.name}`: input `{name}`")
    return Scope(order, plan, variables_of(node, outer, plan, order), inputs)


def leave(inner: Scope) -> dict[str, Any]:
    """The ingredient's outputs, held to their types."""
    recipe = inner.plan.recipe
    outputs = {name: inner.render(None, contract["value"]) for name, contract in recipe.outputs.items()}
    for name, value in outputs.items():
        _hold(value, recipe.outputs[name], f"ingredient `{recipe.name}`: output `{name}`")
    return outputs


def _hold(value: Any, contract: Mapping[str, Any], subject: str) -> None:
    wanted = contract["type"]
    if not is_a(value, wanted):
        shown = with_article(type_name(value))
        raise InvalidInput(f"{subject} is {with_article(wanted)} by its contract, and got {shown}: `{value}`")

"""`ingredient`: a recipe with a contract, as one node with typed inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitchens_engine import variables
from kitchens_engine.errors import InvalidInput
from kitchens_engine.order import Order
from kitchens_engine.plan import Plan
from kitchens_engine.recipe import Node
from kitchens_engine.scope import Scope

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "float": (float, int),
    "boolean": (bool,),
    "list": (list,),
    "table": (dict,),
}


def enter(node: Node, outer: Scope, plan: Plan, order: Order) -> Scope:
    """The scope of the ingredient: its inputs with their defaults, held to their types."""
    given = outer.render(node.name, node.inputs)
    inputs = {name: given.get(name, contract.get("default")) for name, contract in plan.recipe.inputs.items()}
    for name, value in inputs.items():
        _hold(value, plan.recipe.inputs[name], f"node `{node.name}`: input `{name}`")
    resolved = variables.resolve(plan.recipe, plan.variation, order.settings, ())
    return Scope(order, plan, resolved, inputs)


def leave(inner: Scope) -> dict[str, Any]:
    """The ingredient's outputs, held to their types."""
    outputs = {}
    for name, contract in inner.plan.recipe.outputs.items():
        value = inner.whole(contract["value"])
        _hold(value, contract, f"ingredient `{inner.plan.recipe.name}`: output `{name}`")
        outputs[name] = value
    return outputs


def _hold(value: Any, contract: Mapping[str, Any], subject: str) -> None:
    declared = contract.get("type")
    if declared is None:
        return
    fits = isinstance(value, _TYPES.get(declared, (object,)))
    if isinstance(value, bool) and declared != "boolean":
        fits = False
    if not fits:
        raise InvalidInput(f"{subject} is {_shown(value)}, which is no {declared}")


def _shown(value: Any) -> str:
    return f"`{value}`" if isinstance(value, (str, int, float)) else type(value).__name__

"""`ingredient`: a recipe with a contract, as one node with typed inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitchens_engine.errors import InvalidInput
from kitchens_engine.kinds.recipe import variables_of
from kitchens_engine.order import Order
from kitchens_engine.recipe import Node, Position, Recipe
from kitchens_engine.state.plan import Plan
from kitchens_engine.state.scope import Scope
from kitchens_engine.toml.types import as_moment, is_a, type_name, with_article
from kitchens_engine.values import as_word
from kitchens_engine.variables.constraints import constraint_of, must_be_given, refusal


def enter(node: Node, outer: Scope, plan: Plan, order: Order) -> Scope:
    """The scope of the ingredient: its inputs with their defaults, held to its contract."""
    given = outer.render(node.name, node.inputs)
    for name, value in given.items():
        if value is not node.inputs[name]:  # through a template: outputs that are dates are text
            given[name] = as_moment(value, plan.recipe.inputs[name]["type"])
    inputs = {name: given.get(name, contract.get("default")) for name, contract in plan.recipe.inputs.items()}
    for name, value in inputs.items():
        contract = plan.recipe.inputs[name]
        if name in given or "default" in contract or must_be_given(contract):
            _hold(value, contract, plan.recipe, f"node `{node.name}`: input `{name}`")
    return Scope(order, plan, variables_of(node, outer, plan, order), inputs)


def leave(inner: Scope, *, whole: bool = True) -> dict[str, Any]:
    """The ingredient's outputs, held to its contract. Unless all of it ran, those that cannot be told are left out."""
    recipe = inner.plan.recipe
    outputs = {}
    for name, contract in recipe.outputs.items():
        try:
            value = inner.render(None, contract["value"])
        except InvalidInput:
            if whole:
                raise
            continue
        # Dates that nodes gave are text, and stay so.
        moment = as_moment(value, contract["type"])
        _hold(moment, contract, recipe, f"ingredient `{recipe.name}`: output `{name}`")
        outputs[name] = value
    return outputs


def _hold(value: Any, contract: Mapping[str, Any], ingredient: Recipe, subject: str) -> None:
    wanted = contract["type"]
    hidden = contract.get("hidden", False)
    if not is_a(value, wanted):
        shown = with_article(type_name(value)) + ("" if hidden else f": `{as_word(value)}`")
        raise InvalidInput(f"{subject} is {with_article(wanted)} by its contract, and got {shown}")
    if contract.get("locked", False) and value != contract.get("default"):
        raise InvalidInput(f"{subject} is locked by its contract: it cannot be given")
    constraint = constraint_of(contract, Position(ingredient.file))
    if why := refusal(constraint, value, default=value == contract.get("default")):
        raise InvalidInput(f"{subject} {why}, by the contract of `{ingredient.name}`")

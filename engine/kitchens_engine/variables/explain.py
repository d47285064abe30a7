"""Where the value of a variable comes from: what every level says of it, with its place, and which one wins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kitchens_engine.recipe import Constraint, Recipe
from kitchens_engine.toml.document import Document
from kitchens_engine.toml.types import type_name
from kitchens_engine.tuples import NamedTuple
from kitchens_engine.variables.constraints import HIDDEN, is_hidden
from kitchens_engine.variables.layers import found, leaves
from kitchens_engine.variables.resolve import Layer, combined, refused


class Said(NamedTuple):
    """What one level says; file and line for those that are files. `value` is masked where it is hidden."""

    level: str
    value: Any
    file: str | None = None
    line: int | None = None


class Explained(NamedTuple):
    """One variable that is no table, by its keys: its levels, lowest first, and the one whose value holds.

    `winner` is None when no level gives a variable that is required. `problem` is what the recipe
    does not admit about it.
    """

    keys: tuple[str, ...]
    type: str
    value: Any
    winner: str | None
    levels: tuple[Said, ...]
    constraint: Constraint | None
    problem: str | None


def explain(
    recipe: Recipe, variation: str | None, layers: Sequence[Layer], document: Document
) -> Iterator[Explained]:
    """Every variable of the recipe under these layers (`layers_of`), in their order; `document` is its file."""
    problems = [(mismatch.keys, mismatch.message) for mismatch, _ in refused(recipe, layers)]
    for keys, value in leaves(combined(recipe, layers)):
        hidden = is_hidden(recipe, keys)
        levels = tuple(
            said._replace(value=HIDDEN) if hidden else said
            for layer in layers
            if (said := _said(layer, keys, variation, document)) is not None
        )
        constraint = recipe.constraints.get(".".join(keys))
        yield Explained(
            keys=keys,
            type=(constraint and constraint.type) or type_name(value),
            value=None if not levels else HIDDEN if hidden else value,
            winner=levels[-1].level if levels else None,
            levels=levels,
            constraint=constraint,
            problem=_problem(keys, levels, constraint, problems),
        )


def _said(layer: Layer, keys: tuple[str, ...], variation: str | None, document: Document) -> Said | None:
    there, value = found(layer.values, keys)
    if not there:
        return None
    match layer.level:
        case "recipe":
            if keys[0] not in document.values.get("variables", {}):
                return None  # only its type is known here
            path: tuple[str, ...] = ("variables", *keys)
        case "variation":
            path = ("variations", str(variation), "variables", *keys)
        case _:
            return Said(layer.level, value)
    return Said(layer.level, value, document.file, document.place(path).line)


def _problem(
    keys: tuple[str, ...],
    levels: tuple[Said, ...],
    constraint: Constraint | None,
    problems: Sequence[tuple[tuple[str, ...], str]],
) -> str | None:
    above = [said for said in levels if said.level != "recipe"]
    if constraint is not None and constraint.required and not above:
        return "it is required, and no level gives it"
    return next((message for wrong, message in problems if wrong == keys[: len(wrong)]), None)

"""`kitchen recipe explain` and `kitchen why`: what every level says of a variable, where, and which one wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kitchens.actions.cookbook.readable import recipes_in
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.gate.fingerprint import Examiner
from kitchens.store.registrations import Written
from kitchens_engine.errors import InvalidInput
from kitchens_engine.language.shelf import Shelf
from kitchens_engine.ports import Source
from kitchens_engine.recipe import Recipe
from kitchens_engine.toml.document import Document, read_document
from kitchens_engine.toml.nearest import hints
from kitchens_engine.values import json_safe
from kitchens_engine.variables.constraints import HIDDEN, is_hidden
from kitchens_engine.variables.explain import Explained, Said, explain
from kitchens_engine.variables.layers import found, leaves
from kitchens_engine.variables.resolve import layers_of


@dataclass(frozen=True, slots=True)
class _Question:
    """Which levels there are: `settings_of` is the kitchen whose settings count, None where there are none."""

    recipe: Recipe
    document: Document
    kitchen: str | None
    variation: str | None
    settings_of: Kitchen | None
    assignments: tuple[str, ...]
    gate: bool


def explain_recipe(
    house: House,
    name: str,
    *,
    kitchen: str | None = None,
    variation: str | None = None,
    assignments: Sequence[str] = (),
    gate: bool = False,
    into: str | None = None,
) -> dict[str, Any]:
    """Every variable of the recipe as an order in this kitchen would see it: each level's value and the winner.

    With `gate`, as the gate of the kitchen's tip `into` another (default: its parent) would see it.
    """
    if gate and (variation or assignments):
        raise InvalidInput("a gate has its own variation, and takes no `--set`", code="usage")
    if into and not gate:
        raise InvalidInput("`--into` is for `--gate`", code="usage")
    question = (
        _of_gate(house, name, kitchen, into)
        if gate
        else _of_order(house, name, kitchen, variation, assignments)
    )
    settings = _settings(question.settings_of)
    layers = layers_of(
        question.recipe, question.variation, settings, question.assignments, gate=question.gate
    )
    explained = list(explain(question.recipe, question.variation, layers, question.document))
    written = _written(house, question.settings_of, explained)
    return {
        "recipe": name,
        "kitchen": question.kitchen,
        "variation": question.variation,
        "gate": question.gate,
        "into": question.settings_of.name if question.gate and question.settings_of else None,
        "variables": [_variable(one, question.settings_of, written) for one in explained],
    }


def why(house: House, name: str, variables: Sequence[str]) -> dict[str, Any]:
    """Each setting of a kitchen (or those named): who gave it, when, and which recipes read it, with their own value."""
    kitchens = Kitchens(house)
    kitchen = kitchens.get(name)
    settings = _settings(kitchen)
    values = {".".join(keys): (keys, value) for keys, value in leaves(settings)}
    chosen = {
        shown: pair
        for shown, pair in values.items()
        if not variables or any(shown == one or shown.startswith(f"{one}.") for one in variables)
    }
    for one in variables:
        if not any(shown == one or shown.startswith(f"{one}.") for shown in values):
            raise InvalidInput(f"`{name}` does not set `{one}`", *hints(one, values), code="not-set")
    written = house.registrations.written(kitchen.name, [keys for keys, _ in chosen.values()])
    recipes = recipes_in(house, kitchens, kitchen)
    rows = []
    for shown, (keys, value) in chosen.items():
        readers = [recipe for recipe in recipes if found(recipe.variables, keys[:1])[0]]
        hidden = any(is_hidden(recipe, keys) for recipe in readers)
        rows.append(
            {
                "name": shown,
                "value": HIDDEN if hidden else json_safe(value),
                **_origin(written.get(keys)),
                "recipes": [
                    {
                        "recipe": one.name,
                        "value": HIDDEN if hidden else json_safe(found(one.variables, keys)[1]),
                    }
                    for one in readers
                ],
            }
        )
    return {"kitchen": kitchen.name, "settings": rows}


def _of_order(
    house: House, name: str, kitchen: str | None, variation: str | None, assignments: Sequence[str]
) -> _Question:
    kitchens = Kitchens(house)
    here = kitchens.get(kitchen) if kitchen else kitchens.here()
    # As `order run`: a sandbox with its uncommitted edits, a permanent kitchen at its tip.
    checkout = None if here.permanent else kitchens.checkout_of(here.name)
    source: Source = house.view(here.tip).source if checkout is None else house.source(checkout)
    recipe = Shelf(source).recipe(name)
    document = _document(source, recipe)
    return _Question(recipe, document, here.name, variation, here, tuple(assignments), gate=False)


def _of_gate(house: House, name: str, kitchen: str | None, into: str | None) -> _Question:
    kitchens = Kitchens(house)
    candidate = kitchens.get(kitchen) if kitchen else kitchens.here()
    target = kitchens.get(into) if into else kitchens.parent_of(candidate) if candidate.parent else candidate
    view = house.view(candidate.tip)
    recipe = view.shelf.recipe(name)
    examiner = Examiner.of(house.view(target.tip).cookbook, _settings(target))
    variation = examiner.variation if examiner.variation in recipe.variations else None
    document = _document(view.source, recipe)
    return _Question(recipe, document, candidate.name, variation, target, (), gate=True)


def _document(source: Source, recipe: Recipe) -> Document:
    document = read_document(source.read(recipe.file) or b"", recipe.file)
    assert isinstance(document, Document)  # the recipe was made of it
    return document


def _settings(kitchen: Kitchen | None) -> dict[str, Any]:
    return dict(kitchen.registered.settings) if kitchen and kitchen.registered else {}


def _written(
    house: House, kitchen: Kitchen | None, explained: Sequence[Explained]
) -> dict[tuple[str, ...], Written]:
    keys = [one.keys for one in explained if any(said.level == "settings" for said in one.levels)]
    return house.registrations.written(kitchen.name, keys) if kitchen and keys else {}


def _variable(
    one: Explained, kitchen: Kitchen | None, written: dict[tuple[str, ...], Written]
) -> dict[str, Any]:
    held = {} if one.constraint is None else one.constraint.stated()
    return {
        "name": ".".join(one.keys),
        "type": one.type,
        "value": json_safe(one.value),
        "winner": one.winner,
        "problem": one.problem,
        "constraint": {key: json_safe(value) for key, value in held.items()},
        "levels": [_level(said, kitchen, written.get(one.keys)) for said in one.levels],
    }


def _level(said: Said, kitchen: Kitchen | None, written: Written | None) -> dict[str, Any]:
    row: dict[str, Any] = {"level": said.level, "value": json_safe(said.value)}
    if said.file is not None:
        row |= {"file": said.file, "line": said.line}
    if said.level == "settings" and kitchen is not None:
        row |= {"kitchen": kitchen.name, **_origin(written)}
    return row


def _origin(written: Written | None) -> dict[str, Any]:
    if written is None:
        return {"commit": None, "who": None, "when": None}
    when = written.when.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"commit": written.commit, "who": written.who, "when": when}

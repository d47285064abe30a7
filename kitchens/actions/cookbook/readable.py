"""The recipes of a kitchen that can be read, as its orders see them."""

from __future__ import annotations

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.gate.tree import TreeView
from kitchens_engine.errors import InvalidFiles
from kitchens_engine.language.shelf import Shelf
from kitchens_engine.recipe import Recipe


def recipes_at(view: TreeView) -> list[Recipe]:
    """Those of a tree."""
    found = (_read(view.shelf, name) for name in view.recipes)
    return [recipe for recipe in found if recipe is not None]


def recipes_in(house: House, kitchens: Kitchens, kitchen: Kitchen) -> list[Recipe]:
    """Those of a kitchen: a sandbox's with its uncommitted edits; where an edit cannot be read, as it was committed."""
    committed = {recipe.name: recipe for recipe in recipes_at(house.view(kitchen.tip))}
    checkout = None if kitchen.permanent else kitchens.checkout_of(kitchen.name)
    if checkout is None or not checkout.is_dir():
        return list(committed.values())
    shelf = Shelf(house.source(checkout))
    found = (_read(shelf, name) or committed.get(name) for name in shelf.recipe_names())
    return [recipe for recipe in found if recipe is not None]


def _read(shelf: Shelf, name: str) -> Recipe | None:
    try:
        return shelf.recipe(name)
    except InvalidFiles:
        return None

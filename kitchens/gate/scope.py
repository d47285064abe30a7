"""What a recipe reaches: every recipe, ingredient and required recipe that its gate depends on."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from kitchens.gate import reach
from kitchens.gate.tree import TreeView
from kitchens_engine.errors import InvalidInput
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens_engine.language.shelf import Shelf
    from kitchens_engine.recipe import Recipe


class Scope(NamedTuple):
    """A recipe and all that it reaches.

    `members` maps each folder reached (`recipes/delays`) to its parsed recipe, None when it
    cannot be read; `faults` holds why, first first. `requires` are the recipes that a gate
    runs before it, dependencies first, itself excluded.
    """

    recipe: str
    members: dict[str, Recipe | None]
    requires: tuple[str, ...]
    faults: tuple[InvalidInput, ...]

    @property
    def folders(self) -> tuple[str, ...]:
        """Every folder of the cookbook that the recipe reaches, sorted."""
        return tuple(sorted(self.members))


def scope_of(shelf: Shelf, name: str) -> Scope:
    """The scope of recipe `name`. A part that is missing or broken becomes a fault instead of an end:
    a change elsewhere must not be blocked by it."""
    members: dict[str, Recipe | None] = {}
    requires: list[str] = []
    faults: list[InvalidInput] = []

    def visit(folder: str) -> None:
        if folder in members:
            return
        kind, _, own = folder.partition("/")
        members[folder] = None
        try:
            recipe = shelf.recipe(own) if kind == "recipes" else shelf.ingredient(own)
        except InvalidInput as fault:
            faults.append(fault)
            return
        members[folder] = recipe
        for reached in _reached(recipe):
            visit(reached)
        for required in recipe.requires:
            if required not in requires and required != name:
                requires.append(required)

    visit(f"recipes/{name}")
    return Scope(name, members, tuple(requires), tuple(faults))


def reaches(view: TreeView, folder: str, changed: Collection[str]) -> bool:
    """Whether the recipe in `folder` is, or reaches, one of the `changed` folders, as far as can be told: whatever
    cannot be read may."""
    seen: set[str] = set()
    waiting = [folder]
    while waiting:
        each = waiting.pop()
        if each in changed:
            return True
        if each in seen:
            continue
        seen.add(each)
        below = _directly(view, each)
        if below is None:
            return True
        waiting += below
    return False


def _directly(view: TreeView, folder: str) -> tuple[str, ...] | None:
    oid = view.oid(folder)
    kind, _, name = folder.partition("/")
    with suppress(reach.Unknown):
        return reach.directly(kind, oid or "")
    try:
        recipe = view.shelf.recipe(name) if kind == "recipes" else view.shelf.ingredient(name)
        found: tuple[str, ...] | None = tuple(_reached(recipe))
    except InvalidInput:
        found = None
    if oid is not None:
        reach.note(kind, oid, found)
    return found


def _reached(recipe: Recipe) -> Iterator[str]:
    for required in recipe.requires:
        yield f"recipes/{required}"
    for node in recipe.nodes.values():
        if node.action == "recipe":
            yield f"recipes/{node.body}"
        elif node.action == "ingredient":
            yield f"ingredients/{node.body}"

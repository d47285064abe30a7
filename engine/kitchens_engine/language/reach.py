"""Everything that a recipe touches: what it nests, what it is made of, what it requires."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kitchens_engine.errors import InvalidInput
from kitchens_engine.language.shelf import Shelf
from kitchens_engine.recipe import Recipe
from kitchens_engine.tuples import NamedTuple


class Reach(NamedTuple):
    """What a recipe reaches, transitively; itself is among `recipes`.

    `requires` are the recipes whose data must be there first, in the order in which
    they must run.
    """

    recipes: tuple[str, ...]
    ingredients: tuple[str, ...]
    requires: tuple[str, ...]


class Edge(NamedTuple):
    """One recipe or ingredient naming another: `kind` is `recipe` or `ingredient`; `key` where it says so."""

    kind: str
    name: str
    required: bool
    key: tuple[str | int, ...]


def edges(recipe: Recipe) -> Iterator[Edge]:
    """The recipes and ingredients that this one names, in the order of its file."""
    for index, name in enumerate(recipe.requires):
        yield Edge("recipe", name, True, ("requires", index))
    for node in recipe.nodes.values():
        if node.action in ("recipe", "ingredient"):
            yield Edge(node.action, str(node.body), False, ("nodes", node.name, node.action))


def reach(shelf: Shelf, recipe_name: str) -> Reach:
    """What the recipe reaches, each group sorted but `requires`.

    Raises what `Shelf.recipe` raises for whatever is missing or broken on the way, and
    `InvalidInput` for a recipe that reaches itself.
    """
    walk = _Walk(shelf)
    walk.visit("recipe", recipe_name, required=False)
    return Reach(
        recipes=tuple(sorted(name for kind, name in walk.done if kind == "recipe")),
        ingredients=tuple(sorted(name for kind, name in walk.done if kind == "ingredient")),
        requires=tuple(walk.order),
    )


def images_of(recipes: Iterable[Recipe]) -> tuple[str, ...]:
    """The images that nodes of these recipes have for their own, sorted."""
    return tuple(
        sorted({node.image for recipe in recipes for node in recipe.nodes.values() if node.image is not None})
    )


def images_reached(shelf: Shelf, recipe_name: str) -> tuple[str, ...]:
    """Those of a recipe and of all that it reaches."""
    found = reach(shelf, recipe_name)
    return images_of([*map(shelf.recipe, found.recipes), *map(shelf.ingredient, found.ingredients)])


class _Walk:
    """A walk in depth: what a recipe requires is done before it."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.done: dict[tuple[str, str], None] = {}
        self.order: dict[str, None] = {}
        self.way: list[tuple[str, str]] = []

    def visit(self, kind: str, name: str, *, required: bool) -> None:
        this = (kind, name)
        if this in self.way:
            shown = " → ".join(f"`{name}`" for _, name in [*self.way[self.way.index(this) :], this])
            raise InvalidInput(f"{kind} `{name}` reaches itself: {shown}")
        if this not in self.done:
            found = self.shelf.recipe(name) if kind == "recipe" else self.shelf.ingredient(name)
            self.way.append(this)
            for edge in edges(found):
                self.visit(edge.kind, edge.name, required=edge.required)
            self.way.pop()
            self.done[this] = None
        if required:
            self.order[name] = None

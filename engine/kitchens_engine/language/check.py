"""Every fault of a cookbook's recipes: of each file, and of how the files fit together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from kitchens_engine.errors import Fault, InvalidFiles
from kitchens_engine.language import fitting
from kitchens_engine.language.graph import circles
from kitchens_engine.language.reach import edges
from kitchens_engine.language.shelf import INGREDIENTS, RECIPES, Shelf
from kitchens_engine.language.unsupported import unsupported
from kitchens_engine.recipe import Recipe
from kitchens_engine.toml.document import Document, read_document
from kitchens_engine.toml.shape import in_order


def check(
    shelf: Shelf,
    names: Iterable[str] | None = None,
    *,
    connections: Collection[str] | None = None,
    pools: Collection[str] | None = None,
) -> tuple[Fault, ...]:
    """All faults and warnings of the named recipes and whatever they reach; of all files with None.

    `connections` and `pools` are the names that `kitchens.toml` gives; with None they are not
    looked at. Raises `InvalidInput` for a name in `names` that is no recipe.
    """
    folders = _everything(shelf) if names is None else _reached(shelf, names)
    recipes = {folder: recipe for folder in folders if (recipe := shelf.parsed(folder)) is not None}
    found = [fault for folder in folders for fault in shelf.faults(folder)]
    for recipe in recipes.values():
        wrongs = [*fitting.wrongs(shelf, recipe), *unsupported(recipe, connections)]
        if pools is not None:
            wrongs += fitting.pool_wrongs(recipe, pools)
        if wrongs or fitting.reads_ingredients(recipe):
            document = _document(shelf, recipe)
            found += [document.fault(wrong.path, wrong.message, wrong.hint) for wrong in wrongs]
            found += fitting.output_faults(shelf, recipe, document)
    found += _circles(shelf, recipes)
    return in_order(found)


def checked(shelf: Shelf, names: Iterable[str], *, pools: Collection[str] | None = None) -> tuple[Fault, ...]:
    """The warnings of these recipes and whatever they reach. Raises `InvalidFiles` when there are errors."""
    faults = check(shelf, names, pools=pools)
    errors = tuple(fault for fault in faults if fault.severity == "error")
    if errors:
        raise InvalidFiles(errors)
    return faults


def _everything(shelf: Shelf) -> list[str]:
    recipes = [f"{RECIPES}/{name}" for name in shelf.recipe_names()]
    return recipes + [f"{INGREDIENTS}/{name}" for name in shelf.ingredient_names()]


def _reached(shelf: Shelf, names: Iterable[str]) -> list[str]:
    waiting = [f"{RECIPES}/{shelf.known_recipe(name)}" for name in names]
    reached: dict[str, None] = {}
    while waiting:
        folder = waiting.pop()
        if folder not in reached and shelf.has(folder):
            reached[folder] = None
            waiting.extend(_next(shelf.parsed(folder)))
    return list(reached)


def _next(recipe: Recipe | None) -> Iterator[str]:
    for edge in edges(recipe) if recipe else ():
        yield f"{RECIPES if edge.kind == 'recipe' else INGREDIENTS}/{edge.name}"


def _circles(shelf: Shelf, recipes: Mapping[str, Recipe]) -> Iterator[Fault]:
    graph = {folder: tuple(_next(recipe)) for folder, recipe in recipes.items()}
    for circle in circles(graph):
        shown = " → ".join(f"`{folder.partition('/')[2]}`" for folder in circle)
        recipe = recipes[circle[0]]
        to = circle[1].partition("/")[2]
        path = next(edge.key for edge in edges(recipe) if edge.name == to)
        message = f"`{recipe.name}` reaches itself: {shown}"
        yield _document(shelf, recipe).fault(path, message)


def _document(shelf: Shelf, recipe: Recipe) -> Document:
    document = read_document(shelf.source.read(recipe.file) or b"", recipe.file)
    assert isinstance(document, Document)  # it was parsed before
    return document

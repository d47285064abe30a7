"""Every fault of a cookbook's recipes: of each file, and of how the files fit together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from kitchens_engine.errors import Fault, InvalidFiles
from kitchens_engine.language import fitting
from kitchens_engine.language.graph import circles
from kitchens_engine.language.load import Reading
from kitchens_engine.language.reach import Edge, edges
from kitchens_engine.language.shelf import INGREDIENTS, RECIPES, Shelf
from kitchens_engine.language.unsupported import unsupported
from kitchens_engine.recipe import Recipe
from kitchens_engine.toml.shape import in_order

#: How deep recipes may lie in each other. As deep is the record of a run, and every walk through it.
DEEPEST = 200


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
    readings = read_all(shelf, names)
    found = [fault for reading in readings.values() for fault in reading.faults]
    for reading in readings.values():
        # A fault in one part of a file hides none in another, so drafts are looked at too.
        if (recipe := reading.draft) is None or (document := reading.document) is None:
            continue
        wrongs = [*fitting.wrongs(shelf, recipe), *unsupported(recipe)]
        if connections is not None:
            wrongs += fitting.connection_wrongs(recipe, connections)
        if pools is not None:
            wrongs += fitting.pool_wrongs(recipe, pools)
        for wrong in wrongs:
            found.append(document.fault(wrong.path, wrong.message, wrong.hint))
        found += fitting.output_faults(shelf, recipe, document, reading.values)
    found += list(_circles(readings)) or _too_deep(readings)
    return in_order(found)


def read_all(shelf: Shelf, names: Iterable[str] | None = None) -> dict[str, Reading]:
    """By folder, the named recipes and whatever they reach; all files with None. Raises as `check` does."""
    folders = _everything(shelf) if names is None else _reached(shelf, names)
    return {folder: reading for folder in folders if (reading := shelf.reading(folder)) is not None}


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
            reading = shelf.reading(folder)
            waiting.extend(_next(reading.draft if reading else None))
    return list(reached)


def _next(recipe: Recipe | None) -> Iterator[str]:
    for edge in edges(recipe) if recipe else ():
        yield _folder_of(edge)


def _folder_of(edge: Edge) -> str:
    return f"{RECIPES if edge.kind == 'recipe' else INGREDIENTS}/{edge.name}"


def _circles(readings: Mapping[str, Reading]) -> Iterator[Fault]:
    graph = {folder: tuple(_next(reading.draft)) for folder, reading in readings.items()}
    for circle in circles(graph):
        shown = " → ".join(f"`{folder.partition('/')[2]}`" for folder in circle)
        recipe, document = readings[circle[0]].draft, readings[circle[0]].document
        assert recipe is not None and document is not None  # without a draft it would reach nothing
        to = circle[1].partition("/")[2]
        path = next(edge.key for edge in edges(recipe) if edge.name == to)
        message = f"`{recipe.name}` reaches itself: {shown}"
        yield document.fault(path, message)


def _too_deep(readings: Mapping[str, Reading]) -> Iterator[Fault]:
    """A fault at each recipe that is the first, from below, with too much below it. There are no circles."""
    depths: dict[str, int] = {}
    for start in readings:
        way = [start]
        while way:
            reading = readings.get(way[-1])
            below = list(_next(reading.draft)) if reading else []
            open_ = [folder for folder in below if folder not in depths]
            if open_:
                way.append(open_[0])
                continue
            folder = way.pop()
            depths[folder] = 1 + max((depths[inner] for inner in below), default=0)
            if depths[folder] == DEEPEST + 1 and reading and reading.draft and reading.document:
                deep = max(edges(reading.draft), key=lambda edge: depths[_folder_of(edge)])
                message = f"more than {DEEPEST} recipes lie in each other below `{reading.draft.name}`"
                yield reading.document.fault(deep.key, message)

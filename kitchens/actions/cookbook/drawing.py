"""`kitchen recipe graph`: a recipe as a picture, with what a run made of it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.actions.house import House
from kitchens.drawing.graph import Graph, graph_of
from kitchens_engine.errors import InvalidInput
from kitchens_engine.language.shelf import Shelf
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens_engine.outcome import RunRecord


class Picture(NamedTuple):
    """A graph and the run that it shows, if any; `gone` are the nodes of the run that the recipe has no more."""

    graph: Graph
    run: RunRecord | None
    gone: tuple[str, ...] = ()


def plan_picture(
    house: House,
    folder: Path,
    recipe: str,
    *,
    variation: str | None = None,
    depth: int = 0,
    kitchen: str | None = None,
    run: str | None = None,
    last: bool = False,
) -> Picture:
    """The graph of a recipe in the cookbook of `folder`, nested ones open down to `depth`.

    With `run` (an id or its beginning), or the `last` one in the kitchen, the graph is that
    of the run's variation, and shows what came of every node.
    """
    shelf = Shelf(house.source(folder))
    shelf.recipe(recipe)
    record = None
    if run is not None:
        record = _named(house, run, recipe, variation)
    elif last:
        record = _newest(house, recipe, variation, kitchen)
    shown = variation if record is None else record.variation
    graph = graph_of(shelf, recipe, shown, depth, record)
    known = {step.name for step in graph.steps}
    gone = () if record is None else tuple(node.name for node in record.nodes if node.name not in known)
    return Picture(graph, record, gone)


def _named(house: House, run: str, recipe: str, variation: str | None) -> RunRecord:
    from kitchens.actions.orders.runs import records_of

    with closing(records_of(house)) as records:
        record = records.run(run)
    if record.recipe != recipe:
        raise InvalidInput(
            f"order run {record.run} ran recipe `{record.recipe}`, not `{recipe}`",
            f"`kitchen recipe graph {record.recipe} --run {record.run}`",
            code="run",
        )
    if variation not in (None, record.variation):
        raise InvalidInput(
            f"order run {record.run} ran {_variation(record.variation)}, not variation `{variation}`",
            "leave `--variation` out: the graph is that of the run",
            code="run",
        )
    return record


def _newest(house: House, recipe: str, variation: str | None, kitchen: str | None) -> RunRecord:
    from kitchens.actions.kitchens import Kitchens
    from kitchens.actions.orders.runs import records_of

    kitchens = Kitchens(house)
    name = (kitchens.get(kitchen) if kitchen else kitchens.here()).name
    with closing(records_of(house)) as records:
        found = records.runs(limit=1 if variation is None else 1000, kitchen=name, recipe=recipe)
        chosen = next((one for one in found if variation in (None, one.variation)), None)
        if chosen is not None:
            return records.run(chosen.run)
    under = "" if variation is None else f" under variation `{variation}`"
    option = "" if variation is None else f" --variation {variation}"
    raise InvalidInput(
        f"recipe `{recipe}` has not run{under} in kitchen `{name}` yet",
        f"`kitchen order run {recipe}{option}`, or leave `--last` out",
        code="no-run",
    )


def _variation(name: str | None) -> str:
    return "no variation" if name is None else f"variation `{name}`"

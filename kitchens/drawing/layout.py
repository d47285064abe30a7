"""Where the boxes and edges of a graph lie, from left to right in layers, nested graphs inside their node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from kitchens.drawing.graph import Graph, Step
from kitchens.drawing.layers import Item, arranged, chains, layers_of
from kitchens_engine.tuples import NamedTuple

#: Space between layers, between boxes, between an edge and its neighbours, and around a nested graph.
ACROSS = 56.0
APART = 18.0
EDGE = 10.0
INSET = 16.0
_SWEEPS = 4

Point = tuple[float, float]


class Box(NamedTuple):
    """A node with its place; `inside` lies `INSET` from the left, and at the bottom."""

    step: Step
    x: float
    y: float
    width: float
    height: float
    inside: Layout | None


class Edge(NamedTuple):
    """A line from one node to another through `points`, from the right of a box to the left of a box."""

    source: str
    target: str
    points: tuple[Point, ...]


class Layout(NamedTuple):
    """A graph that knows where everything lies, measured from its upper left corner."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]


def layout(graph: Graph, size: Callable[[Step], Point]) -> Layout:
    """The layout of a graph, given how large the label of each node is."""
    steps = {step.name: step for step in graph.steps}
    needs = {step.name: step.needs for step in graph.steps}
    inside = {name: layout(step.inside, size) for name, step in steps.items() if step.inside is not None}
    sizes = {name: _size(size(step), inside.get(name)) for name, step in steps.items()}
    layer = layers_of(needs)
    paths = chains(needs, layer)
    columns = arranged(layer, paths.values())
    widths = [_widest(column, sizes) for column in columns]
    lefts = [sum(widths[:number]) + ACROSS * number for number in range(len(columns))]
    # Boxes of one layer are equally wide; one that is open keeps its own width.
    simple = [_widest([item for item in column if item not in inside], sizes) for column in columns]
    sizes = {name: size if name in inside else (simple[layer[name]], size[1]) for name, size in sizes.items()}
    heights = {
        item: sizes[item][1] if isinstance(item, str) else 0.0 for column in columns for item in column
    }
    middle = _middles(columns, list(paths.values()), heights)
    boxes = tuple(
        Box(step, lefts[layer[name]], middle[name] - sizes[name][1] / 2, *sizes[name], inside.get(name))
        for name, step in steps.items()
    )
    edges = tuple(
        Edge(source, target, _points(path, layer, lefts, widths, sizes, middle))
        for (source, target), path in paths.items()
    )
    bottom = max((box.y + box.height for box in boxes), default=0.0)
    bends = [middle[item] for column in columns for item in column if not isinstance(item, str)]
    return Layout((lefts[-1] + widths[-1]) if columns else 0.0, max([bottom, *bends]), boxes, edges)


def _widest(column: Sequence[Item], sizes: Mapping[str, Point]) -> float:
    return max((sizes[item][0] for item in column if isinstance(item, str)), default=0.0)


def _size(label: Point, inside: Layout | None) -> Point:
    if inside is None:
        return label
    return max(label[0], inside.width + 2 * INSET), label[1] + inside.height + INSET


def _points(
    path: Sequence[Item],
    layer: Mapping[str, int],
    lefts: Sequence[float],
    widths: Sequence[float],
    sizes: Mapping[str, Point],
    middle: Mapping[Item, float],
) -> tuple[Point, ...]:
    """Out of the source, straight through every layer on the way, into the target."""
    source, target = path[0], path[-1]
    assert isinstance(source, str)
    assert isinstance(target, str)
    number = layer[source]
    points = [
        (lefts[number] + sizes[source][0], middle[source]),
        (lefts[number] + widths[number], middle[source]),
    ]
    for bend in path[1:-1]:
        assert not isinstance(bend, str)
        points += [(lefts[bend[2]], middle[bend]), (lefts[bend[2]] + widths[bend[2]], middle[bend])]
    return (*points, (lefts[layer[target]], middle[target]))


def _middles(
    columns: Sequence[Sequence[Item]], paths: Sequence[Sequence[Item]], heights: Mapping[Item, float]
) -> dict[Item, float]:
    """How high everything lies: near to its neighbours, in the order of its layer, the highest at the top."""
    before: dict[Item, list[Item]] = {}
    after: dict[Item, list[Item]] = {}
    for path in paths:
        for one, other in pairwise(path):
            after.setdefault(one, []).append(other)
            before.setdefault(other, []).append(one)
    middle: dict[Item, float] = {}
    for column in columns:
        middle |= _settled(column, dict.fromkeys(column, 0.0), heights)
    for sweep in range(_SWEEPS):
        near, order = (after, columns[::-1]) if sweep % 2 else (before, columns)
        for column in order:
            wish = {
                item: sum(middle[other] for other in near[item]) / len(near[item])
                if item in near
                else middle[item]
                for item in column
            }
            middle |= _settled(column, wish, heights)
    top = min((middle[item] - heights[item] / 2 for item in middle), default=0.0)
    return {item: place - top for item, place in middle.items()}


def _settled(
    column: Sequence[Item], wish: Mapping[Item, float], heights: Mapping[Item, float]
) -> dict[Item, float]:
    """The places nearest to the wishes (least squares) that keep the order and the distances of a column."""
    offsets = [0.0]
    for one, other in pairwise(column):
        room = APART if isinstance(one, str) or isinstance(other, str) else EDGE
        offsets.append(offsets[-1] + (heights[one] + heights[other]) / 2 + room)
    # Blocks of items that push each other: the sum of their wishes, and how many they are.
    blocks: list[tuple[float, int]] = []
    for item, offset in zip(column, offsets, strict=False):
        block = (wish[item] - offset, 1)
        while blocks and blocks[-1][0] / blocks[-1][1] > block[0] / block[1]:
            total, number = blocks.pop()
            block = (block[0] + total, block[1] + number)
        blocks.append(block)
    starts = [total / number for total, number in blocks for _ in range(number)]
    return {item: start + offset for item, start, offset in zip(column, starts, offsets, strict=False)}

"""A recipe as a graph to look at: its nodes, nested ones as deep as asked, and what its last run made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kitchens_engine.errors import InvalidInput
from kitchens_engine.language.shelf import Shelf
from kitchens_engine.outcome import NodeRecord, RunRecord, fold
from kitchens_engine.recipe import EMPTY, Node, Recipe
from kitchens_engine.state.plan import select, topological
from kitchens_engine.toml.nearest import hints
from kitchens_engine.tuples import NamedTuple

#: More nodes than this are no picture any more; nested recipes may double at every level.
MOST = 20_000

#: The actions that are graphs themselves.
GRAPHS = ("recipe", "ingredient")


class Check(NamedTuple):
    """A test of a node; `status` is what it came to in the run that is shown."""

    name: str
    fail: str
    status: str | None = None


class Step(NamedTuple):
    """One node. `needs` are names in the same graph; `kind` is its action, `of` the recipe or ingredient that it is.

    `left_out` says that the variation does not run it. `size` counts the nodes inside, at
    every depth; `inside` is their graph where it is open, `counts` how often each status
    occurs in it, the run permitting. `marks` are short words on how it runs.
    """

    name: str
    path: str
    kind: str
    of: str | None = None
    variation: str | None = None
    needs: tuple[str, ...] = ()
    when: str | None = None
    tests: tuple[Check, ...] = ()
    marks: tuple[str, ...] = ()
    left_out: bool = False
    status: str | None = None
    why: str | None = None
    seconds: float | None = None
    attempts: int = 0
    size: int = 0
    counts: Mapping[str, int] = EMPTY
    inside: Graph | None = None


class Graph(NamedTuple):
    """The nodes of one recipe, each after all that it needs."""

    recipe: str
    variation: str | None
    steps: tuple[Step, ...]
    requires: tuple[str, ...] = ()

    def walk(self) -> Iterator[Step]:
        """All nodes that are shown, outermost first."""
        for step in self.steps:
            yield step
            if step.inside is not None:
                yield from step.inside.walk()


def graph_of(
    shelf: Shelf, recipe: str, variation: str | None = None, depth: int = 0, run: RunRecord | None = None
) -> Graph:
    """The graph of a recipe under a variation, nested ones open down to `depth`, with what came of `run`.

    Raises `InvalidInput` for a recipe or variation that does not exist, recipes that hold
    themselves, and more than `MOST` nodes; `InvalidFiles` for a file that cannot be read.
    """
    drawn = _Drawing(shelf)
    records = {} if run is None else {record.name: record for record in run.nodes}
    return drawn.graph(shelf.recipe(recipe), variation, depth, "", (f"recipe {recipe}",), records)


@dataclass
class _Drawing:
    """One drawing while it is made: `count` nodes so far, `sizes` of the nested recipes that were counted."""

    shelf: Shelf
    count: int = 0

    def __post_init__(self) -> None:
        self.sizes: dict[tuple[str, str | None], int] = {}

    def graph(
        self,
        recipe: Recipe,
        variation: str | None,
        depth: int,
        above: str,
        chain: tuple[str, ...],
        records: Mapping[str, NodeRecord],
    ) -> Graph:
        selected = _selected(recipe, variation)
        order = topological({name: node.needs for name, node in recipe.nodes.items()}, recipe)
        self.count += len(order)
        if self.count > MOST:
            raise InvalidInput(
                f"recipe `{recipe.name}` is more than {MOST:,} nodes when it is open this deep", "`--depth 1`"
            )
        steps = tuple(
            self._step(recipe.nodes[name], name in selected, depth, above, chain, records.get(name))
            for name in order
        )
        return Graph(recipe.name, variation, steps, recipe.requires)

    def _step(
        self,
        node: Node,
        selected: bool,
        depth: int,
        above: str,
        chain: tuple[str, ...],
        record: NodeRecord | None,
    ) -> Step:
        path = f"{above}{node.name}"
        step = Step(
            name=node.name,
            path=path,
            kind=node.action,
            needs=node.needs,
            when=node.when,
            tests=_tests(node, record),
            marks=_marks(node),
            left_out=not selected,
        )
        if record is not None:
            step = step._replace(
                status=str(record.status),
                why=record.why,
                seconds=record.seconds,
                attempts=record.attempts,
                size=sum(1 for _ in record.walk()) - 1,
                counts=Counter(str(inner.status) for inner in record.walk() if inner is not record),
            )
        if node.action not in GRAPHS:
            return step
        recipe, inner = self._enter(node, chain)
        step = step._replace(of=recipe.name, variation=node.variation)
        if depth == 0:
            return step._replace(size=step.size or self._size(recipe, node.variation, inner))
        came = () if record is None else record.nodes
        if node.each is not None:
            came = together([one for instance in came for one in instance.nodes])
        records = {one.name: one for one in came}
        inside = self.graph(recipe, node.variation, depth - 1, f"{path}/", inner, records)
        return step._replace(inside=inside, size=step.size or sum(1 for _ in inside.walk()))

    def _size(self, recipe: Recipe, variation: str | None, chain: tuple[str, ...]) -> int:
        """How many nodes of a nested recipe run, at every depth."""
        key = (chain[-1], variation)
        if key not in self.sizes:
            nodes = [recipe.nodes[name] for name in _selected(recipe, variation)]
            self.sizes[key] = len(nodes) + sum(
                self._size(inner, node.variation, below)
                for node in nodes
                if node.action in GRAPHS
                for inner, below in (self._enter(node, chain),)
            )
        return self.sizes[key]

    def _enter(self, node: Node, chain: tuple[str, ...]) -> tuple[Recipe, tuple[str, ...]]:
        inner = f"{node.action} {node.body}"
        if inner in chain:
            circle = " → ".join((*chain[chain.index(inner) :], inner))
            raise InvalidInput(
                f"node `{node.name}` runs a recipe inside itself: {circle}",
                file=node.position.file,
                line=node.position.line,
            )
        recipe = self.shelf.recipe(node.body) if node.action == "recipe" else self.shelf.ingredient(node.body)
        return recipe, (*chain, inner)


def together(records: Sequence[NodeRecord]) -> tuple[NodeRecord, ...]:
    """The nodes of several instances of one recipe as if they were one: by name, with the worst that came of each."""
    named: dict[str, list[NodeRecord]] = {}
    for record in records:
        named.setdefault(record.name, []).append(record)
    return tuple(_worst(alike) for alike in named.values())


def _worst(alike: Sequence[NodeRecord]) -> NodeRecord:
    statuses = {record.status for record in alike}
    status = alike[0].status if len(statuses) == 1 else fold(statuses)
    worst = next((record for record in alike if record.status is status), alike[0])
    times = [record.seconds for record in alike if record.seconds is not None]
    inner = together([one for record in alike for one in record.nodes])
    return worst._replace(status=status, seconds=sum(times) if times else None, nodes=inner)


def _selected(recipe: Recipe, variation: str | None) -> frozenset[str]:
    if variation is None:
        return frozenset(recipe.nodes)
    if variation not in recipe.variations:
        raise InvalidInput(
            f"recipe `{recipe.name}` has no variation `{variation}`",
            *hints(variation, recipe.variations),
            file=recipe.file,
        )
    nodes = recipe.variations[variation].nodes
    return frozenset(recipe.nodes) if nodes is None else select(recipe, nodes)


def _tests(node: Node, record: NodeRecord | None) -> tuple[Check, ...]:
    came = {} if record is None else {test.name: str(test.status) for test in record.tests}
    return tuple(Check(test.name, str(test.fail), came.get(test.name)) for test in node.tests)


def _marks(node: Node) -> tuple[str, ...]:
    each = node.each if isinstance(node.each, str) else f"{len(node.each or ())} items"
    said = (
        (f"each {each}", node.each is not None),
        ("always", node.always),
        (f"pool {node.pool}", node.pool is not None),
        (f"database {node.database}", node.database is not None),
        (f"{node.retry.times} retr{'y' if node.retry.times == 1 else 'ies'}", bool(node.retry.times)),
    )
    return tuple(text for text, on in said if on)

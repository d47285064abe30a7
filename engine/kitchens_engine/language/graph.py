"""What is wrong with how the nodes of a recipe need each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from kitchens_engine.toml.nearest import did_you_mean

if TYPE_CHECKING:
    from kitchens_engine.errors import Fault
    from kitchens_engine.recipe import Node, Recipe
    from kitchens_engine.toml.document import Document


def graph_faults(document: Document, recipe: Recipe) -> Iterator[Fault]:
    """Needs that name no node or the node itself, circles, and variations of unknown nodes."""
    for node in recipe.nodes.values():
        for index, need in enumerate(node.needs):
            path = ("nodes", node.name, "needs", index)
            if need == node.name:
                yield document.fault(path, f"node `{node.name}` needs itself")
            elif need not in recipe.nodes:
                message = f"node `{node.name}` needs `{need}`, which this recipe does not have"
                yield document.fault(
                    path, message, did_you_mean(need, [name for name in recipe.nodes if name != node.name])
                )
        yield from _block_faults(document, recipe, node)
    yield from _circle_faults(document, recipe)
    for variation in recipe.variations.values():
        for index, name in enumerate(variation.nodes or ()):
            plain = name.removeprefix("+")
            if plain not in recipe.nodes:
                message = f"variation `{variation.name}` runs node `{plain}`, which this recipe does not have"
                path = ("variations", variation.name, "nodes", index)
                yield document.fault(path, message, did_you_mean(plain, recipe.nodes))


def _circle_faults(document: Document, recipe: Recipe) -> Iterator[Fault]:
    others = {name: [need for need in node.needs if need != name] for name, node in recipe.nodes.items()}
    for circle in circles(others):
        shown = " → ".join(f"`{name}`" for name in circle)
        yield document.fault(("nodes", circle[0], "needs"), f"nodes need each other in a circle: {shown}")


def _block_faults(document: Document, recipe: Recipe, node: Node) -> Iterator[Fault]:
    """Tests block nodes that come after their own, and only when their failure stops anything."""
    for test in node.tests:
        path = ("nodes", node.name, "tests", test.place, "blocks")
        if test.blocks and test.fail != "stop":
            message = f'test `{test.name}` blocks nothing: it does not stop when it fails, it says `fail = "{test.fail}"`'
            yield document.fault(path, message)
        for index, name in enumerate(test.blocks or ()):
            if name not in recipe.nodes:
                message = f"test `{test.name}` blocks `{name}`, which this recipe does not have"
                yield document.fault((*path, index), message, did_you_mean(name, recipe.nodes))
            elif not is_upstream(recipe, node.name, name):
                message = f"test `{test.name}` blocks `{name}`, which does not need `{node.name}`, so it may run first"
                yield document.fault((*path, index), message, f'add "{node.name}" to `nodes.{name}.needs`')
            elif recipe.nodes[name].always:
                message = f"test `{test.name}` cannot block `{name}`, which runs always"
                yield document.fault((*path, index), message)


def circles(edges: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """One way around, first name repeated at the end, for each circle that a walk in order meets.

    Names that have no edges of their own need not be in `edges`.
    """
    done: set[str] = set()
    for start in edges:
        # A stack of our own: a chain of ten thousand nodes is no reason to run out of Python's.
        way: dict[str, Iterator[str]] = {}
        if start not in done:
            way[start] = iter(edges[start])
        while way:
            name, rest = next(reversed(way.items()))
            following = next(rest, None)
            if following is None:
                done.add(name)
                del way[name]
            elif following in way:
                path = list(way)
                yield (*path[path.index(following) :], following)
            elif following not in done and following in edges:
                way[following] = iter(edges[following])


def is_upstream(recipe: Recipe, other: str, node: str) -> bool:
    """Whether `node` needs `other`, directly or through others."""
    seen = {node}
    waiting = [node]
    while waiting:
        current = recipe.nodes.get(waiting.pop())
        needs = current.needs if current else ()
        if other in needs:
            return True
        fresh = [need for need in needs if need not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return False

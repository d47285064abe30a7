"""Decides which nodes run, before anything runs. Pure; refuses what cannot run, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from kitchens_engine.errors import InvalidInput
from kitchens_engine.recipe import EMPTY, Node, Recipe
from kitchens_engine.toml.nearest import hints
from kitchens_engine.tuples import NamedTuple
from kitchens_engine.variables.constraints import must_be_given

if TYPE_CHECKING:
    from kitchens_engine.language.shelf import Shelf

#: What this version runs. The other actions of a recipe are checked, and refused at an order.
SUPPORTED = ("run", "python", "sql", "recipe", "ingredient", "wait", "noop")


class Plan(NamedTuple):
    """One recipe of a run: its selected nodes in an order that respects every edge.

    `needs` are a node's needs inside the selection, also those behind nodes outside it.
    `outside` are the needs that count as met, `beyond` all further ones upstream of them.
    `nested` holds the plans of nodes that are recipes. `whole` says that the graph is
    not a selection. `path` is the node that the recipe stands for, empty at the top.
    """

    recipe: Recipe
    variation: str | None
    path: str
    nodes: tuple[str, ...]
    needs: Mapping[str, tuple[str, ...]]
    outside: tuple[str, ...]
    whole: bool
    beyond: tuple[str, ...] = ()
    nested: Mapping[str, Plan] = EMPTY

    def path_of(self, name: str) -> str:
        """The stable path of one of its nodes in the recipe tree."""
        return f"{self.path}/{name}" if self.path else name

    def walk(self) -> Iterator[Plan]:
        """This plan and all inside it, outermost first."""
        yield self
        for plan in self.nested.values():
            yield from plan.walk()

    def at(self, path: str) -> Plan:
        """The same plan as another node's, as when that runs once for each item of a list."""
        nested = {name: plan.at(f"{path}/{name}") for name, plan in self.nested.items()}
        return self._replace(path=path, nested=nested)

    def size(self) -> int:
        """How many nodes run, at every depth."""
        return sum(len(plan.nodes) for plan in self.walk())


def plan_run(
    shelf: Shelf, recipe: str, variation: str | None = None, nodes: Sequence[str] | None = None
) -> Plan:
    """The plan of a recipe under a variation. `nodes`, as `--node` gives them, replace the variation's.

    Raises `InvalidInput` for a recipe, variation or node that does not exist, for recipes
    that hold themselves, and for what this version does not run.
    """
    return _plan(shelf, shelf.recipe(recipe), variation, nodes, "", (f"recipe {recipe}",))


def _plan(
    shelf: Shelf,
    recipe: Recipe,
    variation: str | None,
    nodes: Sequence[str] | None,
    path: str,
    above: tuple[str, ...],
) -> Plan:
    if nodes is None or all(name.startswith("-") for name in nodes):
        own = None if variation is None else _variation_nodes(recipe, variation)
        nodes = own if nodes is None else (*(tuple(recipe.nodes) if own is None else own), *nodes)
    selected = frozenset(recipe.nodes) if nodes is None else select(recipe, nodes)
    if not selected and recipe.nodes:
        raise InvalidInput(f"the selection leaves no node of recipe `{recipe.name}` to run", file=recipe.file)
    for name in sorted(selected):
        _refuse_what_cannot_run(recipe.nodes[name])
    needs = {name: _needs_inside(recipe, name, selected) for name in recipe.nodes if name in selected}
    outside = {needed for name in selected for needed in recipe.nodes[name].needs} - selected
    beyond = {needed for name in outside for needed in upstream(recipe, name)} - selected - outside
    nested = {
        name: _plan_nested(shelf, recipe.nodes[name], f"{path}/{name}" if path else name, above)
        for name in needs
        if recipe.nodes[name].action in ("recipe", "ingredient")
    }
    return Plan(
        recipe=recipe,
        variation=variation,
        path=path,
        nodes=topological(needs, recipe),
        needs=needs,
        outside=tuple(sorted(outside)),
        whole=nodes is None,
        beyond=tuple(sorted(beyond)),
        nested=nested,
    )


def _plan_nested(shelf: Shelf, node: Node, path: str, above: tuple[str, ...]) -> Plan:
    inner = f"{node.action} {node.body}"
    if inner in above:
        chain = " → ".join((*above[above.index(inner) :], inner))
        raise _invalid(node, f"node `{node.name}` runs a recipe inside itself: {chain}")
    if node.action == "recipe":
        recipe = shelf.recipe(node.body)
        _refuse_unknown(node, "variable", node.variables, recipe.variables, recipe)
    else:
        recipe = shelf.ingredient(node.body)
        _refuse_unknown(node, "input", node.inputs, recipe.inputs, recipe)
        _refuse_missing_inputs(node, recipe)
    return _plan(shelf, recipe, node.variation, None, path, (*above, inner))


def select(recipe: Recipe, names: Iterable[str]) -> frozenset[str]:
    """The nodes that a selection means: each name, with `+` before it also all that it needs; with `-` it is left out."""
    selected: set[str] = set()
    left_out: set[str] = set()
    for name in names:
        plain = name[1:] if name[:1] in ("+", "-") else name
        if plain not in recipe.nodes:
            raise InvalidInput(
                f"recipe `{recipe.name}` has no node `{plain}`",
                *hints(plain, recipe.nodes),
                file=recipe.file,
            )
        if name.startswith("-"):
            left_out.add(plain)
        else:
            selected |= upstream(recipe, plain) | {plain} if name.startswith("+") else {plain}
    return frozenset(selected - left_out)


def _needs_inside(recipe: Recipe, name: str, selected: frozenset[str]) -> tuple[str, ...]:
    """The nodes of the selection that a node waits for, seen through those that do not run."""
    found: dict[str, None] = {}
    through: set[str] = set()
    todo = list(reversed(recipe.nodes[name].needs))
    while todo:
        needed = todo.pop()
        if needed in selected:
            found[needed] = None
        elif needed not in through:
            through.add(needed)
            todo.extend(reversed(recipe.nodes[needed].needs))
    return tuple(found)


def upstream(recipe: Recipe, name: str) -> set[str]:
    """All that a node needs, directly or through others."""
    found: set[str] = set()
    todo = list(recipe.nodes[name].needs)
    while todo:
        needed = todo.pop()
        if needed not in found:
            found.add(needed)
            todo.extend(recipe.nodes[needed].needs)
    return found


def topological(needs: Mapping[str, Sequence[str]], recipe: Recipe | None = None) -> tuple[str, ...]:
    """The nodes so that each comes after all that it needs; otherwise in the order of the file."""
    waiting = {name: len(needed) for name, needed in needs.items()}
    successors = successors_of(needs)
    ordered = [name for name, count in waiting.items() if count == 0]
    for name in ordered:
        for successor in successors.get(name, ()):
            waiting[successor] -= 1
            if waiting[successor] == 0:
                ordered.append(successor)
    if len(ordered) < len(needs):
        stuck = sorted(name for name, count in waiting.items() if count)
        raise InvalidInput(
            f"nodes need each other in a circle: `{'`, `'.join(stuck)}`",
            file=recipe.file if recipe else None,
        )
    return tuple(ordered)


def successors_of(needs: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The same edges the other way round. Nodes that nobody needs are left out."""
    successors: dict[str, list[str]] = {}
    for name, needed in needs.items():
        for other in needed:
            successors.setdefault(other, []).append(name)
    return successors


def _variation_nodes(recipe: Recipe, name: str) -> Sequence[str] | None:
    if name not in recipe.variations:
        raise InvalidInput(
            f"recipe `{recipe.name}` has no variation `{name}`",
            *hints(name, recipe.variations),
            file=recipe.file,
        )
    return recipe.variations[name].nodes


def _refuse_what_cannot_run(node: Node) -> None:
    if "/" in node.name or node.name.startswith(".") or not node.name.isprintable():
        raise _invalid(
            node, f"`{node.name}` cannot name a node, because its logs lie in a folder of that name"
        )
    if node.action not in SUPPORTED:
        raise _invalid(node, f"node `{node.name}`: `{node.action}` comes with a later version")


def _refuse_unknown(
    node: Node, noun: str, given: Mapping[str, object], known: Mapping[str, object], recipe: Recipe
) -> None:
    for name in given:
        if name not in known:
            raise _invalid(
                node,
                f"node `{node.name}` gives {noun} `{name}`, which `{recipe.name}` does not have",
                *hints(name, known),
            )


def _refuse_missing_inputs(node: Node, ingredient: Recipe) -> None:
    for name, contract in ingredient.inputs.items():
        if name not in node.inputs and must_be_given(contract):
            raise _invalid(node, f"node `{node.name}` lacks input `{name}` of ingredient `{ingredient.name}`")


def _invalid(node: Node, message: str, *hints: str) -> InvalidInput:
    return InvalidInput(message, *hints, file=node.position.file, line=node.position.line)

"""How recipes and ingredients fit together: what one says of another, against what that one says of itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from kitchens_engine.errors import Fault
from kitchens_engine.language.reach import edges
from kitchens_engine.language.references import fault_of, spots
from kitchens_engine.language.shelf import INGREDIENTS, RECIPES, Shelf
from kitchens_engine.recipe import Node, Position, Recipe
from kitchens_engine.templating import template
from kitchens_engine.toml.document import Document
from kitchens_engine.toml.nearest import did_you_mean
from kitchens_engine.toml.positions import Path
from kitchens_engine.toml.types import is_a, type_name, with_article
from kitchens_engine.tuples import NamedTuple
from kitchens_engine.variables.constraints import constraint_of, must_be_given, refusal
from kitchens_engine.variables.resolve import admitted


class Wrong(NamedTuple):
    """A fault at a key of a recipe, before anyone looked up its line."""

    path: Path
    message: str
    hint: str | None = None


def wrongs(shelf: Shelf, recipe: Recipe) -> Iterator[Wrong]:
    """What this recipe says of others that is not so."""
    for edge in edges(recipe):
        room = RECIPES if edge.kind == "recipe" else INGREDIENTS
        if not shelf.has(f"{room}/{edge.name}"):
            known = shelf.recipe_names() if edge.kind == "recipe" else shelf.ingredient_names()
            if edge.name in known:
                continue  # it is there and cannot be read, and whoever reads it says why
            hint = did_you_mean(edge.name, known)
            yield Wrong(edge.key, f"there is no {edge.kind} `{edge.name}` in this cookbook", hint)
    for node in recipe.nodes.values():
        if other := used(shelf, node):
            yield from _use(shelf, node, other)


def pool_wrongs(recipe: Recipe, pools: Collection[str]) -> Iterator[Wrong]:
    """Nodes that name a pool which neither the recipe nor the cookbook (`pools`) has."""
    for node in recipe.nodes.values():
        if node.pool is not None and node.pool not in recipe.pools and node.pool not in pools:
            message = f"node `{node.name}` uses pool `{node.pool}`, which neither this recipe nor `kitchens.toml` has"
            hint = did_you_mean(node.pool, (*recipe.pools, *pools)) or f"add `[pools]` with `{node.pool} = 2`"
            yield Wrong(("nodes", node.name, "pool"), message, hint)


def connection_wrongs(recipe: Recipe, connections: Collection[str]) -> Iterator[Wrong]:
    """Nodes that name a connection which the cookbook (`connections`) does not have."""
    for node in recipe.nodes.values():
        if node.connection is not None and node.connection not in connections:
            message = (
                f"node `{node.name}` uses connection `{node.connection}`, which `kitchens.toml` does not have"
            )
            hint = (
                did_you_mean(node.connection, connections)
                or "take `connection` away to use the embedded DuckDB"
            )
            yield Wrong(("nodes", node.name, "connection"), message, hint)


def used(shelf: Shelf, node: Node) -> Recipe | None:
    """The recipe or ingredient that the node runs, if it runs one whose contract can be read."""
    if node.action not in ("recipe", "ingredient"):
        return None
    reading = shelf.reading(f"{RECIPES if node.action == 'recipe' else INGREDIENTS}/{node.body}")
    return reading.contract if reading else None


def output_faults(
    shelf: Shelf, recipe: Recipe, document: Document, values: Mapping[str, Any]
) -> Iterator[Fault]:
    """References to outputs that an ingredient does not have."""
    contracts = {
        node.name: other.outputs
        for node in recipe.nodes.values()
        if node.action == "ingredient" and node.outputs is None and (other := used(shelf, node))
    }
    if not contracts:
        return
    for spot in spots(values, recipe, shelf.source):
        for reference in template.names(spot.text, expression=spot.expression).references:
            match reference.path:
                case ("outputs", node, output, *_) if node in contracts and output not in contracts[node]:
                    shown = ".".join(reference.path)
                    message = f"`{shown}` is not there: ingredient `{recipe.nodes[node].body}` has no output `{output}`"
                    hint = did_you_mean(output, contracts[node])
                    yield fault_of(document, spot, message, hint, reference.line)


def _use(shelf: Shelf, node: Node, other: Recipe) -> Iterator[Wrong]:
    path: Path = ("nodes", node.name)
    if node.variation and node.variation not in other.variations:
        message = f"{node.action} `{other.name}` has no variation `{node.variation}`"
        yield Wrong((*path, "variation"), message, did_you_mean(node.variation, other.variations))
    for mismatch in admitted(other, _literals(other.variables, node.variables)):
        message = f"{mismatch.message} in {node.action} `{other.name}`"
        constraint = mismatch.constraint
        hint = f"constrained in {constraint.position.file}:{constraint.position.line}" if constraint else None
        yield Wrong((*path, "variables", *mismatch.keys), message, mismatch.hint or hint)
    if node.action == "ingredient":
        yield from _inputs(shelf, node, other)
        yield from _measured(node, other, path)


def _measured(node: Node, ingredient: Recipe, path: Path) -> Iterator[Wrong]:
    for test in node.tests:
        if test.measure == "output" and node.outputs is None and test.expression not in ingredient.outputs:
            name = str(test.expression)
            message = f"test `{test.name}` measures output `{name}`, which ingredient `{ingredient.name}` does not have"
            yield Wrong(
                (*path, "tests", test.place, "output"), message, did_you_mean(name, ingredient.outputs)
            )


def _literals(declared: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without those that only a run will know; names that are not declared stay."""
    return {
        name: _literals(declared[name], value)
        if isinstance(value, Mapping) and isinstance(declared.get(name), Mapping)
        else value
        for name, value in values.items()
        if name not in declared or not (isinstance(value, str) and template.has_markers(value))
    }


def wrong_input(shelf: Shelf, node: Node, ingredient: Recipe, name: str, got: str) -> Wrong:
    """An input of another type than the contract wants: node, input, what it got, and where the contract says so."""
    wanted = with_article(ingredient.inputs[name]["type"])
    message = f"node `{node.name}` gives input `{name}` of ingredient `{ingredient.name}` {got}, and it wants {wanted}"
    return Wrong(("nodes", node.name, "inputs", name), message, _says_so(shelf, ingredient, name))


def _inputs(shelf: Shelf, node: Node, ingredient: Recipe) -> Iterator[Wrong]:
    path: Path = ("nodes", node.name)
    for name, value in node.inputs.items():
        here = (*path, "inputs", name)
        contract = ingredient.inputs.get(name)
        if contract is None:
            message = f"ingredient `{ingredient.name}` has no input `{name}`"
            yield Wrong(here, message, did_you_mean(name, ingredient.inputs))
        elif isinstance(value, str) and template.has_markers(value):
            continue
        elif not is_a(value, contract["type"]):
            yield wrong_input(shelf, node, ingredient, name, with_article(type_name(value)))
        elif why := _broken(contract, value, ingredient):
            message = f"input `{name}` of ingredient `{ingredient.name}` {why}"
            yield Wrong(here, message, _says_so(shelf, ingredient, name))
    for name, contract in ingredient.inputs.items():
        if must_be_given(contract) and name not in node.inputs:
            message = f"node `{node.name}` gives ingredient `{ingredient.name}` no input `{name}`"
            yield Wrong((*path, "ingredient"), message, f"add it to `nodes.{node.name}.inputs`")


def _broken(contract: Mapping[str, Any], value: Any, ingredient: Recipe) -> str | None:
    if contract.get("locked") and value != contract.get("default"):
        return "is locked by its contract: it cannot be given"
    return refusal(constraint_of(contract, Position(ingredient.file)), value)


def _says_so(shelf: Shelf, ingredient: Recipe, name: str) -> str | None:
    """Where the contract of the ingredient says what it wants."""
    reading = shelf.reading(ingredient.folder)
    if reading is None or reading.document is None:
        return None
    return f"wanted in {ingredient.file}:{reading.document.place(('inputs', name)).line}"

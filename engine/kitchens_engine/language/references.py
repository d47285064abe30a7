"""Whether the names in a recipe's templates and conditions will be there when it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kitchens_engine.errors import Fault
from kitchens_engine.language.files import path_in_cookbook
from kitchens_engine.language.graph import is_upstream
from kitchens_engine.ports import Source
from kitchens_engine.recipe import Node, Recipe, sql_file
from kitchens_engine.templating import template
from kitchens_engine.templating.known import Reference
from kitchens_engine.toml.document import Document
from kitchens_engine.toml.nearest import did_you_mean
from kitchens_engine.toml.positions import Path
from kitchens_engine.toml.types import type_name, with_article
from kitchens_engine.tuples import NamedTuple
from kitchens_engine.variables.constrained import misread
from kitchens_engine.variables.layers import replaces
from kitchens_engine.variables.resolve import Layer, combined

#: What a template sees at its top.
ROOTS = ("variables", "inputs", "outputs", "tests", "kitchen", "recipe", "variation", "run", "each")

#: What never gives outputs: it does nothing itself, or is a graph without a contract.
_SILENT = ("noop", "wait", "recipe")

_CLOSED: Mapping[str, tuple[str, ...]] = {
    "kitchen": ("name", "data", "parent"),
    "run": ("id", "started"),
    "each": ("item", "index"),
}
#: What `tests.<node>` has.
COUNTS = ("passed", "warned", "failed")


class Spot(NamedTuple):
    """A template in a recipe: at `path` in `recipe.toml`, or all of `file`.

    `node` is whose it is (None in the recipe's own outputs); `after` says that it is
    rendered once the node has run, so that it sees the node's own outputs.
    """

    path: Path
    text: str
    node: str | None
    expression: bool = False
    after: bool = False
    file: str | None = None


def spots(values: Mapping[str, Any], recipe: Recipe, source: Source) -> Iterator[Spot]:
    """Every template of the recipe; `values` are those of its file."""
    for name, table in values.get("nodes", {}).items():
        yield from _of_node(name, table, recipe, source)
    for name, table in values.get("outputs", {}).items():
        yield from _nested(("outputs", name, "value"), table.get("value"), None)


def reference_faults(document: Document, recipe: Recipe, spot: Spot) -> Iterator[Fault]:
    """The faults of one template: its syntax, and every name that will not be there."""
    if spot.path[2:] == ("when",) and template.is_text(spot.text):
        message = f"the `when` of `{spot.node}` is text with values in it, and no condition"
        yield document.fault(spot.path, message, "write it without `{{ }}`, such as `variables.year > 2013`")
    found = template.names(spot.text, expression=spot.expression)
    for problem in found.problems:
        yield fault_of(document, spot, problem.message, problem.hint, problem.line)
    for reference in found.references:
        wrong = _wrong(reference, spot, recipe)
        if wrong and not _follows(reference.path, spot, document, recipe):
            yield fault_of(document, spot, *wrong, reference.line)


def replaced_faults(document: Document, recipe: Recipe, found: Sequence[Spot]) -> Iterator[Fault]:
    """Variables that templates read and that are gone under a variation which replaces a table without them."""
    for variation in recipe.variations.values():
        if not replaces(variation.variables):
            continue
        left = combined(recipe, [Layer("", "", recipe.variables), Layer("", "", variation.variables)])
        for spot in found:
            for reference in template.names(spot.text, expression=spot.expression).references:
                shown = ".".join(reference.path)
                declared = reference.path[0] == "variables" and not _wrong(reference, spot, recipe)
                if declared and _missing(list(reference.path[1:]), left, shown, "variables"):
                    message = f"`{shown}` is not there in variation `{variation.name}`, which replaces the table around it"
                    yield fault_of(document, spot, message, None, reference.line)


def fault_of(
    document: Document,
    spot: Spot,
    message: str,
    hint: str | None,
    line: int,
    *,
    column: int = 1,
    severity: str = "error",
) -> Fault:
    """A fault on this line of the template; its column is known where the template is a file of its own."""
    at = document.fault(spot.path, message, hint, line=line, severity=severity)
    return at if spot.file is None else at._replace(file=spot.file, line=line, column=column)


def _of_node(name: str, table: Mapping[str, Any], recipe: Recipe, source: Source) -> Iterator[Spot]:
    path: Path = ("nodes", name)
    if isinstance(table.get("when"), str):
        yield Spot((*path, "when"), table["when"], name, expression=True)
    if isinstance(table.get("each"), str):
        yield Spot((*path, "each"), table["each"], name, expression=True)
    elif "each" in table:
        yield from _nested((*path, "each"), table["each"], name)
    if "sql" in table:
        yield from _sql((*path, "sql"), table["sql"], name, recipe, source, after=False)
    wait = table.get("wait")
    if isinstance(wait, dict) and isinstance(wait.get("sql"), str):
        yield from _sql((*path, "wait", "sql"), wait["sql"], name, recipe, source, after=False)
        table = {**table, "wait": {key: value for key, value in wait.items() if key != "sql"}}
    for key in ("run", "python", "copy", "notebook", "wait", "env", "inputs", "arguments", "variables"):
        if key in table:
            yield from _nested((*path, key), table[key], name)
    for index, test in enumerate(table.get("tests", ())):
        yield from _of_test((*path, "tests", index), test, name, recipe, source)


def _of_test(
    path: Path, test: Mapping[str, Any], name: str, recipe: Recipe, source: Source
) -> Iterator[Spot]:
    for key, value in test.items():
        here = (*path, key)
        if key == "value":
            yield Spot(here, value, name, expression=True, after=True)
        elif key == "sql":
            yield from _sql(here, value, name, recipe, source, after=True)
        elif key not in ("name", "output", "matches", "fail", "control"):
            yield from _nested(here, value, name, after=True)


def _sql(path: Path, text: str, name: str, recipe: Recipe, source: Source, *, after: bool) -> Iterator[Spot]:
    named = sql_file(text)
    if named is None or template.has_markers(named):
        yield Spot(path, text, name, after=after)
        return
    where = path_in_cookbook(recipe.folder, named)
    content = source.read(where) if where else None
    if content is not None:
        yield Spot(path, content.decode("utf-8", "replace"), name, after=after, file=where)


def _nested(path: Path, value: Any, name: str | None, *, after: bool = False) -> Iterator[Spot]:
    match value:
        case str():
            yield Spot(path, value, name, after=after)
        case dict():
            for key, inner in value.items():
                yield from _nested((*path, key), inner, name, after=after)
        case list():
            for index, inner in enumerate(value):
                yield from _nested((*path, index), inner, name, after=after)


_Wrong = tuple[str, str | None] | None


def _wrong(reference: Reference, spot: Spot, recipe: Recipe) -> _Wrong:
    root, *rest = reference.path
    shown = ".".join(reference.path)
    match root:
        case "variables":
            constraint = recipe.constraints.get(rest[0]) if rest else None
            open_ended = constraint is not None and constraint.type == "any"
            return _missing(rest[:1] if open_ended else rest, recipe.variables, shown, "variables")
        case "inputs":
            return _missing(rest[:1], recipe.inputs, shown, "inputs")
        case "outputs" | "tests":
            return _of_other_node(root, rest, spot, recipe, shown) if rest else None
        case "kitchen" | "run":
            return _missing(rest[:1], dict.fromkeys(_CLOSED[root]), shown, root)
        case "each":
            return _of_item(rest, spot, recipe, shown)
        case "recipe" | "variation":
            return None
    if root in ("now", "today", "utcnow"):
        hint: str | None = "a run has one clock: `run.started`"
    else:
        hint = f"did you mean `variables.{root}`?" if root in recipe.variables else did_you_mean(root, ROOTS)
    return f"there is no `{root}` in templates", hint


def _follows(path: Sequence[str], spot: Spot, document: Document, recipe: Recipe) -> bool:
    """Whether a name is missing only because of another fault: what states it is left out of the draft."""
    root, *rest = path
    match root:
        case "each":
            return (
                document.states(("nodes", str(spot.node), "each"))
                and recipe.nodes[str(spot.node)].each is None
            )
        case "outputs" | "tests":
            return any(
                not node.needs
                and document.states(("nodes", node.name, "needs"))
                and (node.name == spot.node or is_upstream(recipe, node.name, str(spot.node)))
                for node in recipe.nodes.values()
            )
        case "variables":
            constraint = recipe.constraints.get(rest[0]) if rest else None
            return constraint is not None and misread(document, rest[0], constraint)
    return False


def _missing(keys: list[str], table: Mapping[str, Any], shown: str, around: str) -> _Wrong:
    """The first key that is not there. An empty table is not looked into."""
    for place, key in enumerate(keys):
        if key not in table:
            return f"`{shown}` is not there: `{around}` has no `{key}`", _nearest(key, table, around)
        inner = table[key]
        if not isinstance(inner, Mapping):
            return _inside(inner, keys[place + 1 :], shown, f"{around}.{key}")
        if not inner:
            return None
        table, around = inner, f"{around}.{key}"
    return None


def _inside(value: Any, keys: list[str], shown: str, around: str) -> _Wrong:
    """What is read of a value that is no table: dates have a `year`, lists places, and text has neither."""
    if not keys or value is None or keys[0].isdigit() or hasattr(value, keys[0]):
        return None
    return f"`{shown}` is not there: `{around}` is {with_article(type_name(value))}", None


def _of_item(rest: list[str], spot: Spot, recipe: Recipe, shown: str) -> _Wrong:
    """`each` is there once a node has been fanned out: not in what says over what, and whether at all."""
    node = recipe.nodes.get(spot.node) if spot.node is not None else None
    if node is None or node.each is None:
        return f"`{shown}` is not there: only a node with `each` has items", None
    if spot.file is None and spot.path[2] in ("each", "when"):
        return f"`{shown}` is not there yet: `{spot.path[2]}` is asked once, before there are items", None
    return _missing(rest[:1], dict.fromkeys(_CLOSED["each"]), shown, "each")


def _of_other_node(root: str, rest: list[str], spot: Spot, recipe: Recipe, shown: str) -> _Wrong:
    name = rest[0]
    node = recipe.nodes.get(name)
    if node is None:
        return f"`{shown}` is not there: this recipe has no node `{name}`", _nearest(name, recipe.nodes, root)
    if spot.node is not None and (wrong := _not_yet(root, name, spot, recipe)):
        return wrong
    if root == "tests":
        return _missing(rest[1:2], dict.fromkeys(COUNTS), shown, f"tests.{name}")
    declared = _declared(node)
    if declared is None and len(rest) > 1 and node.action in _SILENT:
        return f"`{shown}` is not there: `{name}` is a `{node.action}` node, which gives no outputs", None
    if declared is not None and len(rest) > 1 and rest[1] not in declared:
        message = f"`{shown}` is not there: node `{name}` declares no output `{rest[1]}`"
        return message, _nearest(rest[1], declared, f"outputs.{name}")
    return None


def _declared(node: Node) -> Mapping[str, str] | None:
    """The names that are all a node's outputs; None where it declares none. An `sql` node always has its `rows`."""
    if node.action == "sql" and node.outputs is not None:
        return {"rows": "integer", **node.outputs}
    return node.outputs


def _not_yet(root: str, name: str, spot: Spot, recipe: Recipe) -> _Wrong:
    if name == spot.node:
        if spot.after and root == "outputs":
            return None
        return f"node `{name}` reads its own `{root}`, which are not there before it ran", None
    if is_upstream(recipe, name, str(spot.node)):
        return None
    message = f"node `{spot.node}` reads `{root}.{name}` but does not need `{name}`, so it may run first"
    return message, f'add "{name}" to `nodes.{spot.node}.needs`'


def _nearest(name: str, known: Mapping[str, Any], around: str) -> str | None:
    # `outputs.late-evenings.rows` is a subtraction in a template.
    for other in known:
        if "-" in other and other.split("-")[0] == name:
            return f'a name with `-` is written `{around}["{other}"]`'
    return did_you_mean(name, known)

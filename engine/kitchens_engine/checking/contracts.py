"""Types of what recipes and ingredients hand each other, where a template gives the value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kitchens_engine.checking.subject import Subject
from kitchens_engine.errors import Fault
from kitchens_engine.language.fitting import used, wrong_input
from kitchens_engine.recipe import Node, Recipe
from kitchens_engine.templating.template import has_markers
from kitchens_engine.toml.nearest import did_you_mean
from kitchens_engine.toml.positions import Path
from kitchens_engine.toml.types import type_name, with_article

#: Kinds of nodes that have nowhere to write an output.
_SILENT = ("noop", "wait", "recipe")


def faults(subject: Subject) -> Iterator[Fault]:
    """What a node gives of another type than is asked for, and a contract that breaks its own types."""
    for node in subject.recipe.nodes.values():
        if other := used(subject.shelf, node):
            path: Path = ("nodes", node.name)
            yield from _inputs(subject, node, other)
            yield from _variables(
                subject, node.variables, other.variables, (*path, "variables"), f"in recipe `{other.name}`"
            )
            if node.action == "ingredient" and node.outputs is not None:
                yield from _outputs(subject, node, other)
        if node.outputs and node.action in _SILENT and node.action in subject.values["nodes"][node.name]:
            message = f"node `{node.name}` declares outputs, and a `{node.action}` gives none"
            yield subject.warning(("nodes", node.name, "outputs"), message)
    yield from _own_contract(subject)


def _inputs(subject: Subject, node: Node, ingredient: Recipe) -> Iterator[Fault]:
    for name, value in node.inputs.items():
        entry = ingredient.inputs.get(name)
        if entry is None or not (isinstance(value, str) and has_markers(value)):
            continue  # told by whoever looks at what is written out
        kind = subject.type_of_value(value, node.name)
        if not _may_be(kind, entry["type"]):
            got = f"{with_article(str(kind))} (`{value}`)"
            wrong = wrong_input(subject.shelf, node, ingredient, name, got)
            yield subject.document.fault(wrong.path, wrong.message, wrong.hint)


def _variables(
    subject: Subject, given: Mapping[str, Any], declared: Mapping[str, Any], path: Path, where: str
) -> Iterator[Fault]:
    for name, value in given.items():
        if name not in declared:
            continue
        default = declared[name]
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            yield from _variables(subject, value, default, (*path, name), where)
        elif isinstance(value, str) and has_markers(value):
            kind = subject.type_of_value(value)
            if not _may_be(kind, type_name(default)):
                message = f"variable `{name}` is {with_article(type_name(default))} {where}, and `{value}` is {with_article(str(kind))}"
                yield subject.document.fault((*path, name), message)


def _outputs(subject: Subject, node: Node, ingredient: Recipe) -> Iterator[Fault]:
    for name, kind in (node.outputs or {}).items():
        path: Path = ("nodes", node.name, "outputs", name)
        if name not in ingredient.outputs:
            message = f"ingredient `{ingredient.name}` has no output `{name}`"
            yield subject.document.fault(path, message, did_you_mean(name, ingredient.outputs))
        elif not _may_be(actual := ingredient.outputs[name]["type"], kind):
            message = f"output `{name}` of ingredient `{ingredient.name}` is {with_article(actual)}, not {with_article(kind)}"
            yield subject.document.fault(path, message)


def _own_contract(subject: Subject) -> Iterator[Fault]:
    for name, entry in subject.recipe.outputs.items():
        if "value" not in entry or "type" not in entry:
            continue
        kind = subject.type_of_value(entry["value"])
        if not _may_be(kind, entry["type"]):
            shown = with_article(str(kind))
            message = f"output `{name}` is {with_article(entry['type'])}, and its value is {shown}"
            yield subject.document.fault(("outputs", name, "value"), message)


def _may_be(kind: str | None, wanted: str) -> bool:
    """Whether a value of this type will do; one whose type only a run knows might."""
    return kind is None or wanted in ("any", kind) or (kind == "integer" and wanted == "float")

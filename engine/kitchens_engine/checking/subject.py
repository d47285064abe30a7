"""One recipe under inspection: what was read of it, and what its names stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kitchens_engine.errors import Fault
from kitchens_engine.language.fitting import used
from kitchens_engine.language.references import Spot, spots
from kitchens_engine.language.shelf import Shelf
from kitchens_engine.recipe import Node, Recipe
from kitchens_engine.templating import template
from kitchens_engine.templating.known import Worth
from kitchens_engine.toml.document import Document
from kitchens_engine.toml.positions import Path
from kitchens_engine.toml.types import type_name

#: What JSON, which carries outputs, has no type for: such an output is text in the end.
_TEXT_IN_JSON = ("date", "datetime", "time")
_TEXTS = {"name": "x", "data": "/data", "id": "x", "started": "2000-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Subject:
    """A recipe as far as it could be read, with the shelf of its cookbook."""

    shelf: Shelf
    document: Document
    values: Mapping[str, Any]
    recipe: Recipe
    _expressions: dict[tuple[str, str | None], Worth] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def spots(self) -> tuple[Spot, ...]:
        """Every template of the recipe."""
        return tuple(spots(self.values, self.recipe, self.shelf.source))

    @cached_property
    def settled(self) -> Mapping[str, bool]:
        """The nodes whose condition is always the same, and what it is."""
        found: dict[str, bool] = {}
        for node in self.recipe.nodes.values():
            if node.when is not None:
                worth = self.worth(node.when, expression=True, at=node.name)
                if worth.constant is not None and not worth.problems:
                    found[node.name] = bool(worth.constant[0])
        return found

    def warning(self, path: Path, message: str, hint: str | None = None) -> Fault:
        """A warning at this key."""
        return self.document.fault(path, message, hint, severity="warning")

    def outputs_of(self, node: Node) -> Mapping[str, str]:
        """The types of the outputs that the node, or each of its instances, is known to have."""
        if node.action == "sql":
            return {"rows": "integer", **(node.outputs or {})}
        if node.outputs is not None:
            return node.outputs
        contract = used(self.shelf, node) if node.action == "ingredient" else None
        return {name: entry["type"] for name, entry in contract.outputs.items()} if contract else {}

    def type_of(self, path: tuple[str, ...], at: str | None = None) -> str | None:
        """The type of what a chain of names leads to; None where only a run knows.

        `at` is the node that reads it: to others than itself a fanned-out node gives lists.
        """
        match path:
            case ("variables", *keys):
                found, value = self._variable(keys)
                constraint = self.recipe.constraints.get(".".join(keys))
                if constraint and constraint.type:
                    return _known(constraint.type)
                return type_name(value) if found else None
            case ("inputs", name):
                entry = self.recipe.inputs.get(name)
                return _known(entry["type"]) if entry and "type" in entry else None
            case ("outputs", name, output) if name in self.recipe.nodes:
                node = self.recipe.nodes[name]
                kind = self.outputs_of(node).get(output)
                if node.each is not None and kind is not None and name != at:
                    return "list" if at is not None else None
                return None if kind in _TEXT_IN_JSON else _known(kind)
            case ("tests", _, _):
                return "integer"
            case ("each", "index"):
                return "integer"
            case ("kitchen", "name" | "data") | ("run", "id" | "started") | ("recipe",):
                return "string"
        return None

    def value_of(self, path: tuple[str, ...]) -> tuple[Any] | None:
        """A value that the chain may well have in a run."""
        match path:
            case ("variables", *keys):
                found, value = self._variable(keys)
                constraint = self.recipe.constraints.get(".".join(keys))
                # A variable that must be given has a default only for its type.
                return (value,) if found and not (constraint and constraint.required) else None
            case ("kitchen" | "run", name) if name in _TEXTS:
                return (_TEXTS[name],)
            case ("recipe",):
                return (self.recipe.name,)
        return None

    def worth(self, text: str, *, expression: bool = False, at: str | None = None) -> Worth:
        """What is known of a template or an expression of this recipe, or of its node `at`."""

        def type_of(path: tuple[str, ...]) -> str | None:
            return self.type_of(path, at)

        if not expression:
            return template.worth(text, type_of)
        # Conditions are asked for more than once.
        if (text, at) not in self._expressions:
            self._expressions[text, at] = template.worth(text, type_of, expression=True)
        return self._expressions[text, at]

    def type_of_value(self, value: Any, at: str | None = None) -> str | None:
        """The type that a value in the file has once its template is filled in."""
        return self.worth(value, at=at).type if isinstance(value, str) else type_name(value)

    def _variable(self, keys: list[str]) -> tuple[bool, Any]:
        value: Any = self.recipe.variables
        for key in keys:
            if not isinstance(value, Mapping) or key not in value:
                return False, None
            value = value[key]
        return True, value


def subjects(shelf: Shelf, folders: Iterator[str]) -> Iterator[Subject]:
    """Those of the folders whose recipe could be read at least in part."""
    for folder in folders:
        reading = shelf.reading(folder)
        if reading and reading.document and reading.draft:
            yield Subject(shelf, reading.document, reading.values, reading.draft)


def _known(kind: str | None) -> str | None:
    return None if kind == "any" else kind

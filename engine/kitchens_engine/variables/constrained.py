"""What is wrong with a recipe's constraints, and which values in the same file they do not admit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kitchens_engine.errors import Fault
from kitchens_engine.recipe import Constraint, Position, Recipe
from kitchens_engine.toml.document import Document
from kitchens_engine.toml.nearest import did_you_mean
from kitchens_engine.toml.positions import Path
from kitchens_engine.toml.types import EMPTY_VALUES, is_a, type_name, with_article
from kitchens_engine.variables import names
from kitchens_engine.variables.constraints import constraint_of, refusal
from kitchens_engine.variables.layers import REPLACE, found
from kitchens_engine.variables.resolve import admitted


def constraint_faults(document: Document, values: Mapping[str, Any], recipe: Recipe) -> Iterator[Fault]:
    """Constraints of nothing, that contradict themselves, or that a value in this file breaks."""
    defaults = values.get("variables", {})
    yield from _replacements(document, defaults, ("variables",))
    for name, constraint in recipe.constraints.items():
        yield from _of_variable(document, defaults, name, constraint)
    for variation in recipe.variations.values():
        for mismatch in admitted(recipe, variation.variables):
            path = ("variations", variation.name, "variables", *mismatch.keys)
            yield document.fault(path, mismatch.message, mismatch.hint or _constrained(mismatch.constraint))
    for name, table in values.get("inputs", {}).items():
        yield from _of_input(document, name, table)


def misread(document: Document, name: str, constraint: Constraint) -> bool:
    """Whether the file says of the variable's type, or that it is required, what could not be read: that fault is told."""
    said = document.values["constraints"][name]
    return any(said.get(key, False) not in (False, getattr(constraint, key)) for key in ("type", "required"))


def _of_variable(
    document: Document, defaults: Mapping[str, Any], name: str, constraint: Constraint
) -> Iterator[Fault]:
    path: Path = ("constraints", name)
    there, default = found(defaults, names.split(name))
    if not there:
        yield from _without_default(document, defaults, name, constraint)
        wanted = constraint.type
    else:
        wanted = constraint.type or type_name(default)
        place = ("variables", *names.split(name))
        if not constraint.required and (why := refusal(constraint, default, default=True)):
            yield document.fault(place, f"variable `{name}` {why}", _constrained(constraint))
        if constraint.hidden and default not in ("", None):
            message = f"variable `{name}` is hidden, and its default stands here for all to read"
            yield document.fault(
                place, message, 'keep it in the vault, or make the default ""', severity="warning"
            )
    if constraint.locked and constraint.required:
        yield document.fault(
            (*path, "locked"), f"variable `{name}` must be given, and is locked, so nobody can"
        )
    if wanted is not None:
        yield from _limits(document, path, f"variable `{name}`", constraint, wanted)


def _without_default(
    document: Document, defaults: Mapping[str, Any], name: str, constraint: Constraint
) -> Iterator[Fault]:
    path: Path = ("constraints", name)
    if misread(document, name, constraint):
        return
    if not (constraint.type or constraint.required):
        hint = did_you_mean(name, defaults)
        yield document.fault(path, f"no variable `{name}` is declared", hint)
    elif not (constraint.required and constraint.type in EMPTY_VALUES and names.plain(name)):
        message = f"variable `{name}` has no default, so it needs `required = true` and a `type` of its own"
        yield document.fault(path, message, f"or give `{name}` a value in `[variables]`")


def _of_input(document: Document, name: str, table: Mapping[str, Any]) -> Iterator[Fault]:
    path: Path = ("inputs", name)
    if "type" not in table:
        return  # its shape was wrong
    constraint = constraint_of(table, Position(document.file))
    subject = f"input `{name}`"
    if "default" in table and (why := refusal(constraint, table["default"], default=True)):
        yield document.fault((*path, "default"), f"{subject} {why}")
    if constraint.locked and "default" not in table:
        yield document.fault((*path, "locked"), f"{subject} is locked, and has no default to keep")
    yield from _limits(document, path, subject, constraint, table["type"])


def _limits(
    document: Document, path: Path, subject: str, constraint: Constraint, wanted: str
) -> Iterator[Fault]:
    """Choices and limits of another type than the value, and a range that holds nothing."""
    inside = "any" if wanted == "list" else wanted
    limits: list[tuple[str | int, ...]] = [("choices", index) for index in range(len(constraint.choices))]
    limits += [(key,) for key in ("at_least", "at_most") if getattr(constraint, key) is not None]
    for keys in limits:
        value = constraint.choices[int(keys[1])] if len(keys) > 1 else getattr(constraint, str(keys[0]))
        if not is_a(value, inside) and not (inside == "integer" and is_a(value, "float")):
            shown = with_article(type_name(value))
            yield document.fault(
                (*path, *keys), f"{subject} is {with_article(inside)}, and `{value}` is {shown}"
            )
    try:
        empty = (
            None not in (constraint.at_least, constraint.at_most) and constraint.at_least > constraint.at_most
        )
    except TypeError:
        empty = True
    if empty:
        message = f"{subject}: nothing is at least {constraint.at_least} and at most {constraint.at_most}"
        yield document.fault((*path, "at_most"), message)
    if constraint.matches is not None and inside not in ("string", "any"):
        yield document.fault(
            (*path, "matches"), f"{subject} is {with_article(inside)}; only text matches a pattern"
        )


def _replacements(document: Document, table: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    for name, value in table.items():
        if name == REPLACE:
            message = "`=` replaces a table of the levels below, and below the recipe's own defaults is none"
            yield document.fault((*path, name), message)
        elif isinstance(value, Mapping):
            yield from _replacements(document, value, (*path, name))


def _constrained(constraint: Constraint | None) -> str | None:
    return f"constrained in line {constraint.position.line}" if constraint else None

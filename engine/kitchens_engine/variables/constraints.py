"""What must hold of a value beyond its type: choices, ranges, patterns, locks, and what is never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kitchens_engine.recipe import Constraint, Position, Recipe
from kitchens_engine.redaction import SHORTEST
from kitchens_engine.toml.types import is_a, type_name, with_article
from kitchens_engine.values import as_word
from kitchens_engine.variables import names
from kitchens_engine.variables.layers import found

#: What stands for a value that is never shown.
HIDDEN = "***"


def constraint_of(table: Mapping[str, Any], position: Position) -> Constraint:
    """The constraint that a table of the right shape says: of a variable, an input or an output."""
    return Constraint(
        position,
        type=table.get("type"),
        # An input that has no default must be given, unless it says otherwise.
        required=table.get("required", False),
        choices=tuple(table.get("choices", ())),
        at_least=table.get("at_least"),
        at_most=table.get("at_most"),
        matches=table.get("matches"),
        locked=table.get("locked", False),
        hidden=table.get("hidden", False),
    )


def must_be_given(contract: Mapping[str, Any]) -> bool:
    """Whether whoever uses an ingredient must give this input."""
    return bool(contract.get("required", "default" not in contract))


def refusal(constraint: Constraint, value: Any, *, default: bool = False) -> str | None:
    """Why the constraint does not admit the value, as `must be at most 1, not 2`; None when it does.

    A `default` stands in a file for all to read; any other hidden value must be one that can be hidden.
    """
    if constraint.type is not None and not is_a(value, constraint.type):
        return f"must be {with_article(constraint.type)}, not {with_article(type_name(value))}{_shown(constraint, value, ' `{}`')}"
    for item in value if isinstance(value, (list, tuple)) else (value,):
        if wanted := _broken(constraint, item):
            return f"must {wanted}{_shown(constraint, item, ', not `{}`')}"
    if constraint.hidden and not default and any(len(text) < SHORTEST for text in texts_in(value)):
        return f"cannot be hidden: what is shorter than {SHORTEST} characters stands in every log by chance"
    return None


def texts_in(value: Any) -> Iterator[str]:
    """Every text and number in a value, at any depth, as a program would print it."""
    match value:
        case Mapping():
            for inner in value.values():
                yield from texts_in(inner)
        case list() | tuple():
            for inner in value:
                yield from texts_in(inner)
        case None | bool() | "":
            return
        case _:
            yield as_word(value)


def hidden_names(recipe: Recipe) -> tuple[tuple[str, ...], ...]:
    """The keys of the variables that are never shown."""
    return tuple(names.split(name) for name, each in recipe.constraints.items() if each.hidden)


def masked(recipe: Recipe, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables as they may be shown and recorded."""
    shown = _copy(variables)
    for keys in hidden_names(recipe):
        *above, last = keys
        there, table = found(shown, above)
        if there and isinstance(table, dict) and last in table:
            table[last] = HIDDEN
    return shown


def is_hidden(recipe: Recipe, keys: tuple[str, ...]) -> bool:
    """Whether the value at `keys`, or a table around it, is never shown."""
    return any(keys[: len(hidden)] == hidden for hidden in hidden_names(recipe))


def governed(recipe: Recipe, layer: Mapping[str, Any]) -> Iterator[tuple[str, Constraint, Any]]:
    """Name, constraint and value of each constrained variable of which the layer says something."""
    for name, constraint in recipe.constraints.items():
        there, value = found(layer, names.split(name))
        if there:
            yield name, constraint, value


def _copy(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _copy(value) if isinstance(value, Mapping) else value for name, value in table.items()}


def _broken(constraint: Constraint, value: Any) -> str | None:
    # Python takes `true` for 1.
    is_truth = isinstance(value, bool)
    if constraint.choices and not any(
        value == one and is_truth is isinstance(one, bool) for one in constraint.choices
    ):
        return "be " + _listed(constraint.choices)
    if constraint.at_least is not None and not _ordered(constraint.at_least, value):
        return f"be at least {_toml(constraint.at_least)}"
    if constraint.at_most is not None and not _ordered(value, constraint.at_most):
        return f"be at most {_toml(constraint.at_most)}"
    if constraint.matches is not None and re.search(constraint.matches, str(value)) is None:
        return f"match `{constraint.matches}`"
    return None


def _ordered(low: Any, high: Any) -> bool:
    try:
        return bool(low <= high)
    except TypeError:
        return False


def _listed(choices: tuple[Any, ...]) -> str:
    return ("one of " if len(choices) > 1 else "") + ", ".join(f"`{_toml(each)}`" for each in choices)


def _shown(constraint: Constraint, value: Any, form: str) -> str:
    if constraint.hidden:
        return ""
    text = _toml(value)
    return form.format(text if len(text) <= 40 else f"{text[:37]}...")


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

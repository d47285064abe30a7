"""Variables in layers: tables merge deeply, and every value keeps the type of its default."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

from kitchens_engine.errors import InvalidInput
from kitchens_engine.language.types import is_a, type_name, with_article
from kitchens_engine.recipe import Recipe
from kitchens_engine.toml.nearest import did_you_mean, hints

_KEYS = re.compile(
    r"""\s*(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*'))*\s*"""
)


class Mismatch(NamedTuple):
    """A value of a layer that the recipe's defaults do not admit; `keys` is the way to it."""

    keys: tuple[str, ...]
    message: str
    hint: str | None = None


def resolve(
    recipe: Recipe,
    variation: str | None,
    settings: Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    gate: bool = False,
) -> dict[str, Any]:
    """The variables under which the recipe runs: overrides over settings over variation over its own.

    In a gate the variation stands over the settings. `overrides` are `K=V` texts.
    Settings that this recipe does not declare are not its business. Raises
    `InvalidInput` for an unknown variation or name, and for a value of a wrong type.
    """
    varied = _variation(recipe, variation)
    known = _declared_part(recipe.variables, settings)
    for mismatch in mismatches(recipe.variables, known):
        raise InvalidInput(f"the kitchen's settings do not fit recipe `{recipe.name}`: {mismatch.message}")
    layers = [known, varied] if gate else [varied, known]
    layers += [assignment(text, recipe.variables) for text in overrides]
    return reduce(merge, [_like(recipe.variables, layer) for layer in layers], merge(recipe.variables, {}))


def merge(lower: Mapping[str, Any], higher: Mapping[str, Any]) -> dict[str, Any]:
    """Both layers in one new table: where both have a table they merge, else the higher wins."""
    merged = {
        name: merge(value, {}) if isinstance(value, Mapping) else value for name, value in lower.items()
    }
    for name, value in higher.items():
        if isinstance(value, Mapping):
            below = merged.get(name)
            merged[name] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[name] = value
    return merged


def parse_assignment(text: str, declared: Mapping[str, Any] | None) -> tuple[tuple[str, ...], Any]:
    """The keys and the value in `K=V`: K is dotted, V a TOML value else a string, of the default's type.

    `declared` holds the defaults; None takes every name and type. Raises `InvalidInput`.
    """
    name, equals, value = text.partition("=")
    if not equals or not _KEYS.fullmatch(name):
        raise InvalidInput(f"`{text}` assigns nothing", "write `name=value`, or `table.name=value`")
    keys = _split(name)
    if declared is None:
        return keys, _value(value, None)
    parsed = _value(value, _default(declared, keys))
    for mismatch in mismatches(declared, _nested(keys, parsed)):
        raise InvalidInput(mismatch.message, *_known(declared, mismatch))
    return keys, parsed


def assignment(text: str, declared: Mapping[str, Any] | None) -> dict[str, Any]:
    """The layer that `K=V` is, as nested tables."""
    return _nested(*parse_assignment(text, declared))


def mismatches(
    declared: Mapping[str, Any], layer: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[Mismatch]:
    """What in the layer is unknown to the defaults or of another type. An empty table admits everything."""
    for name, value in layer.items():
        keys = (*path, name)
        shown = ".".join(keys)
        if name not in declared:
            yield Mismatch(keys, f"no variable `{shown}` is declared", did_you_mean(name, declared))
            continue
        default = declared[name]
        wanted = type_name(default)
        if not is_a(value, wanted):
            yield Mismatch(
                keys,
                f"variable `{shown}` is {with_article(wanted)}, not {with_article(type_name(value))} (`{_shown(value)}`)",
            )
        elif isinstance(default, Mapping) and default:
            yield from mismatches(default, value, keys)


def _variation(recipe: Recipe, name: str | None) -> Mapping[str, Any]:
    if name is None:
        return {}
    if name not in recipe.variations:
        raise InvalidInput(
            f"recipe `{recipe.name}` has no variation `{name}`", *hints(name, recipe.variations)
        )
    return recipe.variations[name].variables


def _declared_part(declared: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    part: dict[str, Any] = {}
    for name, value in layer.items():
        if name not in declared:
            continue
        default = declared[name]
        nested = isinstance(default, Mapping) and default and isinstance(value, Mapping)
        part[name] = _declared_part(default, value) if nested else value
    return part


def _like(declared: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    """The layer with integers as floats where the default is one, so that equal values look equal."""
    return {name: _alike(declared.get(name), value) for name, value in layer.items()}


def _alike(default: Any, value: Any) -> Any:
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, Mapping) and isinstance(value, Mapping):
        return _like(default, value)
    return value


def _split(name: str) -> tuple[str, ...]:
    keys: list[str] = []
    table: Any = tomllib.loads(f"{name} = 0")
    while isinstance(table, dict):
        key, table = next(iter(table.items()))
        keys.append(key)
    return tuple(keys)


def _value(text: str, default: Any) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    # A line break in the text could smuggle in another key.
    if len(parsed) != 1:
        return text
    value = parsed["value"]
    if isinstance(default, str) and not isinstance(value, str):
        return text
    return _alike(default, value)


def _default(declared: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    default: Any = declared
    for key in keys:
        if not isinstance(default, Mapping) or key not in default:
            return None
        default = default[key]
    return default


def _nested(keys: tuple[str, ...], value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def _known(declared: Mapping[str, Any], mismatch: Mismatch) -> tuple[str, ...]:
    if mismatch.hint:
        return (mismatch.hint,)
    around = _default(declared, mismatch.keys[:-1])
    unknown = isinstance(around, Mapping) and mismatch.keys[-1] not in around
    return hints(mismatch.keys[-1], around) if unknown else ()


def _shown(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."

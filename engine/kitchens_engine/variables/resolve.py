"""Variables in layers: every value keeps the type of its default, and to the constraints of its name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

from kitchens_engine.errors import InvalidInput
from kitchens_engine.recipe import EMPTY, Constraint, Position, Recipe
from kitchens_engine.toml.nearest import did_you_mean, hints
from kitchens_engine.toml.types import is_a, type_name, with_article
from kitchens_engine.tuples import NamedTuple
from kitchens_engine.variables import names
from kitchens_engine.variables.constraints import governed, refusal
from kitchens_engine.variables.layers import REPLACE, finished, found, merge, replacement


class Layer(NamedTuple):
    """What one level says. `level` is `recipe`, `variation`, `settings`, `--set` or `node`.

    `said` is what a message calls it, `where` the place of all of it, where it has one.
    """

    level: str
    said: str
    values: Mapping[str, Any]
    where: Position | None = None


class Mismatch(NamedTuple):
    """A value of a layer that the recipe does not admit; `keys` is the way to it.

    `constraint` is the one that it breaks, if it breaks one.
    """

    keys: tuple[str, ...]
    message: str
    hint: str | None = None
    constraint: Constraint | None = None


def resolve(
    recipe: Recipe,
    variation: str | None,
    settings: Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    gate: bool = False,
    given: Layer | None = None,
) -> dict[str, Any]:
    """The variables under which the recipe runs: overrides over settings over variation over its own.

    In a gate the variation stands over the settings. `overrides` are `K=V` texts; `given` is what
    the node of an outer recipe says, over all others. Settings that this recipe does not declare are
    not its business. Raises `InvalidInput` for an unknown variation or name, for a value that the
    recipe does not admit, and for a required one that nobody gives; it names the level.
    """
    layers = layers_of(recipe, variation, settings, overrides, gate=gate)
    if given is not None:
        layers.append(given)
    for mismatch, layer in refused(recipe, layers):
        raise _refusal(recipe, mismatch, layer)
    for name, constraint in recipe.constraints.items():
        if constraint.required and not any(found(layer.values, names.split(name))[0] for layer in layers[1:]):
            raise _nobody_gave(recipe, name, constraint)
    return combined(recipe, layers)


def layers_of(
    recipe: Recipe,
    variation: str | None,
    settings: Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    gate: bool = False,
) -> list[Layer]:
    """What each level says, lowest first, the recipe's own included. Raises `InvalidInput` as `resolve`."""
    varied = Layer("variation", f"variation `{variation}`", _variation(recipe, variation))
    kept = Layer("settings", "the kitchen's settings", _declared_part(recipe.variables, settings))
    layers = [Layer("recipe", "the recipe", recipe.variables)]
    layers += [kept, varied] if gate else [varied, kept]
    for text in overrides:
        layers.append(Layer("--set", "`--set`", _assigned(recipe, text)))
    return layers


def combined(recipe: Recipe, layers: Sequence[Layer]) -> dict[str, Any]:
    """The values that the layers come to, lowest first."""
    return finished(reduce(merge, [_like(recipe.variables, layer.values) for layer in layers], {}))


def refused(recipe: Recipe, layers: Sequence[Layer]) -> Iterator[tuple[Mismatch, Layer]]:
    """What the layers above the first say that the recipe does not admit."""
    for layer in layers[1:]:
        for mismatch in admitted(recipe, layer.values):
            yield mismatch, layer


def admitted(recipe: Recipe, layer: Mapping[str, Any]) -> Iterator[Mismatch]:
    """What in a layer this recipe does not admit: unknown names, other types, broken constraints and locks."""
    wrong = list(mismatches(recipe.variables, layer, recipe.constraints))
    yield from wrong
    for name, constraint, value in governed(recipe, layer):
        keys = names.split(name)
        if any(each.keys[: len(keys)] == keys for each in wrong):
            continue
        if constraint.locked and _changes(recipe, keys, layer):
            yield Mismatch(
                keys, f"variable `{name}` is locked: no level may change it", constraint=constraint
            )
        elif why := refusal(constraint, value):
            yield Mismatch(keys, f"variable `{name}` {why}", constraint=constraint)


def parse_assignment(
    text: str, declared: Mapping[str, Any] | None, constraints: Mapping[str, Constraint] = EMPTY
) -> tuple[tuple[str, ...], Any]:
    """The keys and the value in `K=V`: K is dotted, V a TOML value else a string, of the default's type.

    `declared` holds the defaults; None takes every name and type. Raises `InvalidInput`.
    """
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(names.DOTTED, name):
        shown = f"`{text}`" if not any(each.hidden for each in constraints.values()) else "what was given"
        raise InvalidInput(f"{shown} assigns nothing", "write `name=value`, or `table.name=value`")
    keys = names.split(name)
    if declared is None:
        return keys, _value(value, None)
    parsed = _value(value, found(declared, keys)[1])
    for mismatch in mismatches(declared, nested(keys, parsed), constraints):
        raise InvalidInput(mismatch.message, *_known(declared, mismatch))
    return keys, parsed


def nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    """The layer that gives the value at these keys, which are at least one."""
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def mismatches(
    declared: Mapping[str, Any],
    layer: Mapping[str, Any],
    constraints: Mapping[str, Constraint] = EMPTY,
    path: tuple[str, ...] = (),
    *,
    replaced: bool = False,
) -> Iterator[Mismatch]:
    """What in the layer is unknown to the defaults or of another type.

    An empty table admits everything; a table that replaces another may have new names.
    """
    for name, value in layer.items():
        keys = (*path, name)
        shown = ".".join(keys)
        if name not in declared:
            if not replaced:
                yield Mismatch(keys, f"no variable `{shown}` is declared", did_you_mean(name, declared))
            continue
        default = declared[name]
        constraint = constraints.get(shown)
        wanted = (constraint and constraint.type) or type_name(default)
        if not is_a(value, wanted):
            text = "" if constraint and constraint.hidden else f" (`{_shown(value)}`)"
            yield Mismatch(
                keys,
                f"variable `{shown}` is {with_article(wanted)}, not {with_article(type_name(value))}{text}",
            )
        elif isinstance(default, Mapping) and default:
            inner = replacement(value)
            if REPLACE in value and inner is None:
                yield Mismatch(
                    keys, f'variable `{shown}`: `"="` stands alone, before the table that replaces this one'
                )
                continue
            deeper = value if inner is None else inner
            new = replaced or inner is not None
            yield from mismatches(default, deeper, constraints, keys, replaced=new)


def _refusal(recipe: Recipe, mismatch: Mismatch, layer: Layer) -> InvalidInput:
    """The error that names the level, at its own place where that is known, else at the constraint's."""
    said = {"--set": mismatch.message, "node": f"{layer.said}: {mismatch.message}"}
    verb = "do" if layer.level == "settings" else "does"
    message = said.get(layer.level, f"{layer.said} {verb} not fit recipe `{recipe.name}`: {mismatch.message}")
    constrained = mismatch.constraint.position if mismatch.constraint else None
    if constrained is not None and layer.level in ("--set", "node"):
        message += (
            f" ({constrained.file}:{constrained.line})" if layer.where else f", and {layer.said} gives it"
        )
    where = layer.where or constrained
    acts = (mismatch.hint,) if mismatch.hint else ()
    if where is None:
        return InvalidInput(message, *acts)
    return InvalidInput(message, *acts, file=where.file, line=where.line)


def _nobody_gave(recipe: Recipe, name: str, constraint: Constraint) -> InvalidInput:
    return InvalidInput(
        f"recipe `{recipe.name}` requires variable `{name}`, and no level gives it",
        f"`--set {name}=…`, a variation, or the kitchen's settings",
        code="required-variable",
        file=constraint.position.file,
        line=constraint.position.line,
    )


def _assigned(recipe: Recipe, text: str) -> dict[str, Any]:
    return nested(*parse_assignment(text, recipe.variables, recipe.constraints))


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
        deeper = isinstance(default, Mapping) and default and isinstance(value, Mapping)
        part[name] = _declared_part(default, value) if deeper and replacement(value) is None else value
    return part


def _changes(recipe: Recipe, keys: tuple[str, ...], layer: Mapping[str, Any]) -> bool:
    after = finished(merge(recipe.variables, _like(recipe.variables, layer)))
    return found(after, keys) != found(finished(recipe.variables), keys)


def _like(declared: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    """The layer with integers as floats where the default is one, so that equal values look equal."""
    return {name: _alike(declared.get(name), value) for name, value in layer.items()}


def _alike(default: Any, value: Any) -> Any:
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, Mapping) and isinstance(value, Mapping):
        inner = replacement(value)
        return _like(default, value) if inner is None else {REPLACE: _like(default, inner)}
    return value


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


def _known(declared: Mapping[str, Any], mismatch: Mismatch) -> tuple[str, ...]:
    if mismatch.hint:
        return (mismatch.hint,)
    there, around = found(declared, mismatch.keys[:-1])
    unknown = there and isinstance(around, Mapping) and mismatch.keys[-1] not in around
    return hints(mismatch.keys[-1], around) if unknown else ()


def _shown(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."

"""`kitchen set`, `unset` and `settings`: a kitchen's own variables, above the recipes' and below `--set`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from kitchens.actions.cookbook.readable import recipes_in
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.landing.moving import implied_registration
from kitchens.actions.sharing.leaving import share
from kitchens.git.refs import Moved
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.recipe import Recipe
from kitchens_engine.toml.nearest import hints
from kitchens_engine.variables.constraints import is_hidden
from kitchens_engine.variables.layers import replacement
from kitchens_engine.variables.resolve import admitted, nested, parse_assignment

_ATTEMPTS = 50


def change_settings(house: House, name: str, assign: Sequence[str], remove: Sequence[str]) -> dict[str, Any]:
    """Set `K=V`s and remove `K`s in the kitchen's registration, and answer with its settings then."""
    for _ in range(_ATTEMPTS):
        kitchens = Kitchens(house)
        kitchen = kitchens.get(name)
        registered = kitchen.registered or implied_registration(house, kitchen)
        recipes = recipes_in(house, kitchens, kitchen) if assign else []
        changed = assigned(recipes, registered.settings, assign)
        settings = removed(changed, remove, kitchen.name)
        words = [f"set {one}" for one in assign] + [f"unset {one}" for one in remove]
        try:
            if settings != registered.settings:
                house.register(registered.with_settings(settings), kitchen.registered_at, "; ".join(words))
                share(house, [kitchen.name])
        except Moved:
            continue
        return settings_document(kitchen.name, settings)
    raise EnvironmentFailure(
        f"the settings of `{name}` were changed by others {_ATTEMPTS} times", "try again"
    )


def settings_of(house: House, name: str) -> dict[str, Any]:
    """The kitchen's own settings."""
    kitchen: Kitchen = Kitchens(house).get(name)
    return settings_document(name, kitchen.registered.settings if kitchen.registered else {})


def settings_document(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """As `--json` shows it."""
    return {"kitchen": name, "settings": _plain(settings)}


def assigned(
    recipes: Sequence[Recipe], settings: Mapping[str, Any], assignments: Sequence[str]
) -> dict[str, Any]:
    """`settings` with each `K=V` set. K must be a variable of some recipe, and V of its type in every one that has it."""
    result = _plain(settings)
    for assignment in assignments:
        keys, value = _parsed(assignment, recipes)
        table = result
        for key in keys[:-1]:
            table = _inside(table.setdefault(key, {}))
        table[keys[-1]] = value
    return result


def removed(settings: Mapping[str, Any], names: Iterable[str], kitchen: str) -> dict[str, Any]:
    """`settings` of `kitchen` without the dotted `names`. Raises `InvalidInput` for one that is not set."""
    result = _plain(settings)
    for name in names:
        *above, last = name.split(".")
        table: Any = result
        for key in above:
            table = _inside(table.get(key, {})) if isinstance(table, dict) else {}
        if not isinstance(table, dict) or last not in table:
            raise InvalidInput(
                f"`{name}` is not set in `{kitchen}`", f"`kitchen settings {kitchen}` shows what is"
            )
        del table[last]
    return result


def _parsed(assignment: str, recipes: Sequence[Recipe]) -> tuple[tuple[str, ...], Any]:
    name = assignment.partition("=")[0].strip()
    top = name.split(".")[0]
    if not top:
        parse_assignment(assignment, None)  # says what is wrong with it
    having = [recipe for recipe in recipes if top in recipe.variables]
    if not having:
        known = sorted({variable for recipe in recipes for variable in recipe.variables})
        raise InvalidInput(f"no recipe has a variable `{top}`", *hints(top, known), code="unknown-variable")
    parsed = [_admitted(assignment, recipe) for recipe in having]
    return parsed[0]


def _admitted(assignment: str, recipe: Recipe) -> tuple[tuple[str, ...], Any]:
    """The keys and the value, when this recipe admits them as a setting."""
    keys, value = parse_assignment(assignment, recipe.variables, recipe.constraints)
    if is_hidden(recipe, keys):
        raise InvalidInput(
            f"recipe `{recipe.name}` hides variable `{'.'.join(keys)}`, and settings are written to git for all to read",
            "give it to a run with `--set`, or keep it in the vault",
            code="hidden",
        )
    for mismatch in admitted(recipe, nested(keys, value)):
        where = mismatch.constraint.position if mismatch.constraint else None
        raise InvalidInput(
            f"recipe `{recipe.name}`: {mismatch.message}",
            *((mismatch.hint,) if mismatch.hint else ()),
            file=where.file if where else None,
            line=where.line if where else None,
        )
    return keys, value


def _inside(value: Any) -> Any:
    """The table that a setting means: that which replaces the lower ones, where it does."""
    inner = replacement(value)
    return value if inner is None else inner


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _plain(value) if isinstance(value, Mapping) else deepcopy(value)
        for name, value in settings.items()
    }

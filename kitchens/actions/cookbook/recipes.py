"""`kitchen recipe list`, `show` and `check`: the recipes of a checkout, uncommitted edits included."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from kitchens.actions.house import House
from kitchens.git.checkouts.reading import linked, misplaced
from kitchens.git.sharing.pinned import PinnedSource
from kitchens.model.cookbook import FILE, CookbookReading, missing_files, read_cookbook
from kitchens.model.cookbook_fit import fit_faults
from kitchens_engine.checking.inspect import inspect
from kitchens_engine.errors import Fault, InvalidInput
from kitchens_engine.language.check import read_all
from kitchens_engine.language.shelf import Shelf, no_file
from kitchens_engine.ports import Source
from kitchens_engine.recipe import Node, Recipe
from kitchens_engine.toml.shape import in_order
from kitchens_engine.variables.constraints import masked


def list_recipes(source: Source) -> list[dict[str, Any]]:
    """Every recipe of the cookbook; one that cannot be read says so in `fault`."""
    shelf = Shelf(source)
    rows = []
    for name in shelf.recipe_names():
        try:
            recipe = shelf.recipe(name)
        except InvalidInput as error:
            fault = f"{error.file}:{error.line}: {error.message}" if error.file else error.message
            rows.append({"recipe": name, "description": "", "variations": [], "nodes": 0, "fault": fault})
            continue
        rows.append(
            {
                "recipe": name,
                "description": recipe.description,
                "variations": list(recipe.variations),
                "nodes": len(recipe.nodes),
                "fault": None,
            }
        )
    return rows


def show_recipe(source: Source, name: str) -> dict[str, Any]:
    """One recipe: variables, variations, nodes with what they need and test."""
    recipe: Recipe = Shelf(source).recipe(name)
    return {
        "recipe": recipe.name,
        "description": recipe.description,
        "folder": recipe.folder,
        "requires": list(recipe.requires),
        "variables": _plain(masked(recipe, recipe.variables)),
        "constraints": {name: _plain(each.stated()) for name, each in recipe.constraints.items()},
        "variations": {
            one.name: {
                "variables": _plain(masked(recipe, one.variables)),
                "nodes": None if one.nodes is None else list(one.nodes),
                "schedule": one.schedule,
            }
            for one in recipe.variations.values()
        },
        "nodes": [_node(node) for node in recipe.nodes.values()],
        "functional_tests": recipe.functional_tests,
    }


def flaky_in(house: House, name: str) -> list[dict[str, Any]]:
    """What was red and then green on the same tree in gates of a recipe: how often, and when last; newest first."""
    found: dict[str, dict[str, Any]] = {}
    for attestation in reversed(house.attestations.flaky(name)):
        when = attestation.when.isoformat().replace("+00:00", "Z")
        for flaky in attestation.flaky:
            row = found.setdefault(flaky, {"name": flaky, "times": 0, "last": when, "run": attestation.run})
            row["times"] += 1
    return list(found.values())


def check_recipes(
    source: PinnedSource, folder: Path, name: str | None, kitchens: Collection[str] = ()
) -> tuple[Fault, ...]:
    """Every fault of `kitchens.toml` and the recipes (or of one recipe and what it reaches), sorted by place.

    `kitchens` are the registered ones, of which `kitchens.toml` may speak. `source` is a lenient one of `folder`.
    """
    shelf = Shelf(source)
    text = source.read(FILE)
    settings = CookbookReading(()) if text is None else read_cookbook(text)
    faults: list[Fault] = []
    if name is None and text is None:
        faults.append(Fault("error", FILE, 1, 1, "", f"there is no `{FILE}`", "`kitchen init`"))
    elif name is None and text is not None:
        faults += [*settings.faults, *missing_files(text, source)]
        if settings.document is not None:
            drafts = [reading.draft for reading in read_all(shelf).values()]
            recipes, whole = [draft for draft in drafts if draft], all(drafts)
            faults += fit_faults(settings.document, settings.values, recipes, source, kitchens, whole=whole)
    faults += inspect(
        shelf,
        None if name is None else [name],
        connections=_urls(settings),
        pools=_declared(settings, "pools"),
    )
    if name is None:
        faults += map(_linked, linked(folder))
        faults += [Fault("error", path, 1, 1, "", no_file(path)) for path in misplaced(folder)]
    faults += source.faults(None if name is None else _ingredients(shelf, name))
    return in_order(faults)


def _linked(path: str) -> Fault:
    message = f"`{path}` is a link, which neither gates nor orders follow: what is behind it does not count"
    return Fault("warning", path, 1, 1, "", message, "put the folder itself there")


def _ingredients(shelf: Shelf, name: str) -> set[str]:
    """The ingredients that the recipe and what it reaches name, readable or not."""
    drafts = [reading.draft for reading in read_all(shelf, [name]).values() if reading.draft]
    return {
        str(node.body) for draft in drafts for node in draft.nodes.values() if node.action == "ingredient"
    }


def _urls(settings: CookbookReading) -> Mapping[str, str | None] | None:
    """Where each connection goes, those with faults included, of which that is not known."""
    names = _declared(settings, "connections")
    known = settings.values.get("connections", {})
    return None if names is None else {name: known.get(name, {}).get("url") for name in names}


def _declared(settings: CookbookReading, section: str) -> Collection[str] | None:
    """The names in a section, those with faults included; None when the file cannot be read."""
    if settings.document is None:
        return None
    table = settings.document.values.get(section, {})
    return list(table) if isinstance(table, dict) else None


def _node(node: Node) -> dict[str, Any]:
    body = node.body
    return {
        "name": node.name,
        "action": node.action,
        "body": list(body) if isinstance(body, tuple) else body,
        "needs": list(node.needs),
        "when": node.when,
        "each": list(node.each) if isinstance(node.each, tuple) else node.each,
        "always": node.always,
        "pool": node.pool,
        "retries": node.retry.times,
        "timeout": node.timeout,
        "tests": [
            {"name": test.name, "measure": test.measure, "rule": test.rule, "fail": str(test.fail)}
            for test in node.tests
        ],
    }


def _plain(table: Any) -> Any:
    if hasattr(table, "items"):
        return {name: _plain(value) for name, value in table.items()}
    if isinstance(table, list | tuple):
        return [_plain(value) for value in table]
    return table

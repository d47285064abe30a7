"""Shell completion of names: quiet when there is nothing to complete."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def kitchens(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The kitchens' names."""
    from kitchens.git.command import Git
    from kitchens_engine.errors import KitchensError

    try:
        answer = Git(_folder(context), os.environ).run(
            "for-each-ref", "--format=%(refname:lstrip=2)", "refs/kitchens/", check=False
        )
    except KitchensError:
        return []
    return [name for name in answer.text.splitlines() if name.startswith(incomplete)]


def recipes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The recipes' names of the cookbook around the current folder."""
    folder = _cookbook(context)
    found = (
        [] if folder is None else sorted(path.parent.name for path in folder.glob("recipes/*/recipe.toml"))
    )
    return [name for name in found if name.startswith(incomplete)]


def variations(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The variations of the recipe that was typed before."""
    return _inside(context, "variations", incomplete)


def nodes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The nodes of the recipe that was typed before; behind a `+` too."""
    sign = "+" if incomplete.startswith("+") else ""
    return [f"{sign}{name}" for name in _inside(context, "nodes", incomplete.removeprefix(sign))]


def _inside(context: click.Context, table: str, incomplete: str) -> list[str]:
    """The names in a table of the recipe that was typed before."""
    import tomllib

    # Click gives up on a line that ends with an option and no value; what it had read of it lies in `args`.
    recipe = context.params.get("recipe") or context.params.get("name") or next(iter(context.args), None)
    folder = _cookbook(context)
    if folder is None:
        return []
    try:
        with (folder / "recipes" / str(recipe) / "recipe.toml").open("rb") as file:
            names = dict(tomllib.load(file).get(table, {}))
    except (OSError, ValueError, TypeError):
        return []
    return [name for name in names if name.startswith(incomplete)]


def services(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The services' names of the cookbook around the current folder."""
    from kitchens.actions.cookbook.settings import cookbook_in
    from kitchens_engine.errors import KitchensError

    folder = _cookbook(context)
    try:
        found = [] if folder is None else sorted(cookbook_in(folder).services)
    except (KitchensError, OSError):
        return []
    return [name for name in found if name.startswith(incomplete)]


def secrets(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names in the vault, where it can be opened."""
    from kitchens.actions.cookbook.settings import cookbook_in
    from kitchens.git.repository import open_repository
    from kitchens.vault.opened import open_vault
    from kitchens_engine.errors import KitchensError

    try:
        repository = open_repository(_folder(context), os.environ)
        vault = open_vault(cookbook_in(repository.here).vault, repository.common, os.environ)
        return sorted({secret.name for secret in vault.secrets() if secret.name.startswith(incomplete)})
    except (KitchensError, OSError):
        return []


def templates(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The templates' names."""
    from kitchens.actions.cookbook.templates import template_names

    return [name for name in template_names() if name.startswith(incomplete)]


def runs(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The ids of the newest order runs."""
    import sqlite3

    from kitchens.git.command import Git
    from kitchens_engine.errors import KitchensError

    try:
        git = Git(_folder(context), os.environ)
        common = git.run("rev-parse", "--path-format=absolute", "--git-common-dir").text.strip()
        database = sqlite3.connect(f"file:{common}/kitchens/runs.sqlite?mode=ro", uri=True, timeout=1)
        found = database.execute(
            "select run from runs where run between ? and ? order by run desc limit 50",
            (incomplete.upper(), f"{incomplete.upper()}~"),
        ).fetchall()
        database.close()
    except (KitchensError, sqlite3.Error):
        return []
    return [run for (run,) in found]


def kitchen_templates(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The templates of kitchens: those of the cookbook around the current folder, and ours."""
    from kitchens.actions.cookbook.templates import templates_folder

    around = _cookbook(context)
    folders = [templates_folder(), *([] if around is None else [around / "templates"])]
    names = {path.parent.name for folder in folders for path in folder.glob("*/template.toml")}
    return sorted(name for name in names if name.startswith(incomplete))


def _folder(context: click.Context) -> Path:
    """Where the command being typed would work: here, or where its `-C` says."""
    start: str = context.meta.get("kitchens.start", "")
    return Path.cwd() / start


def _cookbook(context: click.Context) -> Path | None:
    """The folder with the `kitchens.toml` that is nearest."""
    here = _folder(context)
    return next((folder for folder in (here, *here.parents) if (folder / "kitchens.toml").is_file()), None)

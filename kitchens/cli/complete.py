"""Shell completion of names: quiet when there is nothing to complete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def kitchens(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The kitchens' names."""
    import subprocess

    answer = subprocess.run(
        ["git", "for-each-ref", "--format=%(refname:lstrip=2)", "refs/kitchens/"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [name for name in answer.stdout.splitlines() if name.startswith(incomplete)]


def recipes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The recipes' names of the cookbook around the current folder."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "kitchens.toml").is_file():
            found = sorted(path.parent.name for path in folder.glob("recipes/*/recipe.toml"))
            return [name for name in found if name.startswith(incomplete)]
    return []


def templates(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The templates' names."""
    from kitchens.actions.templates import template_names

    return [name for name in template_names() if name.startswith(incomplete)]

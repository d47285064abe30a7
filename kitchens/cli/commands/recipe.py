"""`kitchen recipe list` and `show`; `check`, `explain` and `graph` have modules of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kitchens.cli import complete, show
from kitchens.cli.command import Answer, KitchenCommand, LazyGroup, example
from kitchens.cli.desk import Desk
from kitchens.store.toml import inline
from kitchens_engine.errors import InvalidInput

_COMMANDS = {
    "list": ("recipe", "List the recipes of this checkout."),
    "show": ("recipe", "Show one recipe: variables, variations, nodes."),
    "check": ("check", "Find every fault in kitchens.toml and the recipes."),
    "explain": ("explain", "Show what each level says of the variables, and which one wins."),
    "graph": ("graph", "Draw a recipe: text, Mermaid, DOT or SVG."),
}


@click.group(cls=LazyGroup, table=_COMMANDS)
def recipe() -> None:
    """Look at recipes and check them."""


@click.command("list", cls=KitchenCommand, epilog=example("kitchen recipe list"))
@click.option("--kitchen", metavar="K", shell_complete=complete.kitchens, help="In this kitchen's checkout.")
@click.pass_obj
def list_command(desk: Desk, kitchen: str | None) -> Answer:
    """List the recipes of this checkout."""
    from kitchens.actions.cookbook.recipes import list_recipes

    rows = list_recipes(desk.house.source(folder_of(desk, kitchen)))

    def words() -> None:
        show.table(
            ("recipe", "nodes", "variations", "description"),
            [
                (
                    row["recipe"],
                    str(row["nodes"]),
                    ", ".join(row["variations"]),
                    row["fault"] or row["description"],
                )
                for row in rows
            ],
        )

    return Answer(rows, words)


@click.command("show", cls=KitchenCommand, epilog=example("kitchen recipe show delays"))
@click.argument("name", shell_complete=complete.recipes)
@click.option("--kitchen", metavar="K", shell_complete=complete.kitchens, help="In this kitchen's checkout.")
@click.pass_obj
def show_command(desk: Desk, name: str, kitchen: str | None) -> Answer:
    """Show one recipe: variables, variations, nodes with what they need, and what was flaky in its gates."""
    from kitchens.actions.cookbook.recipes import flaky_in, show_recipe

    document = show_recipe(desk.house.source(folder_of(desk, kitchen)), name)
    document["flaky"] = flaky_in(desk.house, name)
    return Answer(document, lambda: _recipe_words(document))


def folder_of(desk: Desk, kitchen: str | None) -> Path:
    """The checkout to look at: the one around the user, or a kitchen's. Raises `InvalidInput` where there is none."""
    if kitchen is None:
        repository = desk.house.repository
        if repository.fileless:
            raise InvalidInput(
                f"`{repository.here}` is a bare repository, which has no files to look at",
                "`--kitchen NAME` looks at those of a kitchen",
                code="bare",
            )
        return repository.here
    from kitchens.actions.kitchens import Kitchens

    return Kitchens(desk.house).checkout(kitchen)


def _short(limit: Any) -> str:
    return "" if limit is True else inline(limit)


def _recipe_words(document: dict[str, Any]) -> None:
    click.echo(f"{document['recipe']}: {document['description']}".rstrip(": "))
    for name, value in document["variables"].items():
        held = document["constraints"].get(name, {})
        said = "  ".join(f"{key} {_short(limit)}" for key, limit in held.items())
        click.echo(f"  variable   {name} = {inline(value)}  {said}".rstrip())
    for name, variation in document["variations"].items():
        changes = ", ".join(f"{key}={inline(value)}" for key, value in variation["variables"].items())
        click.echo(f"  variation  {name}  {changes}".rstrip())
    for node in document["nodes"]:
        needs = f"  needs {', '.join(node['needs'])}" if node["needs"] else ""
        tests = (
            f"  {len(node['tests'])} test{'' if len(node['tests']) == 1 else 's'}" if node["tests"] else ""
        )
        click.echo(f"  node       {node['name']}  {node['action']}{needs}{tests}")
    for flaky in document["flaky"]:
        times = "once" if flaky["times"] == 1 else f"{flaky['times']} times"
        click.echo(f"  flaky      {flaky['name']}  {times}, last {flaky['last']}")

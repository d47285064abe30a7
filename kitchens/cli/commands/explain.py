"""`kitchen recipe explain` and `kitchen why`: where a value comes from."""

from __future__ import annotations

from typing import Any

import click

from kitchens.cli import complete, show
from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.desk import Desk
from kitchens.store.toml import inline


@click.command(
    cls=KitchenCommand,
    epilog=example(
        "kitchen recipe explain delays --variation test",
        "kitchen recipe explain delays --kitchen dev --set sample=0.5",
        "kitchen recipe explain delays --gate --into production",
    ),
)
@click.argument("name", shell_complete=complete.recipes)
@click.option(
    "--kitchen",
    metavar="K",
    shell_complete=complete.kitchens,
    help="In this kitchen (default: the one around you).",
)
@click.option("--variation", metavar="V", shell_complete=complete.variations, help="Under this variation.")
@click.option("--set", "assignments", multiple=True, metavar="K=V", help="As if an order said so.")
@click.option("--gate", is_flag=True, help="As the gate of the kitchen's tip sees them.")
@click.option("--into", metavar="K", shell_complete=complete.kitchens, help="The gate into this kitchen.")
@click.pass_obj
def explain(
    desk: Desk,
    name: str,
    kitchen: str | None,
    variation: str | None,
    assignments: tuple[str, ...],
    gate: bool,
    into: str | None,
) -> Answer:
    """Show what every level says of a recipe's variables, where it says so, and which one wins."""
    from kitchens.actions.cookbook.explaining import explain_recipe

    document = explain_recipe(
        desk.house,
        name,
        kitchen=kitchen,
        variation=variation,
        assignments=assignments,
        gate=gate,
        into=into,
    )
    return Answer(document, lambda: _explain_words(document))


@click.command(cls=KitchenCommand, epilog=example("kitchen why dev", "kitchen why dev sample"))
@click.argument("name", shell_complete=complete.kitchens)
@click.argument("variables", nargs=-1, metavar="[VARIABLE...]")
@click.pass_obj
def why(desk: Desk, name: str, variables: tuple[str, ...]) -> Answer:
    """Show who gave a kitchen its settings, when, and which recipes read them."""
    from kitchens.actions.cookbook.explaining import why as answer

    document = answer(desk.house, name, variables)

    def words() -> None:
        if not document["settings"]:
            click.echo(f"`{name}` has no settings of its own")
        for row in document["settings"]:
            click.echo(f"{row['name']} = {_value(row['value'])}  {_origin(row)}")
            for reader in row["recipes"]:
                click.echo(f"    recipe {reader['recipe']}, which has {_value(reader['value'])} itself")
            if not row["recipes"]:
                click.echo("    no recipe reads it")

    return Answer(document, words)


def _explain_words(document: dict[str, Any]) -> None:
    variation = f", variation {document['variation']}" if document["variation"] else ""
    gate = f" in the gate into {document['into']}" if document["gate"] else ""
    click.echo(f"{document['recipe']} in {document['kitchen']}{gate}{variation}")
    for variable in document["variables"]:
        held = "".join(
            f", {key.replace('_', ' ')}" + ("" if limit is True else f" {inline(limit)}")
            for key, limit in variable["constraint"].items()
            if key != "type"
        )
        value = "?" if variable["winner"] is None else _value(variable["value"])
        click.echo(f"  {show.toned(variable['name'], 'name')} = {value}  ({variable['type']}{held})")
        for number, level in enumerate(reversed(variable["levels"])):
            mark = " " if number else "*"
            click.echo(f"    {mark} {level['level']:9}  {_value(level['value'])}  {_place(level)}".rstrip())
        if variable["problem"]:
            click.echo(f"    {show.state('error')}: {variable['problem']}")


def _place(level: dict[str, Any]) -> str:
    if "file" in level:
        return f"{level['file']}:{level['line']}"
    return f"{level['kitchen']}, {_origin(level)}" if "kitchen" in level else ""


def _origin(row: dict[str, Any]) -> str:
    if not row["commit"]:
        return ""
    return f"{show.short(row['commit'])} {row['when']} {row['who'].partition(' <')[0]}"


def _value(value: Any) -> str:
    return "null" if value is None else inline(value)

"""`kitchen set`, `unset` and `settings`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from kitchens.cli import complete
from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.desk import Desk


@click.command("set", cls=KitchenCommand, epilog=example("kitchen set dev sample=0.1 schema.raw=raw_dev"))
@click.argument("name", shell_complete=complete.kitchens)
@click.argument("assignments", nargs=-1, required=True, metavar="K=V...")
@click.pass_obj
def set_command(desk: Desk, name: str, assignments: tuple[str, ...]) -> Answer:
    """Set variables of a kitchen. They never travel with a merge.

    K is a variable of a recipe, dotted for tables; V is a TOML value, else a string.
    """
    from kitchens.actions.life.settings import change_settings

    return _answer(change_settings(desk.house, name, assignments, ()))


@click.command(cls=KitchenCommand, epilog=example("kitchen unset dev sample"))
@click.argument("name", shell_complete=complete.kitchens)
@click.argument("names", nargs=-1, required=True, metavar="K...")
@click.pass_obj
def unset(desk: Desk, name: str, names: tuple[str, ...]) -> Answer:
    """Remove variables from a kitchen's settings."""
    from kitchens.actions.life.settings import change_settings

    return _answer(change_settings(desk.house, name, (), names))


@click.command(cls=KitchenCommand, epilog=example("kitchen settings dev"))
@click.argument("name", shell_complete=complete.kitchens)
@click.pass_obj
def settings(desk: Desk, name: str) -> Answer:
    """Show a kitchen's settings."""
    from kitchens.actions.life.settings import settings_of

    return _answer(settings_of(desk.house, name))


def _answer(document: dict[str, Any]) -> Answer:
    def words() -> None:
        from kitchens.store.toml import inline

        lines = list(_lines(document["settings"], "", inline))
        click.echo("\n".join(lines) if lines else f"`{document['kitchen']}` has no settings of its own")

    return Answer(document, words)


def _lines(table: dict[str, Any], above: str, inline: Callable[[Any], str]) -> list[str]:
    lines = []
    for key, value in table.items():
        name = f"{above}{key}"
        lines += (
            _lines(value, f"{name}.", inline) if isinstance(value, dict) else [f"{name} = {inline(value)}"]
        )
    return lines

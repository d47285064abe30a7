"""`kitchen vault set`, `list` and `rm`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kitchens.cli import complete, show
from kitchens.cli.command import Answer, KitchenCommand, LazyGroup, example
from kitchens.cli.desk import Desk
from kitchens.vault.home import at_home
from kitchens_engine.errors import InvalidInput
from kitchens_engine.ports import DEFAULT, SCOPES

if TYPE_CHECKING:
    from kitchens.model.cookbook import Cookbook

_COMMANDS = {
    "set": ("vault", "Put a secret into the vault."),
    "list": ("vault", "List the names of the secrets."),
    "rm": ("vault", "Take secrets out of the vault."),
}

_scope = click.option(
    "--scope",
    type=click.Choice(SCOPES),
    default=DEFAULT,
    show_default=True,
    help="Who sees it: order runs, or gates.",
)
_kitchen = click.option(
    "--kitchen", metavar="K", shell_complete=complete.kitchens, help="Only for order runs of this kitchen."
)


@click.group(cls=LazyGroup, table=_COMMANDS)
def vault() -> None:
    """Keep secrets. Recipes refer to them as `vault:path/key`; gates see those of the scope `gate` only."""


@click.command(
    "set",
    cls=KitchenCommand,
    epilog=example(
        "kitchen vault set flights/token",
        "printenv TOKEN | kitchen vault set flights/token --scope gate",
        "kitchen vault set warehouse/key --from-file key.pem",
    ),
)
@click.argument("name", metavar="PATH/KEY", shell_complete=complete.secrets)
@click.argument("more", nargs=-1, type=click.UNPROCESSED, metavar="")
@_scope
@_kitchen
@click.option("--from-file", metavar="F", help="Take the value from a file.")
@click.pass_obj
def set_command(
    desk: Desk, name: str, more: tuple[str, ...], scope: str, kitchen: str | None, from_file: str | None
) -> Answer:
    """Put a secret into the vault, in the place of an earlier one.

    On a terminal the value is asked for; elsewhere it comes from standard input, or from a file. The end of a
    single line is not part of it.
    """
    from kitchens.actions.cookbook.secrets import parse_secret, set_secret

    if more:
        # Said without the value, which the shell's history holds already.
        raise InvalidInput(
            "a value never comes from the command line, where others see it",
            "type it when it is asked for, or give it on standard input or with `--from-file`",
            code="usage",
        )
    cookbook = _cookbook(desk)
    secret = parse_secret(desk.house, name, scope, kitchen)
    document = set_secret(desk.house, cookbook, secret, _value(desk, secret.name, from_file))
    return Answer(document, lambda: click.echo(f"{document['status']} {_named(document)}"))


@click.command("list", cls=KitchenCommand, epilog=example("kitchen vault list"))
@click.pass_obj
def list_command(desk: Desk) -> Answer:
    """List the secrets by name, scope and kitchen, with the time at which each was set. Values are never shown."""
    from kitchens.actions.cookbook.secrets import list_secrets

    rows = list_secrets(desk.house, _cookbook(desk))

    def words() -> None:
        if not rows:
            click.echo("the vault is empty")
            return
        cells = [(row["name"], row["scope"], row["kitchen"] or "", row["when"] or "") for row in rows]
        show.table(("name", "scope", "kitchen", "set"), cells)

    return Answer(rows, words)


@click.command(cls=KitchenCommand, epilog=example("kitchen vault rm flights/token --scope gate"))
@click.argument("names", nargs=-1, required=True, metavar="PATH/KEY...", shell_complete=complete.secrets)
@_scope
@_kitchen
@click.pass_obj
def rm(desk: Desk, names: tuple[str, ...], scope: str, kitchen: str | None) -> Answer:
    """Take secrets out of the vault."""
    from kitchens.actions.cookbook.secrets import parse_secret, remove_secrets

    secrets = [parse_secret(desk.house, name, scope, kitchen) for name in names]
    document = remove_secrets(desk.house, _cookbook(desk), secrets)
    removed = document["removed"]
    return Answer(document, lambda: click.echo("\n".join(f"removed {_named(each)}" for each in removed)))


def _cookbook(desk: Desk) -> Cookbook:
    from kitchens.actions.cookbook.settings import cookbook_in

    return cookbook_in(desk.house.repository.here)


def _value(desk: Desk, name: str, from_file: str | None) -> bytes:
    if from_file is not None:
        path = desk.folder / at_home(Path(from_file))
        try:
            return path.read_bytes()
        except OSError as error:
            raise InvalidInput(f"`{from_file}` cannot be read: {error.strerror}") from None
    if sys.stdin is None:
        return b""
    if not sys.stdin.isatty():
        return sys.stdin.buffer.read()
    typed: str = click.prompt(
        f"value of {name}", hide_input=True, confirmation_prompt="the same again", err=True
    )
    return typed.encode("utf-8", "surrogateescape")


def _named(document: dict[str, Any]) -> str:
    scope = "" if document["scope"] == DEFAULT else f" in scope `{document['scope']}`"
    kitchen = f" for kitchen `{document['kitchen']}`" if document["kitchen"] else ""
    return f"`{document['name']}`{scope}{kitchen}"

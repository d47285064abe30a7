"""`kitchen hook`: the repository that a team pushes to guards itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from kitchens.cli.command import Answer, KitchenCommand, LazyGroup, example
from kitchens.cli.desk import Desk

_HOOKS = {"install": ("hook", "Let a bare repository guard its protected kitchens.")}


class _Hooks(LazyGroup):
    """`hook check` is for the installed hook, and in no list."""

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Also what is not listed."""
        return check if name == "check" else super().get_command(context, name)

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        """As any group; git itself types `check`."""
        return ("check", check, args[1:]) if args[:1] == ["check"] else super().resolve_command(context, args)


@click.group(cls=_Hooks, table=_HOOKS)
def hook() -> None:
    """Enforcement where it counts: in the repository that a team pushes to."""


@click.command(
    cls=KitchenCommand, epilog=example("kitchen hook install /srv/git/flights.git", "kitchen hook install")
)
@click.argument("directory", required=False, metavar="[DIR]", type=click.Path(path_type=Path))
@click.pass_obj
def install(desk: Desk, directory: Path | None) -> Answer:
    """Install a pre-receive hook in the bare repository DIR (default: the current folder).

    From then on a protected kitchen moves there only to commits that verify, whoever pushes and with whatever; nobody
    deletes or rewinds it, takes registrations and attestations back, or replaces objects. All else is free. A hook that is there already
    runs first.
    """
    from kitchens.actions.sharing.hooking import install as act
    from kitchens.git.repository import open_repository

    folder = desk.folder / directory if directory else desk.folder
    if not folder.is_dir():
        from kitchens_engine.errors import InvalidInput

        raise InvalidInput(f"`{folder}` is no folder")
    with open_repository(folder, desk.environment) as repository:
        document = act(repository, sys.executable)

    def words() -> None:
        click.echo(f"{document['status']}: {document['hook']}")
        if document["before"]:
            click.echo(f"  {document['before']} runs first")

    return Answer(document, words)


@click.command(cls=KitchenCommand, hidden=True, epilog=example("kitchen hook check < updates"))
@click.pass_obj
def check(desk: Desk) -> Answer:
    """Judge the push that git describes on standard input. The installed hook calls this."""
    from kitchens.actions.sharing.guarding import objections, parse_updates
    from kitchens.git.repository import open_repository
    from kitchens.git.sharing.remotes import quarantined
    from kitchens_engine.errors import Refused

    # Names of refs are bytes, whatever the locale of the machine makes of them.
    told = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    updates = parse_updates(line for line in told.split("\n") if line)
    repository = open_repository(desk.folder, desk.environment)
    with quarantined(repository, desk.environment):
        found = next(objections(desk.house_of(repository), updates), None)
    if found is not None:
        raise Refused(
            f"{found.why}; nothing was changed", *((found.hint,) if found.hint else ()), code="push"
        )
    return Answer({"status": "accepted"}, lambda: None)

"""`kitchen lock`."""

from __future__ import annotations

import click

from kitchens.cli import show
from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.desk import Desk


@click.command(cls=KitchenCommand, epilog=example("kitchen lock", "kitchen lock --update scoring"))
@click.option(
    "--update", multiple=True, metavar="NAME", help="Pin this ingredient anew, where its `rev` is now."
)
@click.pass_obj
def lock(desk: Desk, update: tuple[str, ...]) -> Answer:
    """Pin the ingredients of other repositories in kitchens.lock, and fetch their files.

    No pin moves unless it is named, or its lines in kitchens.toml were changed. Commit the file.
    """
    from kitchens.actions.locking import lock as pin

    document = pin(desk.house, update)

    def words() -> None:
        for row in document["ingredients"]:
            before = f"{show.short(row['previous'])} → " if row["previous"] else ""
            click.echo(f"{row['status']}: {row['name']}  {before}{show.short(row['commit'])} ({row['rev']})")
        if document["changed"]:
            click.echo("`kitchens.lock` changed: `kitchen recipe check`, and commit it")
        elif not document["ingredients"]:
            click.echo("`kitchens.toml` names no ingredient of another repository: nothing to pin")

    return Answer(document, words)

"""`kitchen lock`."""

from __future__ import annotations

from typing import Any

import click

from kitchens.cli import show
from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.desk import Desk
from kitchens_engine.errors import InvalidInput


@click.command(
    cls=KitchenCommand,
    epilog=example(
        "kitchen lock",
        "kitchen lock --update scoring",
        "kitchen lock --update python:3.12-slim",
        "kitchen lock --commit HEAD~20",
    ),
)
@click.option(
    "--update",
    multiple=True,
    metavar="NAME",
    help="Pin this ingredient anew, where its `rev` is now; or this image.",
)
@click.option("--commit", "revision", metavar="REV", help="Only fetch what this commit's kitchens.lock pins.")
@click.pass_obj
def lock(desk: Desk, update: tuple[str, ...], revision: str | None) -> Answer:
    """Pin ingredients of other repositories, and the images below the toolchain, in kitchens.lock.

    Ingredients are pinned by commit, and their files fetched; an image by the digest that its registry knows, or by its
    id where only this machine has it.

    No pin moves unless it is named, or its lines in kitchens.toml were changed. Commit the file.
    """
    from kitchens.actions.cookbook.locking import fetch_for
    from kitchens.actions.cookbook.locking import lock as pin

    if revision is not None and update:
        raise InvalidInput("`--commit` only fetches: it takes no `--update`", code="usage")
    document = pin(desk.house, update) if revision is None else fetch_for(desk.house, revision)

    def words() -> None:
        for row in document["ingredients"]:
            before = f"{show.short(row['previous'])} → " if row["previous"] else ""
            click.echo(f"{row['status']}: {row['name']}  {before}{show.short(row['commit'])} ({row['rev']})")
        for row in document["images"]:
            _say_image(row)
        if document["changed"]:
            click.echo("`kitchens.lock` changed: `kitchen recipe check`, and commit it")
        elif not document["ingredients"] and not document["images"] and revision is None:
            click.echo(
                "`kitchens.toml` names no image and no ingredient of another repository: nothing to pin"
            )

    return Answer(document, words)


def _say_image(row: dict[str, Any]) -> None:
    if row["why"]:
        click.echo(f"{row['status']}: image {row['name']}  {row['why']}")
        return
    before = f"{show.digest(row['previous'])} → " if row["previous"] and row["status"] == "updated" else ""
    click.echo(f"{row['status']}: image {row['name']}  {before}{show.digest(row['digest'] or row['id'])}")

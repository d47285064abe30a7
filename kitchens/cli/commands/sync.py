"""`kitchen sync`."""

from __future__ import annotations

from typing import Any

import click

from kitchens.cli import show
from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.desk import Desk
from kitchens.cli.words import EXIT_CONFLICT


@click.command(cls=KitchenCommand, epilog=example("kitchen sync", "kitchen sync --json | jq '.came'"))
@click.pass_obj
def sync(desk: Desk) -> Answer:
    """Bring this clone and the cookbook's remote together: what others did comes, what is yours goes.

    Kitchens that are here follow the remote as `git merge --ff-only` would; branches, settings, attestations and
    promotions that the remote lacks go there, all or nothing. A kitchen that has commits on both sides is named and left
    to you; then the exit status is 3.
    """
    from kitchens.actions.sharing.syncing import sync as act

    document = act(desk.house)

    def words() -> None:
        remote = document["remote"]
        for arrow, key in (("←", "came"), ("→", "went")):
            for one in document[key]:
                click.echo(f"{arrow} {_said(one)}")
        for one in document["left"]:
            click.echo(f"{show.state('conflict')}: {one['why']}")
            if one["hint"]:
                click.echo(f"hint: {one['hint']}", err=True)
        if not (document["came"] or document["went"] or document["left"]):
            click.echo(f"nothing to do: `{remote}` and this clone are the same")

    return Answer(document, words, EXIT_CONFLICT if document["left"] else 0)


def _said(one: dict[str, Any]) -> str:
    name = f" `{one['name']}`" if one["name"] else ""
    moved = " ".join(
        filter(
            None, (show.short(one["from"]), "→" if one["from"] and one["to"] else "", show.short(one["to"]))
        )
    )
    return f"{one['what']}{name}  {moved}"

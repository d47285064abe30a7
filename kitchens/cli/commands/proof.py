"""`kitchen history` and `verify`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from kitchens.cli import complete, show
from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.desk import Desk
from kitchens.cli.words import EXIT_RED

#: How many commits that are attested only are shown.
MOST = 10


@click.command(cls=KitchenCommand, epilog=example("kitchen history production"))
@click.argument("name", required=False, shell_complete=complete.kitchens)
@click.pass_obj
def history(desk: Desk, name: str | None) -> Answer:
    """Show how a kitchen came to its tip, newest first (default: production)."""
    from kitchens.actions.landing.history import show_history

    rows = show_history(desk.house, name)

    def words() -> None:
        show.table(
            ("commit", "status", "from", "when", "who", "gated"),
            [
                (
                    show.short(row["commit"]),
                    show.state(row["status"]),
                    row["from"] or "",
                    row["when"],
                    row["who"],
                    ", ".join(row["recipes"]),
                )
                for row in rows
            ],
        )

    return Answer(rows, words)


@click.command(cls=KitchenCommand, epilog=example("kitchen verify production"))
@click.argument("name", required=False, shell_complete=complete.kitchens)
@click.pass_obj
def verify(desk: Desk, name: str | None) -> Answer:
    """Prove from git alone that every landed commit passed its gate, back to the baseline (default: production)."""
    from kitchens.actions.landing.proving import verify as act

    document = act(desk.house, name)

    def words() -> None:
        landings = f"{document['landings']} landing{'' if document['landings'] == 1 else 's'}"
        click.echo(
            f"{show.state(document['status'])}: `{document['kitchen']}`, {landings} since the baseline"
        )
        for fault in document["faults"]:
            click.echo(f"  {show.short(fault['commit'])} {fault['why']}")
        for commit in document["uncertified"][:MOST]:
            click.echo(f"  {show.short(commit)} attested, not certified: it did not land through `kitchen`")
        if len(document["uncertified"]) > MOST:
            click.echo(f"  … and {len(document['uncertified']) - MOST} more, attested, not certified")
        for commit in document["mended"][:MOST]:
            click.echo(
                f"  {show.short(commit)} could not be read, and nothing ran from it; a later commit mends it"
            )
        damaged = [fault.get("damaged") for fault in document["faults"]]
        if any(damaged):
            click.echo("hint: `git fsck` says what is damaged; a clone may have it whole", err=True)
        elif document["faults"]:
            click.echo(f"hint: {_way_out(document)}", err=True)
        if document["status"] == "unsigned":
            click.echo("  every step is attested; nobody who may sign vouches for all of them")

    return Answer(document, words, EXIT_RED if document["status"] == "broken" else 0)


def _way_out(document: Mapping[str, Any]) -> str:
    """What settles the newest fault."""
    fault, kitchen = document["faults"][0], document["kitchen"]
    if fault.get("unreadable"):
        return f"a merge or commit in `{kitchen}` that mends it, or `kitchen rollback {kitchen} --to COMMIT`, settles it"
    return f"`kitchen test --commit {show.short(fault['commit'])} --into {kitchen}` attests what passes"

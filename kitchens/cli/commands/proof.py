"""`kitchen history` and `verify`."""

from __future__ import annotations

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
        damaged = [fault.get("damaged") for fault in document["faults"]]
        if any(damaged):
            click.echo("hint: `git fsck` says what is damaged; a clone may have it whole", err=True)
        elif document["faults"]:
            commit = show.short(document["faults"][0]["commit"])
            click.echo(
                f"hint: `kitchen test --commit {commit} --into {document['kitchen']}` attests what passes",
                err=True,
            )
        if document["status"] == "unsigned":
            click.echo("  every step is attested; nobody who may sign vouches for all of them")

    return Answer(document, words, EXIT_RED if document["status"] == "broken" else 0)

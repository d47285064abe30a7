"""`kitchen order list`, `show`, `logs` and `tests`: what ran."""

from __future__ import annotations

import sys

import click

from kitchens.cli import complete, show
from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.desk import Desk
from kitchens.cli.follow import follow_logs, print_log
from kitchens.cli.moments import moment
from kitchens.cli.run_words import difference_words, run_words, tests_words
from kitchens_engine.outcome import RUN_STATUSES


@click.command(
    "list",
    cls=KitchenCommand,
    epilog=example(
        "kitchen order list --recipe delays --status failed",
        "kitchen order list --since 7d --limit 50",
        "kitchen order list --since 2026-03-01 --kitchen production",
    ),
)
@click.option("--kitchen", metavar="K", shell_complete=complete.kitchens, help="Only of this kitchen.")
@click.option("--recipe", metavar="R", shell_complete=complete.recipes, help="Only of this recipe.")
@click.option("--variation", metavar="V", help="Only of this variation.")
@click.option("--since", metavar="WHEN", help="Only ordered since: `2h`, `7d`, a date or a time.")
@click.option(
    "--status", type=click.Choice([str(status) for status in RUN_STATUSES]), help="Only with this status."
)
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="How many.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="How many to pass over first.")
@click.pass_obj
def list_command(
    desk: Desk,
    kitchen: str | None,
    recipe: str | None,
    variation: str | None,
    since: str | None,
    status: str | None,
    limit: int,
    offset: int,
) -> Answer:
    """List the newest order runs."""
    from kitchens.actions.orders.runs import list_orders

    rows = list_orders(
        desk.house,
        kitchen=kitchen,
        recipe=recipe,
        status=status,
        variation=variation,
        since=None if since is None else moment(since, desk.now()),
        limit=limit,
        offset=offset,
    )

    def words() -> None:
        show.table(
            ("run", "status", "recipe", "variation", "kitchen", "commit", "time"),
            [
                (
                    row["run"],
                    show.state(row["status"]),
                    row["recipe"],
                    row["variation"] or "",
                    row["kitchen"],
                    show.short(row["commit"]),
                    show.seconds(row["seconds"]),
                )
                for row in rows
            ],
        )

    return Answer(rows, words)


@click.command(
    "show", cls=KitchenCommand, epilog=example("kitchen order show", "kitchen order show 01J2 --json")
)
@click.argument("run", required=False, shell_complete=complete.runs)
@click.pass_obj
def show_command(desk: Desk, run: str | None) -> Answer:
    """Show one order run (default: the newest) with its nodes and tests."""
    from kitchens.actions.orders.runs import show_order

    document = show_order(desk.house, run)
    return Answer(document, lambda: run_words(document, nodes=True))


@click.command(
    cls=KitchenCommand, epilog=example("kitchen order logs", "kitchen order logs 01J2 --node clean -f")
)
@click.argument("run", required=False, shell_complete=complete.runs)
@click.option("--node", metavar="N", help="Only this node's.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.pass_obj
def logs(desk: Desk, run: str | None, node: str | None, follow: bool) -> Answer:
    """Show the logs of an order run (default: the newest)."""
    from kitchens.actions.orders.runs import logs_of, show_order

    # Once: a newer one may begin meanwhile.
    known: str = show_order(desk.house, run)["run"]
    found = list(logs_of(desk.house, known, node))
    document = [{"node": name, "log": str(path)} for name, path in found]

    def words() -> None:
        if follow:
            if follow_logs(desk.house, known, node, sys.stdout.buffer) == "interrupted":
                said = f"order run {known} was interrupted: `kitchen order resume {known}` goes on"
                click.echo(f"note: {said}", err=True)
            return
        for name, path in found:
            print_log(sys.stdout.buffer, f"{name} | " if len(found) > 1 else "", path)

    return Answer(document, words)


@click.command(cls=KitchenCommand, epilog=example("kitchen order tests", "kitchen order tests 01J2 --json"))
@click.argument("run", required=False, shell_complete=complete.runs)
@click.pass_obj
def tests(desk: Desk, run: str | None) -> Answer:
    """Show every test of an order run (default: the newest) with its measured value and its limit."""
    from kitchens.actions.orders.runs import tests_of

    found = tests_of(desk.house, run)
    return Answer(found, lambda: tests_words(found))


@click.command(cls=KitchenCommand, epilog=example("kitchen order diff 01J2 01J5"))
@click.argument("one", metavar="RUN", shell_complete=complete.runs)
@click.argument("other", metavar="RUN", shell_complete=complete.runs)
@click.pass_obj
def diff(desk: Desk, one: str, other: str) -> Answer:
    """Show what was different about two order runs.

    Code (files of the recipe and of what it reaches), toolchain, variables, measures, nodes, outputs and times.
    """
    from kitchens.actions.orders.comparing import compare_orders

    document = compare_orders(desk.house, one, other)
    return Answer(document, lambda: difference_words(document))

"""`kitchen queue`: many changes at once."""

from __future__ import annotations

import click

from kitchens.cli import show
from kitchens.cli.command import Answer, KitchenCommand, LazyGroup, example
from kitchens.cli.desk import Desk

_COMMANDS = {
    "simulate": ("queue", "Compare the policies on random queues."),
}

#: As in `kitchens.queue.planner` and `kitchens.queue.simulation`, which only the commands that use them import.
_POLICIES = ("auto", "serial", "prefix", "best-first")
_RIVALS = ("bors", "zuul")


@click.group(cls=LazyGroup, table=_COMMANDS)
def queue() -> None:
    """Bring many changes in at once: what passes together lands; what is red is found, named and left out."""


@click.command(
    cls=KitchenCommand,
    epilog=example(
        "kitchen queue simulate", "kitchen queue simulate --workers 16 --bad 0.2 --policy best-first"
    ),
)
@click.option(
    "--changes", type=click.IntRange(1, 1000), default=64, show_default=True, help="How many changes wait."
)
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Gates at once.")
@click.option(
    "--bad",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="How likely each of them is bad.",
)
@click.option(
    "--seeds", type=click.IntRange(1, 10000), default=200, show_default=True, help="How many queues."
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    type=click.Choice((*_POLICIES, *_RIVALS)),
    help="Only this one (again for more).",
)
@click.pass_obj
def simulate(
    desk: Desk, changes: int, workers: int, bad: float, seeds: int, policies: tuple[str, ...]
) -> Answer:
    """Play random queues through all policies, and show how long they take and how many gates they run.

    All changes wait at once and depend on each other; a gate takes one unit of time. Beside the policies stand the
    algorithms of bors-ng (batches of eight, bisected when red) and of Zuul (each change on all before it).
    """
    from kitchens.queue.simulation import simulate as act

    means = list(act(changes, workers, bad, seeds, policies or (*_POLICIES, *_RIVALS)))

    def words() -> None:
        click.echo(f"{changes} changes, {workers} at once, {bad:.0%} bad; means of {seeds} queues")
        rows = [(one.policy, f"{one.makespan:.1f}", f"{one.gates:.1f}") for one in means]
        show.table(("policy", "test times", "gates"), rows)

    return Answer([one.document() for one in means], words)

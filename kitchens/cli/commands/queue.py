"""`kitchen queue`: many changes at once."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

from kitchens.cli import complete, show
from kitchens.cli.command import Answer, KitchenCommand, LazyGroup, RunningCommand, example
from kitchens.cli.desk import Desk
from kitchens.cli.words import EXIT_CONFLICT, EXIT_RED, EXIT_REFUSED

_COMMANDS = {
    "add": ("queue", "Put kitchens into the queue of their parent."),
    "list": ("queue", "List what waits."),
    "run": ("queue", "Bring in what waits, through the gate."),
    "drop": ("queue", "Take a kitchen out of the queue."),
    "simulate": ("queue", "Compare the policies on random queues, or on what came in."),
}

#: As in `kitchens.queue.planner` and `kitchens.queue.simulation`, which only the commands that use them import.
_POLICIES = ("auto", "serial", "prefix", "best-first")
_RIVALS = ("bors", "zuul")

_STATUSES = {"red": EXIT_RED, "conflict": EXIT_CONFLICT, "refused": EXIT_REFUSED}


@click.group(cls=LazyGroup, table=_COMMANDS)
def queue() -> None:
    """Bring many changes in at once: what passes together lands; what is red is found, named and left out."""


_into = click.option(
    "--into",
    metavar="K",
    shell_complete=complete.kitchens,
    help="Only the queue of this kitchen (default: the parent's; `drop`: all).",
)


@click.command(
    cls=KitchenCommand,
    epilog=example("kitchen queue add late-evenings weather", "kitchen queue add fix --into dev"),
)
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete.kitchens)
@_into
@click.pass_obj
def add(desk: Desk, names: tuple[str, ...], into: str | None) -> Answer:
    """Put kitchens into the queue of their parent, behind those that wait. `kitchen queue run` brings them in."""
    from kitchens.actions.queueing.waiting import add as act

    rows = act(desk.house, names, into)
    return Answer(rows, lambda: _table(rows))


@click.command("list", cls=KitchenCommand, epilog=example("kitchen queue list"))
@click.pass_obj
def list_command(desk: Desk) -> Answer:
    """List what waits, queue by queue, in the order in which it would land."""
    from kitchens.actions.queueing.waiting import list_queues

    rows = list_queues(desk.house)
    return Answer(rows, lambda: _table(rows) if rows else click.echo("nothing waits"))


@click.command(cls=KitchenCommand, epilog=example("kitchen queue drop late-evenings"))
@click.argument("name", shell_complete=complete.kitchens)
@_into
@click.pass_obj
def drop(desk: Desk, name: str, into: str | None) -> Answer:
    """Take a kitchen out of the queue; its work stays where it is."""
    from kitchens.actions.queueing.waiting import drop as act

    rows = act(desk.house, name, into)

    def words() -> None:
        for row in rows:
            click.echo(f"`{name}` is no longer in the queue of `{row['into']}`")

    return Answer(rows, words)


@click.command(
    cls=RunningCommand, epilog=example("kitchen queue run", "kitchen queue run --into dev --workers 4")
)
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Gates at once.")
@click.option(
    "--policy", type=click.Choice(_POLICIES), default="auto", show_default=True, help="How to choose them."
)
@click.option(
    "--into",
    metavar="K",
    shell_complete=complete.kitchens,
    help="The queue of this kitchen (default: the only one in which something waits).",
)
@click.pass_obj
def run(desk: Desk, workers: int, policy: str, into: str | None) -> Answer:
    """Bring in what waits, through the gate: several changes are tested as one, and what passed lands.

    A change that is red or in conflict is named and leaves the queue; the others land. It can be stopped at any
    moment, and goes on where it was.
    """
    from kitchens.actions.queueing.bringing import run_queue
    from kitchens.actions.queueing.waiting import queue_to_run

    target = queue_to_run(desk.house, into)
    if target is None:
        nothing: dict[str, Any] = {"into": None, "status": "done", "changes": [], "gates": 0}
        return Answer(nothing, lambda: click.echo("nothing waits"))
    document = run_queue(desk.house, target.name, workers, policy)

    def words() -> None:
        for change in document["changes"]:
            _change(change, document["into"])
        if document["status"] == "refused":
            click.echo(f"{show.state('refused')}: {document['why']}; what waits still waits")

    return Answer(document, words, _STATUSES.get(document["status"], 0))


def _change(change: dict[str, Any], into: str) -> None:
    at = f": `{into}` is at {show.short(change['commit'])}" if change["commit"] else ""
    why = f": {change['why']}" if change["why"] else ""
    click.echo(f"{show.state(change['status'])}: `{change['kitchen']}`{at}{why}")
    for conflict in change["conflicts"]:
        click.echo(f"  {show.path(conflict['path'])}: {conflict['kind']}")
    if "reconciled" in change:
        which = ", ".join(f"`{show.short(one)}`" for one in change["reconciled"])
        click.echo(f"  reconciled: `{into}` keeps what rollback {which} undid in `{change['kitchen']}`")
    if change["gate"]:
        show.gate(change["gate"])


def _table(rows: list[dict[str, Any]]) -> None:
    show.table(
        ("into", "place", "kitchen", "commit", "when", "who"),
        [
            (
                row["into"],
                str(row["place"]),
                row["kitchen"],
                show.short(row["commit"]),
                row["when"],
                row["who"],
            )
            for row in rows
        ],
    )


@click.command(
    cls=KitchenCommand,
    epilog=example(
        "kitchen queue simulate",
        "kitchen queue simulate --workers 16 --bad 0.2 --policy best-first",
        "kitchen queue simulate --history dev",
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
@click.option(
    "--history",
    metavar="K",
    shell_complete=complete.kitchens,
    help="Play what has left the queue of this kitchen, in its order, instead of random queues.",
)
@click.pass_context
def simulate(
    context: click.Context,
    changes: int,
    workers: int,
    bad: float,
    seeds: int,
    policies: tuple[str, ...],
    history: str | None,
) -> Answer:
    """Play random queues, or the history of one, through all policies, and show how long they take and how many gates
    they run.

    All changes wait at once and depend on each other; a gate takes one unit of time. Beside the policies stand the
    algorithms of bors-ng (batches of eight, bisected when red) and of Zuul (each change on all before it).
    """
    from kitchens.queue.simulation import replay
    from kitchens.queue.simulation import simulate as act

    policies = policies or (*_POLICIES, *_RIVALS)
    if history is None:
        means = list(act(changes, workers, bad, seeds, policies))
        of = f"means of {seeds} queues"
    else:
        from kitchens.actions.queueing.waiting import outcomes

        for option in ("changes", "bad", "seeds"):
            if context.get_parameter_source(option) is not ParameterSource.DEFAULT:
                raise click.UsageError(f"--history says what waits, so there is no --{option}")
        means = list(replay(outcomes(context.obj.house, history), workers, policies))
        of = f"as they came into `{history}`"

    def words() -> None:
        click.echo(f"{means[0].changes} changes, {workers} at once, {means[0].bad:.0%} bad; {of}")
        rows = [(one.policy, f"{one.makespan:.1f}", f"{one.gates:.1f}") for one in means]
        show.table(("policy", "test times", "gates"), rows)

    return Answer([one.document() for one in means], words)

"""`kitchen order run`, `resume` and `cancel`; the other commands of `order` are in `ran`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kitchens.cli import complete
from kitchens.cli.command import Answer, DetachableCommand, KitchenCommand, LazyGroup, example
from kitchens.cli.desk import Desk
from kitchens.cli.run_words import plan_words, run_words
from kitchens.cli.words import EXIT_RED

if TYPE_CHECKING:
    from kitchens.actions.orders.ordering import OrderPlan

_COMMANDS = {
    "run": ("order", "Run a variation of a recipe, once."),
    "list": ("ran", "List the newest order runs."),
    "show": ("ran", "Show one order run with its nodes and tests."),
    "logs": ("ran", "Show the logs of an order run."),
    "tests": ("ran", "Show the tests of an order run."),
    "resume": ("order", "Go on with an order run that did not pass."),
    "cancel": ("order", "End an order run."),
    "diff": ("ran", "Show what was different about two order runs."),
}

_DETACH = click.option(
    "--detach", is_flag=True, help="Do not wait: print the run's id, and let it go on by itself."
)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Only show which nodes would run, and why.")
_JOBS = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many processes at once (default: two more than processors).",
)


@click.group(cls=LazyGroup, table=_COMMANDS)
def order() -> None:
    """Run recipes and look at what ran."""


@click.command(
    cls=DetachableCommand,
    epilog=example(
        "kitchen order run delays --variation full",
        "kitchen order run delays --kitchen dev --set sample=0.1",
        "kitchen order run delays --node +report",
        "kitchen order run delays --skip ingest",
        "kitchen order run delays --detach",
        "kitchen order run delays --node +report --dry-run",
    ),
)
@click.argument("recipe", shell_complete=complete.recipes)
@click.option(
    "--kitchen",
    metavar="K",
    shell_complete=complete.kitchens,
    help="Where (default: the kitchen around you).",
)
@click.option("--variation", metavar="V", shell_complete=complete.variations, help="The variation to run.")
@click.option("--set", "assignments", multiple=True, metavar="K=V", help="A variable for this run.")
@click.option(
    "--node",
    "nodes",
    multiple=True,
    metavar="N",
    shell_complete=complete.nodes,
    help="Only this node; `+N` adds all upstream.",
)
@click.option(
    "--skip",
    "skipped",
    multiple=True,
    metavar="N",
    shell_complete=complete.nodes,
    help="All but this node: what needs it finds what it left when it last passed here.",
)
@_JOBS
@_DETACH
@_DRY_RUN
@click.pass_obj
def run(
    desk: Desk,
    recipe: str,
    kitchen: str | None,
    variation: str | None,
    assignments: tuple[str, ...],
    nodes: tuple[str, ...],
    skipped: tuple[str, ...],
    jobs: int | None,
    detach: bool,
    dry_run: bool,
) -> Answer:
    """Run a variation of a recipe, once, and wait for its end.

    A sandbox runs what lies in its worktree, uncommitted edits included; a permanent kitchen runs a clean
    checkout of its tip.
    """
    if detach and not dry_run:
        words = _words({"--kitchen": kitchen, "--variation": variation, "--jobs": jobs})
        for option, values in (("--set", assignments), ("--node", nodes), ("--skip", skipped)):
            words += [word for value in values for word in (option, value)]
        return _detached(desk, ["run", *words], [recipe])
    _prepare(dry_run)
    from kitchens.actions.orders.ordering import carry_out_order, plan_order

    plan = plan_order(
        desk.house,
        recipe,
        kitchen=kitchen,
        variation=variation,
        assignments=assignments,
        nodes=nodes,
        skipped=skipped,
        jobs=jobs,
    )
    return _foreseen(desk, plan) if dry_run else _answer(carry_out_order(desk.house, plan))


@click.command(
    cls=DetachableCommand,
    epilog=example(
        "kitchen order resume 01J2",
        "kitchen order resume 01J2 --again clean",
        "kitchen order resume 01J2 --detach",
    ),
)
@click.argument("run", shell_complete=complete.runs)
@click.option(
    "--again",
    multiple=True,
    metavar="N",
    help="Run this node again although it passed, and what needs it; a nested one by its path.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="K=V",
    help="A hidden variable, which no record keeps.",
)
@_JOBS
@_DETACH
@_DRY_RUN
@click.pass_obj
def resume(
    desk: Desk,
    run: str,
    again: tuple[str, ...],
    assignments: tuple[str, ...],
    jobs: int | None,
    detach: bool,
    dry_run: bool,
) -> Answer:
    """Go on with an order run that did not pass, at its commit and under its variables.

    One that was interrupted goes on under its id. Of one that failed or was cancelled a new run keeps the
    nodes that passed, runs the others, and names the run that it resumes.
    """
    if detach and not dry_run:
        words = _words({"--jobs": jobs})
        for option, values in (("--again", again), ("--set", assignments)):
            words += [word for value in values for word in (option, value)]
        return _detached(desk, ["resume", *words], [run])
    _prepare(dry_run)
    from kitchens.actions.orders.ordering import carry_out_order
    from kitchens.actions.orders.resuming import plan_resume

    plan = plan_resume(desk.house, run, again=again, jobs=jobs, assignments=assignments)
    return _foreseen(desk, plan) if dry_run else _answer(carry_out_order(desk.house, plan))


@click.command(cls=KitchenCommand, epilog=example("kitchen order cancel 01J2"))
@click.argument("run", shell_complete=complete.runs)
@click.pass_obj
def cancel(desk: Desk, run: str) -> Answer:
    """End an order run, with all that it started, and wait for that.

    What cleans up (`always`) still runs; a second `cancel` ends that too. An interrupted run is closed.
    """
    from kitchens.actions.orders.cancelling import cancel_order

    document = cancel_order(desk.house, run)
    return Answer(document, lambda: run_words(document))


def _answer(document: dict[str, Any]) -> Answer:
    status = 0 if document["status"] in ("passed", "warned") else EXIT_RED
    return Answer(document, lambda: run_words(document), status)


def _prepare(dry_run: bool) -> None:
    """Nothing waits for what starts meanwhile: half of a short run is the start of the program."""
    if not dry_run:
        from kitchens_engine.runtimes.spawner import prepare

        prepare()


def _foreseen(desk: Desk, plan: OrderPlan) -> Answer:
    from kitchens.actions.orders.foreseeing import foresee_order

    document = foresee_order(desk.house, plan)
    return Answer(document, lambda: plan_words(document))


def _words(options: dict[str, object]) -> list[str]:
    return [word for option, value in options.items() if value is not None for word in (option, str(value))]


def _detached(desk: Desk, options: list[str], arguments: list[str]) -> Answer:
    from kitchens.cli.detached import detached

    more = ["--json"] if desk.as_json else []
    more += ["--quiet"] if desk.quiet else []
    more += ["--events", desk.events] if desk.events else []
    return detached(desk, ["order", *options, *more, "--", *arguments])

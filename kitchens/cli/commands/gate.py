"""`kitchen test`, `preview`, `merge`, `promote` and `rollback`: what goes through the gate."""

from __future__ import annotations

from typing import Any

import click

from kitchens.cli import complete, show
from kitchens.cli.command import Answer, KitchenCommand, RunningCommand, example
from kitchens.cli.desk import Desk
from kitchens.cli.stop import stop_with_input
from kitchens.cli.words import EXIT_CONFLICT, EXIT_RED, EXIT_REFUSED

_STATUSES = {"red": EXIT_RED, "conflict": EXIT_CONFLICT, "refused": EXIT_REFUSED}


@click.command(
    cls=RunningCommand,
    epilog=example(
        "kitchen test",
        "kitchen test dev --all",
        "kitchen test --commit HEAD --into production",
        'kitchen test --commit HEAD --into production --format github --summary "$GITHUB_STEP_SUMMARY"',
    ),
)
@click.argument("name", required=False, shell_complete=complete.kitchens)
@click.option(
    "--recipe", metavar="R", shell_complete=complete.recipes, help="Only this recipe, changed or not."
)
@click.option(
    "--all", "everything", is_flag=True, help="Every recipe, not only those that differ from the target."
)
@click.option("--again", is_flag=True, help="Run what is attested already once more.")
@click.option("--commit", "revision", metavar="REV", help="Gate this commit instead of a kitchen's tip.")
@click.option(
    "--into", metavar="K", shell_complete=complete.kitchens, help="Under the rules of this kitchen."
)
@click.option("--bound", is_flag=True, hidden=True, help="Stop when standard input ends.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "github")),
    default="text",
    help="For people, or with annotations of a GitHub workflow too.",
)
@click.option("--summary", metavar="FILE", help="Add a page in Markdown to FILE.")
@click.pass_obj
def test(
    desk: Desk,
    name: str | None,
    recipe: str | None,
    everything: bool,
    again: bool,
    revision: str | None,
    into: str | None,
    bound: bool,
    form: str,
    summary: str | None,
) -> Answer:
    """Run the gate on a kitchen's committed tree under its parent's rules and settings. Nothing moves.

    In a GitHub workflow, `--format github` shows what is red at its line of the change, and
    `--summary "$GITHUB_STEP_SUMMARY"` makes the page of the run.
    """
    from kitchens.actions.gates.testing import carry_out_test, plan_test
    from kitchens.cli import workflow

    if bound:
        stop_with_input()
    page = None if summary is None else desk.folder / summary
    with workflow.reported(page, annotate=form == "github"):
        plan = plan_test(
            desk.house,
            name,
            recipe=recipe,
            everything=everything,
            again=again,
            revision=revision,
            into=into,
        )
        document = carry_out_test(desk.house, plan)
    if page is not None:
        workflow.write_page(page, workflow.page(document))

    def words() -> None:
        if form == "github":
            for line in workflow.of_gate(document["gate"]):
                click.echo(line)
        status = document["gate"]["status"]
        click.echo(f"{show.state(status)}: `{document['kitchen']}` at {show.short(document['commit'])}")
        show.gate(document["gate"])
        show.notes(document)

    return Answer(document, words, EXIT_RED if document["gate"]["status"] == "red" else 0)


@click.command(
    cls=KitchenCommand,
    epilog=example("kitchen preview late-evenings", "kitchen preview --all --into production"),
)
@click.argument("name", required=False, shell_complete=complete.kitchens)
@click.option("--into", metavar="K", shell_complete=complete.kitchens, help="The kitchen to land in.")
@click.option(
    "--all", "everything", is_flag=True, help="Every kitchen that has something new, each on its own."
)
@click.pass_obj
def preview(desk: Desk, name: str | None, into: str | None, everything: bool) -> Answer:
    """Show what a merge would do: files, conflicts, and which recipes would be gated and why.

    With --all, of every kitchen that has something which the target (default: production) lacks; a line each.
    """
    from kitchens.actions.landing.previewing import preview as act
    from kitchens.actions.landing.previewing import preview_all

    if everything == (name is not None):
        raise click.UsageError("name a kitchen, or give --all")
    if name is None:
        rows = preview_all(desk.house, into)
        return Answer(rows, lambda: _preview_table(rows))
    document = act(desk.house, name, into)

    def words() -> None:
        click.echo(f"`{document['kitchen']}` into `{document['into']}`")
        for conflict in document["conflicts"]:
            click.echo(f"  {show.state('conflict')} {show.path(conflict['path'])}: {conflict['kind']}")
        for file in document["files"]:
            before = f"{show.path(file['from'])} → " if "from" in file else ""
            click.echo(f"  {file['change']} {before}{show.path(file['path'])}")
        if "reconciled" in document:
            _reconciled_words(document)
        if "refused" in document:
            click.echo(f"  {show.state('refused')}: {document['refused']['why']}")
        for recipe in document["recipes"]:
            word = "would be gated" if recipe["gated"] else "not gated"
            click.echo(f"  {recipe['recipe']}: {word}: {recipe['why']}")

    return Answer(document, words, EXIT_CONFLICT if document["conflicts"] else 0)


def _preview_table(rows: list[dict[str, Any]]) -> None:
    if not rows:
        click.echo("nothing would land")
        return
    show.table(
        ("kitchen", "into", "files", "would be gated", "in the way"),
        [
            (
                row["kitchen"],
                row["into"],
                str(len(row["files"])),
                ", ".join(one["recipe"] for one in row["recipes"] if one["gated"]),
                _in_the_way(row),
            )
            for row in rows
        ],
    )


def _in_the_way(row: dict[str, Any]) -> str:
    if row["conflicts"]:
        paths = ", ".join(show.path(one["path"]) for one in row["conflicts"][:3])
        more = f" and {len(row['conflicts']) - 3} more" if len(row["conflicts"]) > 3 else ""
        return f"{show.state('conflict')}: {paths}{more}"
    if "why" in row:
        return str(row["why"])
    return str(row["refused"]["why"]) if "refused" in row else ""


@click.command(
    cls=RunningCommand, epilog=example("kitchen merge late-evenings", "kitchen merge production --into dev")
)
@click.argument("name", shell_complete=complete.kitchens)
@click.option(
    "--into",
    metavar="K",
    shell_complete=complete.kitchens,
    help="The kitchen to land in (default: its parent).",
)
@click.option("-m", "message", metavar="MESSAGE", help="The merge commit's message.")
@click.option(
    "--take-rollback", is_flag=True, help="Take away here, too, what a rollback of the kitchen above undid."
)
@click.pass_obj
def merge(desk: Desk, name: str, into: str | None, message: str | None, take_rollback: bool) -> Answer:
    """Merge a kitchen into its parent, through the gate.

    Every recipe that the change affects is tested in isolation on the exact tree that would land. Red: nothing
    moves. A rollback that comes down from the kitchen above does not take the kitchen's own work away, and the answer
    says so.
    """
    from kitchens.actions.landing.merging import merge as act

    return _moved(act(desk.house, name, into, message, take_rollback=take_rollback).document())


@click.command(cls=RunningCommand, epilog=example("kitchen promote dev", "kitchen promote dev --to test"))
@click.argument("name", shell_complete=complete.kitchens)
@click.option("--to", metavar="K", shell_complete=complete.kitchens, help="How far (default: production).")
@click.pass_obj
def promote(desk: Desk, name: str, to: str | None) -> Answer:
    """Move a kitchen's tip up towards production, stage by stage, fast-forward only, through every gate."""
    from kitchens.actions.landing.promoting import promote as act

    return _moved(act(desk.house, name, to).document())


@click.command(
    cls=RunningCommand,
    epilog=example("kitchen rollback production", 'kitchen rollback production --to HEAD~2 -m "late rows"'),
)
@click.argument("name", shell_complete=complete.kitchens)
@click.option(
    "--to", metavar="COMMIT", help="The commit whose tree comes back (default: before the last landing)."
)
@click.option("-m", "message", metavar="MESSAGE", help="The new commit's message.")
@click.pass_obj
def rollback(desk: Desk, name: str, to: str | None, message: str | None) -> Answer:
    """Restore an earlier tree of a kitchen as a new commit, through the gate (free when that tree is attested).

    History only grows. Rolled back once more, it goes further back.
    """
    from kitchens.actions.landing.rolling_back import roll_back

    return _moved(roll_back(desk.house, name, to, message).document())


def _moved(document: dict[str, Any]) -> Answer:
    def words() -> None:
        for stage in document.get("stages") or [document]:
            _stage_words(stage)

    return Answer(document, words, _STATUSES.get(document["status"], 0))


def _stage_words(document: dict[str, Any]) -> None:
    source, target = document["kitchen"], document["into"]
    status = show.state(document["status"])
    match document["status"]:
        case "merged" | "promoted":
            click.echo(
                f"{status}: `{target}` is at {show.short(document['commit'])}, which brings `{source}`"
            )
        case "rolled-back":
            click.echo(
                f"{status}: `{target}` is at {show.short(document['commit'])}, "
                f"with the tree of {show.short(document['restored'])}"
            )
        case "unchanged" if "restored" in document:
            click.echo(f"{status}: `{target}` has the tree of {show.short(document['restored'])} already")
        case "red" if source == target:
            click.echo(f"{status}: that tree did not pass the gate of `{target}`, which has not moved")
        case "unchanged":
            click.echo(f"{status}: `{target}` already contains `{source}`")
        case "red":
            click.echo(f"{status}: `{source}` did not pass the gate of `{target}`; `{target}` has not moved")
        case "conflict":
            paths = ", ".join(f"`{show.path(one['path'])}`" for one in document["conflicts"][:3])
            click.echo(f"{status}: `{source}` and `{target}` both changed {paths}; nothing was merged")
            click.echo(
                f'hint: `cd "$(kitchen path {source})" && git merge {target}`, settle it, and merge again',
                err=True,
            )
        case _:
            click.echo(f"{status}: {document['why']}")
            if document.get("hint"):
                click.echo(f"hint: {document['hint']}", err=True)
    if "reconciled" in document:
        _reconciled_words(document)
    show.gate(document["gate"])
    show.notes(document)


def _reconciled_words(document: dict[str, Any]) -> None:
    which = ", ".join(f"`{show.short(one)}`" for one in document["reconciled"])
    source, target = document["kitchen"], document["into"]
    click.echo(f"  reconciled: `{target}` keeps what rollback {which} undid in `{source}`")
    if document.get("status") != "merged":
        click.echo(
            f"hint: `kitchen merge {source} --into {target} --take-rollback` takes it away here too", err=True
        )

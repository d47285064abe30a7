"""`kitchen recipe check`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import click

from kitchens.cli import complete, show
from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.commands.recipe import folder_of
from kitchens.cli.desk import Desk
from kitchens.cli.words import EXIT_INVALID
from kitchens.cli.workflow import annotation
from kitchens_engine.errors import Fault


@click.command(
    cls=KitchenCommand,
    epilog=example(
        "kitchen recipe check", "kitchen recipe check delays --json", "kitchen recipe check --format github"
    ),
)
@click.argument("name", required=False, shell_complete=complete.recipes)
@click.option("--kitchen", metavar="K", shell_complete=complete.kitchens, help="In this kitchen's checkout.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "github")),
    default="text",
    help="For people, for programs, or as annotations of a GitHub workflow.",
)
@click.pass_obj
def check(desk: Desk, name: str | None, kitchen: str | None, form: str) -> Answer:
    """Find every fault in kitchens.toml and the recipes, with file, line and the nearest right spelling.

    Runs nothing and asks no network. Only errors make it fail; a warning is a doubt, and a note
    says what could not be looked at.
    """
    from kitchens.actions.cookbook.recipes import check_recipes

    registered = () if name else list(desk.house.registrations.all())
    folder = folder_of(desk, kitchen)
    faults = check_recipes(desk.house.source(folder, lenient=True), folder, name, registered)
    wrong = any(fault.severity == "error" for fault in faults)
    document = [fault._asdict() for fault in faults]
    words: dict[str, Callable[[], None]] = {
        "text": lambda: _text(faults),
        "json": lambda: click.echo(json.dumps(document, indent=2)),
        "github": lambda: _annotations(faults),
    }
    return Answer(document, words[form], EXIT_INVALID if wrong else 0)


def _text(faults: Sequence[Fault]) -> None:
    for fault in faults:
        place = f"{fault.file}:{fault.line}:{fault.column}"
        click.echo(f"{place}: {show.state(fault.severity)}: {fault.message}")
        if fault.hint:
            click.echo(f"    {fault.hint}")
    counts = [
        f"{len(found)} {severity}{'' if len(found) == 1 else 's'}"
        for severity in ("error", "warning", "note")
        if (found := [fault for fault in faults if fault.severity == severity])
    ]
    click.echo(", ".join(counts) or "no faults")


def _annotations(faults: Sequence[Fault]) -> None:
    for fault in faults:
        kind = "notice" if fault.severity == "note" else fault.severity
        text = f"{fault.message}\n{fault.hint}" if fault.hint else fault.message
        click.echo(
            annotation(kind, text, file=fault.file, line=fault.line, col=fault.column, title=fault.key)
        )

"""`kitchen create`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kitchens.cli import complete, show
from kitchens.cli.command import Answer, RunningCommand, example
from kitchens.cli.desk import Desk
from kitchens.cli.words import EXIT_RED

if TYPE_CHECKING:
    from kitchens.actions.life.creating import Created


@click.command(
    cls=RunningCommand,
    epilog=example(
        "kitchen create dev",
        "kitchen create late-evenings --from dev --ttl 7d",
        "kitchen create late-evenings --template schema --answer connection=warehouse",
        "kitchen create",
    ),
)
@click.argument("name", required=False)
@click.option(
    "--from", "parent", metavar="PARENT", shell_complete=complete.kitchens, help="The kitchen to start from."
)
@click.option(
    "--template",
    metavar="T",
    shell_complete=complete.kitchen_templates,
    help="What it is made from: one of the cookbook's `templates/`, or sandbox, postgres, schema.",
)
@click.option("--answer", "answers", multiple=True, metavar="K=V", help="An answer to the template.")
@click.option("--permanent", is_flag=True, help="A kitchen that lives on, such as dev or test.")
@click.option("--adopt", is_flag=True, help="Make a kitchen of an existing branch.")
@click.option("--ttl", metavar="7d", help="How long a sandbox lives.")
@click.option(
    "--data", metavar="copy|empty|recipe:R", help="Its first data (default: `[cookbook] data`, else empty)."
)
@click.option("--set", "assignments", multiple=True, metavar="K=V", help="A variable of its settings.")
@click.option("--no-test", is_flag=True, help="Do not run the gate on its tree.")
@click.pass_obj
def create(desk: Desk, /, name: str | None, answers: tuple[str, ...], no_test: bool, **said: Any) -> Answer:
    """Make a kitchen: a branch, its worktree, its settings; then run its gate.

    The kitchen is made even when its gate is red (one needs it to mend); then the exit status is 1. `--data
    recipe:R` runs recipe R in it first, for its data; when that fails the kitchen stays too. What a template made
    is taken back when a later step of it fails, and the kitchen goes with it.

    On a terminal it asks for what is not said: without NAME for everything.
    """
    from kitchens.actions.life.creating import Wanted
    from kitchens.actions.life.creating import create as act
    from kitchens.cli.wizard import ask, given, may_ask

    wanted = Wanted(name or "", answers=given(answers), **said)
    if name is None or (wanted.template is not None and may_ask(desk)):
        wanted = ask(desk, wanted, everything=name is None)
    done = act(desk.house, wanted, test=not no_test)
    document = done.document()

    def words() -> None:
        show_provision(done, document)
        if done.removed:
            return
        kind = "permanent kitchen" if done.registration.permanent else "kitchen"
        click.echo(f"{kind} `{wanted.name}` from `{done.registration.parent}` at {show.short(done.commit)}")
        click.echo(f"  {done.path}")
        if done.order is not None:
            order = done.order
            click.echo(f"  data: {show.state(order['status'])}  {order['recipe']}, run {order['run']}")
            if order["status"] not in ("passed", "warned"):
                click.echo(f"      its data is not whole: `kitchen order show {order['run']}`")
        show.gate(document["gate"])
        if done.gate.status == "red":
            click.echo(f"the gate of `{wanted.name}` is red; the kitchen is there to mend it")

    return Answer(document, words, EXIT_RED if done.red else 0)


def show_provision(done: Created, document: dict[str, Any]) -> None:
    """What a template ran, and how that ended."""
    for step in document.get("provision", ()):
        status = {"done": "passed", "undone": "failed"}.get(step["status"], step["status"])
        taken = "" if step["undone_by"] is None else f", taken back by run {step['undone_by']}"
        click.echo(f"{show.state(status)}  {step['ingredient']}, run {step['run']}{taken}")
    if done.removed:
        click.echo(
            f"template `{document['template']}` failed; what it made was taken back, and no kitchen was left"
        )

"""`kitchen up`, `down`, `pause`, `resume`, `port`, `logs`, `exec`, `shell` and `cp`: the containers of a kitchen."""

from __future__ import annotations

from typing import Any

import click

from kitchens.cli import complete, show
from kitchens.cli.command import Answer, KitchenCommand, echo_lines, example
from kitchens.cli.desk import Desk


@click.command(cls=KitchenCommand, epilog=example("kitchen up late-evenings", "kitchen up dev --json"))
@click.argument("name", shell_complete=complete.kitchens)
@click.pass_obj
def up(desk: Desk, name: str) -> Answer:
    """Start a kitchen's services, and wait until all are ready.

    What runs already stays; what changed in `kitchens.toml` is made anew, on the same volumes. A service that does
    not become ready is shown with its last lines: exit status 1, or 5 when it once was ready as it is.
    """
    from kitchens.actions.services.living import up as act
    from kitchens.actions.services.states import NotReady
    from kitchens.cli.words import EXIT_RED, say_error

    status = 0
    try:
        document = act(desk.house, name)
    except NotReady as red:
        document, status = {**red.about, "why": red.message}, EXIT_RED
        if not desk.as_json:
            say_error(red)

    def words() -> None:
        if not document["services"]:
            click.echo(f"`{name}` has no services")
            return
        show.table(
            ("service", "state", "port", "image", "took"),
            [
                (
                    one["name"],
                    show.state(one["status"]),
                    one["address"] or "",
                    one["image"],
                    show.seconds(one["seconds"]),
                )
                for one in document["services"]
            ],
        )
        for one in document["services"]:
            for line in one["log"]:
                click.echo(f"{one['name']} | {line}")

    return Answer(document, words, status)


@click.command(cls=KitchenCommand, epilog=example("kitchen down late-evenings", "kitchen down dev --volumes"))
@click.argument("name", shell_complete=complete.kitchens)
@click.option("--volumes", is_flag=True, help="Also remove what its services stored.")
@click.pass_obj
def down(desk: Desk, name: str, volumes: bool) -> Answer:
    """Remove a kitchen's containers and networks; what its services stored stays."""
    from kitchens.actions.services.living import down as act

    document = act(desk.house, name, volumes=volumes)

    def words() -> None:
        counts = ", ".join(f"{document[what]} {what}" for what in ("containers", "networks", "volumes"))
        click.echo(f"`{name}` is down; removed: {counts}")

    return Answer(document, words)


@click.command(cls=KitchenCommand, epilog=example("kitchen pause late-evenings"))
@click.argument("name", shell_complete=complete.kitchens)
@click.pass_obj
def pause(desk: Desk, name: str) -> Answer:
    """Freeze a kitchen's services: they keep their memory and take no processor."""
    from kitchens.actions.services.living import pause as act

    return _changed(act(desk.house, name))


@click.command(cls=KitchenCommand, epilog=example("kitchen resume late-evenings"))
@click.argument("name", shell_complete=complete.kitchens)
@click.pass_obj
def resume(desk: Desk, name: str) -> Answer:
    """Let a kitchen's paused services go on."""
    from kitchens.actions.services.living import resume as act

    return _changed(act(desk.house, name))


def _changed(document: dict[str, Any]) -> Answer:
    names = ", ".join(document["services"])
    return Answer(document, echo_lines([f"`{document['kitchen']}` is {document['status']}: {names}"]))

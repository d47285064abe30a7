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
    """Start a kitchen's services and its toolchain, and wait until all are ready.

    Orders, `exec` and `shell` run in that toolchain then, without a container of their own. What runs already stays; what changed in `kitchens.toml` is made anew, on the same volumes. A service that does
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
        if document["status"] == "unchanged":
            click.echo(f"`{name}` has no containers: it has no services, and its nodes are processes")
            return
        if not document["services"]:
            click.echo(f"`{name}` is up: its toolchain is ready")
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
    """Freeze a kitchen's containers: they keep their memory and take no processor."""
    from kitchens.actions.services.living import pause as act

    return _changed(act(desk.house, name))


@click.command(cls=KitchenCommand, epilog=example("kitchen resume late-evenings"))
@click.argument("name", shell_complete=complete.kitchens)
@click.pass_obj
def resume(desk: Desk, name: str) -> Answer:
    """Let a kitchen's paused containers go on."""
    from kitchens.actions.services.living import resume as act

    return _changed(act(desk.house, name))


def _changed(document: dict[str, Any]) -> Answer:
    names = ", ".join(document["services"]) or "its toolchain"
    return Answer(document, echo_lines([f"`{document['kitchen']}` is {document['status']}: {names}"]))


@click.command(cls=KitchenCommand, epilog=example("kitchen port dev", "kitchen port dev warehouse"))
@click.argument("name", shell_complete=complete.kitchens)
@click.argument("service", required=False, shell_complete=complete.services)
@click.pass_obj
def port(desk: Desk, name: str, service: str | None) -> Answer:
    """Print where a kitchen's services answer on this machine; of one service, only the address."""
    from kitchens.actions.services.looking import ports

    found = ports(desk.house, name, service)
    label = "" if service else "{service}  "
    lines = [f"{label}{{address}}".format(**one) for one in found]
    return Answer(found, echo_lines(lines))


@click.command(
    cls=KitchenCommand,
    epilog=example("kitchen logs dev", "kitchen logs dev warehouse --follow", "kitchen logs dev -n 20"),
)
@click.argument("name", shell_complete=complete.kitchens)
@click.argument("service", required=False, shell_complete=complete.services)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until the services end.")
@click.option("-n", "--lines", type=click.IntRange(min=0), metavar="N", help="Only the last N lines of each.")
@click.pass_obj
def logs(desk: Desk, name: str, service: str | None, follow: bool, lines: int | None) -> Answer | int:
    """Show what a kitchen's services wrote; secrets are `***`."""
    from kitchens.actions.services.looking import logs as read

    found = read(desk.house, name, service, lines=lines, follow=follow)
    if desk.as_json and not follow:
        document = [{"service": each, "line": line.decode("utf-8", "replace")} for each, line in found]
        return Answer(document, echo_lines([]))
    for each, line in found:
        click.echo((b"" if service else f"{each} | ".encode()) + line)
    return 0


@click.command(
    "exec",
    cls=KitchenCommand,
    epilog=example(
        "kitchen exec dev -- python --version", "kitchen exec dev --service warehouse -- psql -U postgres"
    ),
)
@click.argument("name", shell_complete=complete.kitchens)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "--service",
    metavar="S",
    shell_complete=complete.services,
    help="In this service instead of the toolchain.",
)
@click.pass_obj
def exec_command(desk: Desk, name: str, command: tuple[str, ...], service: str | None) -> Answer | int:
    """Run a command in a kitchen: in its toolchain, with its checkout and its services, or in one of the services.

    The exit status is the command's own.
    """
    return _enter(desk, name, service, command)


@click.command(
    cls=KitchenCommand, epilog=example("kitchen shell late-evenings", "kitchen shell dev --service warehouse")
)
@click.argument("name", shell_complete=complete.kitchens)
@click.option(
    "--service",
    metavar="S",
    shell_complete=complete.services,
    help="In this service instead of the toolchain.",
)
@click.pass_obj
def shell(desk: Desk, name: str, service: str | None) -> Answer | int:
    """Open a shell in a kitchen: in its toolchain, with its checkout and its services, or in one of the services."""
    from kitchens.actions.services.entering import SHELL

    return _enter(desk, name, service, SHELL)


def _enter(desk: Desk, name: str, service: str | None, command: tuple[str, ...]) -> Answer | int:
    import sys

    from kitchens.actions.services.entering import inside
    from kitchens.cli.talking import talk_in_pipe, talk_on_terminal

    said = b""
    with inside(desk.house, name, service) as place:
        terminal = not desk.as_json and sys.stdin.isatty() and sys.stdout.isatty()
        if place.engine is None:
            sys.stdout.flush()
            status, said = place.run_here(command, capture=desk.as_json)
        elif terminal:
            status = talk_on_terminal(place.start(command, terminal=True))
        else:
            status, said = talk_in_pipe(place.start(command, terminal=False), hear=not desk.as_json)
    if not desk.as_json:
        return status
    document = {
        "kitchen": name,
        "service": service,
        "command": list(command),
        "status": status,
        "output": said.decode("utf-8", "replace"),
    }
    return Answer(document, echo_lines([]), status)


@click.command(
    cls=KitchenCommand,
    epilog=example("kitchen cp dev warehouse:/tmp/dump.sql .", "kitchen cp dev prices.csv warehouse:/tmp/"),
)
@click.argument("name", shell_complete=complete.kitchens)
@click.argument("source")
@click.argument("target")
@click.pass_obj
def cp(desk: Desk, name: str, source: str, target: str) -> Answer:
    """Copy a file or folder out of a kitchen's service (SERVICE:/PATH), or into it."""
    from kitchens.actions.services.entering import copy

    document = copy(desk.house, name, source, target)
    return Answer(document, echo_lines([f"{document['from']} → {document['to']}"]))

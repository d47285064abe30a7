"""`kitchen list`, `show`, `path` and `diff`."""

from __future__ import annotations

import sys
from typing import Any

import click

from kitchens.cli import complete, show
from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.desk import Desk


@click.command(
    "list", cls=KitchenCommand, epilog=example("kitchen list", "kitchen list --json | jq '.[].name'")
)
@click.pass_obj
def list_command(desk: Desk) -> Answer:
    """List the kitchens."""
    from kitchens.actions.life.listing import list_kitchens

    documents = list_kitchens(desk.house)

    def words() -> None:
        show.table(
            ("kitchen", "parent", "kind", "commit", "ahead", "behind", "state", "path"),
            [
                (
                    row["name"],
                    row["parent"] or "",
                    row["kind"],
                    show.short(row["commit"]),
                    str(row["ahead"]),
                    str(row["behind"]),
                    row["state"],
                    row["path"] or "",
                )
                for row in documents
            ],
        )

    return Answer(documents, words)


@click.command("show", cls=KitchenCommand, epilog=example("kitchen show dev"))
@click.argument("name", shell_complete=complete.kitchens)
@click.pass_obj
def show_command(desk: Desk, name: str) -> Answer:
    """Show one kitchen."""
    from kitchens.actions.life.listing import show_kitchen

    document = show_kitchen(desk.house, name)

    def words() -> None:
        for key, value in document.items():
            if key == "toolchain" and value is not None:
                click.echo(f"{key:<10} {value['state']} {show.size(value['memory'])}".rstrip())
            elif key != "services":
                click.echo(f"{key:<10} {_text(value)}".rstrip())
        if document["services"]:
            click.echo("")
            show.table(
                ("service", "state", "port", "memory", "disk", "image"),
                [
                    (
                        one["name"],
                        show.state(one["state"]),
                        one["address"] or "",
                        show.size(one["memory"]),
                        show.size(one["disk"]),
                        one["image"][7:19],
                    )
                    for one in document["services"]
                ],
            )

    return Answer(document, words)


@click.command(cls=KitchenCommand, epilog=example('cd "$(kitchen path dev)"'))
@click.argument("name", shell_complete=complete.kitchens)
@click.pass_obj
def path(desk: Desk, name: str) -> Answer:
    """Print where a kitchen's checkout lies."""
    from kitchens.actions.kitchens import Kitchens

    found = Kitchens(desk.house).checkout(name)
    return Answer({"kitchen": name, "path": str(found)}, lambda: click.echo(str(found)))


@click.command(
    cls=KitchenCommand, epilog=example("kitchen diff late-evenings", "kitchen diff late-evenings --stat")
)
@click.argument("name", shell_complete=complete.kitchens)
@click.option("--stat", is_flag=True, help="Only the files and how much changed in each.")
@click.pass_obj
def diff(desk: Desk, name: str, stat: bool) -> Answer:
    """Show what a kitchen changed since it left its parent."""
    from kitchens.actions.life.listing import diff_range
    from kitchens.git.history import copy_diff

    base, tip, files = diff_range(desk.house, name)

    def words() -> None:
        colour = "always" if sys.stdout.isatty() and "NO_COLOR" not in desk.environment else "never"
        style = "--stat" if stat else "--patch"
        sys.stdout.flush()
        copy_diff(desk.house.repository, base, tip, sys.stdout.buffer, f"--color={colour}", style)

    return Answer({"kitchen": name, "base": base, "commit": tip, "files": files}, words)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}={inner}" for key, inner in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(str(inner) for inner in value) or "-"
    return str(value)

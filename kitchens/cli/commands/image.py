"""`kitchen image list`, `build` and `prune`."""

from __future__ import annotations

from typing import Any

import click

from kitchens.cli import complete, show
from kitchens.cli.command import Answer, KitchenCommand, LazyGroup, example
from kitchens.cli.desk import Desk
from kitchens_engine.errors import InvalidInput

_COMMANDS = {
    "list": ("image", "List the images of toolchains and services, and which kitchens need them."),
    "build": ("image", "Make a kitchen's toolchain image beforehand."),
    "prune": ("image", "Remove the images that no kitchen needs any more."),
}
_MEGABYTE = 1_000_000


@click.group(cls=LazyGroup, table=_COMMANDS)
def image() -> None:
    """The images that kitchens run in. One with the same content is made once and shared by all."""


_keep = click.option(
    "--keep",
    metavar="TIME",
    default="7d",
    show_default=True,
    help="An image that a run used within this time is kept.",
)
_dry_run = click.option("--dry-run", is_flag=True, help="Only say what would be done.")


@click.command("list", cls=KitchenCommand, epilog=example("kitchen image list"))
@_keep
@click.pass_obj
def list_command(desk: Desk, keep: str) -> Answer:
    """List our images on the engine, of toolchains and of services that are built, and those that a kitchen's tip needs and
    nobody made yet."""
    from kitchens.actions.cookbook.images import list_images

    rows = list_images(desk.house, _seconds(keep))
    return Answer(rows, lambda: _table(rows))


@click.command(
    cls=KitchenCommand,
    epilog=example("kitchen image build", "kitchen image build dev", "kitchen image build dev --dry-run"),
)
@click.argument("name", required=False, shell_complete=complete.kitchens)
@_dry_run
@click.pass_obj
def build(desk: Desk, name: str | None, dry_run: bool) -> Answer:
    """Make the toolchain image that a kitchen's tip needs, where it is not there yet.

    Without NAME that of the checkout around you, uncommitted edits included.
    """
    from kitchens.actions.cookbook.images import build_image

    row = build_image(desk.house, name, dry_run=dry_run)
    identity = f"  {show.digest(row['id'])}" if row["id"] else ""
    return Answer(row, lambda: click.echo(f"{row['status']}: {row['image']}{identity}"))


@click.command(
    cls=KitchenCommand,
    epilog=example("kitchen image prune --dry-run", "kitchen image prune --keep 1d"),
)
@_keep
@_dry_run
@click.pass_obj
def prune(desk: Desk, keep: str, dry_run: bool) -> Answer:
    """Remove the images that no kitchen's tip needs and no recent run used.

    What another cookbook uses, and what was made by somebody else, stays.
    """
    from kitchens.actions.cookbook.images import prune_images

    document = prune_images(desk.house, _seconds(keep), dry_run=dry_run)

    def words() -> None:
        for row in document["images"]:
            click.echo(f"{row['status']}: {row['image']}  {_size(row['size'])}, used {row['used']}")
        if not document["images"]:
            click.echo("every image is needed, was used of late, or is somebody else's: nothing to remove")

    return Answer(document, words)


def _seconds(keep: str) -> float:
    from kitchens_engine.durations import seconds

    try:
        return seconds(keep)
    except ValueError as error:
        raise InvalidInput(f"`--keep {keep}`: {error}", code="usage") from None


def _table(rows: list[dict[str, Any]]) -> None:
    show.table(
        ("image", "id", "from", "size", "used", "state", "kitchens"),
        [
            (
                row["image"],
                show.digest(row["id"] or ""),
                row["from"] or "",
                _size(row["size"]),
                row["used"] or "",
                row["state"],
                _some(row["kitchens"]),
            )
            for row in rows
        ],
    )


def _some(names: list[str]) -> str:
    """The first three, and how many more."""
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")


def _size(size: int | None) -> str:
    return "" if size is None else f"{size / _MEGABYTE:.0f} MB"

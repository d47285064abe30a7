"""`kitchen prune` and `repair`."""

from __future__ import annotations

from typing import Any

import click

from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.desk import Desk
from kitchens.cli.words import EXIT_REFUSED

_DRY = click.option("--dry-run", is_flag=True, help="Only say what would be done.")


@click.command(cls=KitchenCommand, epilog=example("kitchen prune --dry-run", "kitchen prune --merged"))
@click.option("--merged", is_flag=True, help="Also sandboxes whose work has landed in their parent.")
@click.option("--force", is_flag=True, help="Even with unmerged commits or uncommitted files.")
@_DRY
@click.pass_obj
def prune(desk: Desk, merged: bool, force: bool, dry_run: bool) -> Answer:
    """Remove what has had its time.

    That is: sandboxes whose `--ttl` ended, services that are idle, tips of kitchens that were deleted over 30 days ago,
    checkouts that nobody used for a week, and toolchains of the process runtime that nobody used for a month. A kitchen with work
    that is nowhere else is kept (exit 4) without `--force`.
    """
    from kitchens.actions.life.pruning import prune as act

    return _answer(act(desk.house, merged=merged, force=force, dry_run=dry_run), "nothing has had its time")


@click.command(cls=KitchenCommand, epilog=example("kitchen repair --dry-run", "kitchen repair"))
@_DRY
@click.pass_obj
def repair(desk: Desk, dry_run: bool) -> Answer:
    """Adopt or remove what a crash left, by what refs, folders and labels say.

    Every command finishes or undoes what was cut off; this one also looks for what nobody wrote down. Work is
    adopted, never removed: what might be yours is kept, and named.
    """
    from kitchens.actions.life.repairing import repair as act

    return _answer(act(desk.unhealed, dry_run=dry_run), "nothing is to be repaired")


def _answer(document: dict[str, Any], nothing: str) -> Answer:
    def words() -> None:
        for one in document["findings"]:
            did = one["did"] if one["did"] == "kept" or not document["dry_run"] else f"would be {one['did']}"
            click.echo(f"{did}: {one['kind']} {one['name']} ({one['why']})")
        if not document["findings"]:
            click.echo(nothing)

    return Answer(document, words, EXIT_REFUSED if document["status"] == "refused" else 0)

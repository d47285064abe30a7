"""`kitchen delete`."""

from __future__ import annotations

import click

from kitchens.cli import complete
from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.desk import Desk


@click.command(cls=KitchenCommand, epilog=example("kitchen delete late-evenings"))
@click.argument("name", shell_complete=complete.kitchens)
@click.option("--force", is_flag=True, help="Even with unmerged commits or uncommitted files.")
@click.pass_obj
def delete(desk: Desk, name: str, force: bool) -> Answer:
    """Delete a kitchen with its worktree and data. Its tip stays 30 days in `refs/deleted/`."""
    from kitchens.actions.life.deleting import delete as carry_out

    document = carry_out(desk.house, name, force=force)

    def words() -> None:
        click.echo(f"deleted `{name}`; its tip stays as {document['kept']}")

    return Answer(document, words)

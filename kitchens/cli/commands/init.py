"""`kitchen init`."""

from __future__ import annotations

from pathlib import Path

import click

from kitchens.cli import complete
from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.desk import Desk


@click.command(cls=KitchenCommand, epilog=example("kitchen init flights --template flights", "kitchen init"))
@click.argument("directory", required=False, metavar="[DIR]", type=click.Path(path_type=Path))
@click.option(
    "--template",
    metavar="T",
    shell_complete=complete.templates,
    help="The template to copy (default: basic).",
)
@click.option("--production", metavar="BRANCH", help="The branch that is production.")
@click.pass_obj
def init(desk: Desk, directory: Path | None, template: str | None, production: str | None) -> Answer:
    """Make a cookbook, or turn this repository into one.

    An empty or missing DIR becomes a repository with a recipe that runs at once. An existing repository is
    adopted: files are added, none is changed, and the commit is left to you. A clone of a cookbook that names a
    remote joins: the kitchens that the team shares there become kitchens here. No git setting of yours is changed.
    """
    from kitchens.actions.cookbook.initialising import init as act

    folder = desk.folder / directory if directory else desk.folder
    joined = _joined(desk, folder)
    done = act(
        folder,
        template,
        production,
        desk.environment,
        desk.now(),
    )

    def words() -> None:
        if done.commit:
            click.echo(f"cookbook `{done.cookbook}` is ready in {done.path}")
            click.echo(
                f"its production is the branch `{done.production}`; {len(done.added)} files are committed"
            )
            return
        click.echo(f"`{done.production}` is production of cookbook `{done.cookbook}` in {done.path}")
        if joined is not None:
            click.echo(f"joined the kitchens at `{joined}`; `kitchen list` shows those that are here")
        for path in done.added:
            click.echo(f"  added {path}")
        for path in done.kept:
            click.echo(f"  kept  {path}")
        if done.lacks:
            click.echo(
                f"the recipes of `{done.template}` need `{done.lacks}` in `[runtime]` of your kitchens.toml"
            )
        if done.added:
            click.echo("nothing was committed: look at the files, then `git add` and `git commit` them")

    return Answer({**done.document(), "joined": joined}, words)


def _joined(desk: Desk, folder: Path) -> str | None:
    """The remote whose kitchens were fetched: in a clone of a cookbook that names one."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    from kitchens.actions.sharing.arriving import join
    from kitchens.git.repository import open_repository
    from kitchens_engine.errors import InvalidInput

    try:
        repository = open_repository(folder, desk.environment)
    except InvalidInput:
        # What is wrong with it is said by whoever works in it.
        return None
    with repository:
        arrival = join(desk.house_of(repository))
    return arrival.remote if arrival is not None and arrival.shared else None

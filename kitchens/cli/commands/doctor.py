"""`kitchen doctor`."""

from __future__ import annotations

import click

from kitchens.cli import show
from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.desk import Desk
from kitchens.cli.words import EXIT_INVALID


@click.command(cls=KitchenCommand, epilog=example("kitchen doctor"))
@click.pass_obj
def doctor(desk: Desk) -> Answer:
    """Check the machine and the cookbook: git, Docker, disk, identity, recipes, kitchens."""
    from kitchens.actions.cookbook.diagnosing import diagnose

    findings = diagnose(lambda: desk.house, desk.folder, desk.cache, desk.environment)
    wrong = any(finding["status"] == "error" for finding in findings)

    def words() -> None:
        for finding in findings:
            click.echo(f"{show.state(finding['status']):<8} {finding['name']}: {finding['message']}")
            if finding["hint"]:
                click.echo(f"         {finding['hint']}")

    return Answer(findings, words, EXIT_INVALID if wrong else 0)

"""The tree of commands."""

from __future__ import annotations

import click

from kitchens import __version__
from kitchens.cli.command import LazyGroup

_COMMANDS = {
    "init": ("init", "Make a cookbook, or turn this repository into one."),
    "create": ("create", "Make a kitchen: a branch, its worktree, its settings; then run its gate."),
    "list": ("look", "List the kitchens."),
    "show": ("look", "Show one kitchen."),
    "path": ("look", "Print where a kitchen's checkout lies."),
    "diff": ("look", "Show what a kitchen changed since it left its parent."),
    "up": ("containers", "Start a kitchen's services, and wait until all are ready."),
    "down": ("containers", "Remove a kitchen's containers and networks."),
    "port": ("containers", "Print where a kitchen's services answer on this machine."),
    "logs": ("containers", "Show what a kitchen's services wrote."),
    "shell": ("containers", "Open a shell in a kitchen, or in one of its services."),
    "exec": ("containers", "Run a command in a kitchen, or in one of its services."),
    "cp": ("containers", "Copy files out of a kitchen's service, or into it."),
    "pause": ("containers", "Freeze a kitchen's services."),
    "resume": ("containers", "Let a kitchen's paused services go on."),
    "set": ("settings", "Set variables of a kitchen."),
    "unset": ("settings", "Remove variables from a kitchen's settings."),
    "settings": ("settings", "Show a kitchen's settings."),
    "why": ("explain", "Show who gave a kitchen its settings, and which recipes read them."),
    "recipe": ("recipe", "Look at recipes and check them."),
    "order": ("order", "Run recipes and look at what ran."),
    "vault": ("vault", "Keep secrets; recipes hold references only."),
    "test": ("gate", "Run the gate on a kitchen; nothing moves."),
    "preview": ("gate", "Show what a merge would do."),
    "merge": ("gate", "Merge a kitchen into its parent, through the gate."),
    "promote": ("gate", "Move a kitchen's tip up towards production, through every gate."),
    "queue": ("queue", "Bring many changes in at once: each lands, or is named with what failed."),
    "rollback": ("gate", "Restore an earlier tree of a kitchen as a new commit, through the gate."),
    "history": ("proof", "Show how a kitchen came to its tip."),
    "verify": ("proof", "Prove from git alone that every landed commit passed its gate."),
    "sync": ("sync", "Bring this clone and the cookbook's remote together."),
    "hook": ("hook", "Let the team's repository guard its protected kitchens."),
    "delete": ("delete", "Delete a kitchen; no work is lost."),
    "prune": ("upkeep", "Remove what has had its time: expired kitchens, old tips, unused checkouts."),
    "repair": ("upkeep", "Adopt or remove what a crash left, and say each thing."),
    "schema": ("schema", "Print the formats of the files as JSON Schemas, or set up the editor."),
    "lock": ("lock", "Pin ingredients of other repositories, and images, in kitchens.lock."),
    "image": ("image", "Toolchain images: list them, make them beforehand, remove what nobody needs."),
    "doctor": ("doctor", "Check the machine and the cookbook."),
    "completion": ("completion", "Print the shell completion script."),
}


@click.command(
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`kitchen COMMAND --help` shows a command's options and examples.",
)
@click.version_option(version=__version__, prog_name="kitchen", message="%(prog)s %(version)s")
def kitchen() -> None:
    """Every change to a data pipeline gets a kitchen; only tested trees reach production."""

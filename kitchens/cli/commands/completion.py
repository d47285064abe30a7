"""`kitchen completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from kitchens.cli.command import Answer, KitchenCommand, example


@click.command(
    cls=KitchenCommand,
    epilog=example(
        'eval "$(kitchen completion bash)"',
        "kitchen completion fish > ~/.config/fish/completions/kitchen.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> Answer:
    """Print the completion script of a shell; source it in its start-up file.

    For fish save it as a file of that name: fish has one for another program called `kitchen`, which it reads otherwise.
    """
    found = get_completion_class(shell)
    assert found is not None
    script = found(context.find_root().command, {}, "kitchen", "_KITCHEN_COMPLETE").source()
    return Answer({"shell": shell, "script": script}, lambda: click.echo(script))

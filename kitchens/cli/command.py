"""What every command shares: `-C DIR`, `--json`, and one way to answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from kitchens.cli.desk import Desk
from kitchens.cli.streams import give_up_stdout
from kitchens.cli.words import from_os_error
from kitchens_engine.errors import EnvironmentFailure
from kitchens_engine.tuples import NamedTuple


class Answer(NamedTuple):
    """A command's answer: the document for `--json`, the words for people, and the exit status."""

    document: Any
    words: Callable[[], None]
    status: int = 0


def _as_json(document: Any, indent: int | None) -> str:
    """One JSON document; what JSON cannot carry as it is (dates, infinities) as the engine writes it elsewhere."""
    try:
        return json.dumps(document, indent=indent, default=_json_safe, allow_nan=False)
    except ValueError:
        return json.dumps(_json_safe(document), indent=indent)


def _json_safe(value: Any) -> Any:
    # Few documents hold such a thing.
    from kitchens_engine.values import json_safe

    return json_safe(value)


class KitchenCommand(click.Command):
    """A command that takes `-C` and `--json` and returns an `Answer`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params += _shared()

    def invoke(self, context: click.Context) -> Any:
        """Give the command its desk, and show what it answers."""
        desk = Desk(
            directory=context.meta.get("kitchens.start"),
            as_json=bool(context.meta.get("kitchens.as_json")),
            stop=context.find_root().obj,
            quiet=bool(context.meta.get("kitchens.quiet")),
            events=context.meta.get("kitchens.events"),
            announce=context.meta.get("kitchens.announce"),
        )
        context.obj = desk
        try:
            if desk.events is not None:
                # A file that cannot be written is said before anything runs.
                _ = desk.observer
            answer = super().invoke(context)
        finally:
            desk.close()
        if not isinstance(answer, Answer):
            return answer
        try:
            if desk.as_json:
                click.echo(_as_json(answer.document, 2 if sys.stdout.isatty() else None))
            else:
                answer.words()
        except BrokenPipeError:
            # Who read it went away (`| head`); what is red stays red.
            give_up_stdout()
        except OSError as error:
            raise _unanswered(error, answer.status) from error
        return answer.status


def _unanswered(error: OSError, status: int) -> Exception:
    """What is said where nobody can read the answer of a command that has done its work."""
    known = from_os_error(error)
    if known is None:
        return error
    return EnvironmentFailure(
        f"the command has done its work, and its answer cannot be written: {known.message}",
        f"its exit status would have been {status}",
        code="answer",
    )


class RunningCommand(KitchenCommand):
    """A command that may run recipes: it also takes `--quiet` and `--events`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params += [
            click.Option(
                ["-q", "--quiet"],
                is_flag=True,
                expose_value=False,
                callback=_keep,
                help="No progress: only the result and errors.",
            ),
            click.Option(
                ["--events"],
                metavar="FILE",
                expose_value=False,
                callback=_keep,
                help="Write what happens to FILE as JSON Lines (`-`: to stderr, instead of progress).",
            ),
        ]


class DetachableCommand(RunningCommand):
    """A running command that `kitchens.cli.detached` can start in a session of its own."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params.append(
            click.Option(["--announce"], type=int, hidden=True, expose_value=False, callback=_keep)
        )


def _shared() -> list[click.Parameter]:
    """`-C` and `--json`, which may stand before the command or behind it."""
    return [
        click.Option(
            ["-C", "start"],
            metavar="DIR",
            expose_value=False,
            callback=_keep,
            help="Work as if started in DIR.",
        ),
        click.Option(
            ["--json", "as_json"],
            is_flag=True,
            expose_value=False,
            callback=_keep,
            help="Answer with one JSON document.",
        ),
    ]


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    if value:
        # Click shares `meta` between a command and the groups above it.
        context.meta[f"kitchens.{parameter.name}"] = value
    return value


class LazyGroup(click.Group):
    """A group that imports a command only when it is used; its one-line help stands in the table.

    `table` maps a command's name to its module and help; in the module the attribute has the command's name, or
    that and `_command` where the name would hide something.
    """

    def __init__(self, *args: Any, table: dict[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self._table = table
        self.params += _shared()

    def list_commands(self, context: click.Context) -> list[str]:
        """The names in the table's order, which is the order of use."""
        return list(self._table)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import and return the command."""
        if name not in self._table:
            return None
        import importlib

        module = importlib.import_module(f"kitchens.cli.commands.{self._table[name][0]}")
        own = getattr(module, f"{name}_command", None)
        command: click.Command = own if own is not None else getattr(module, name)
        return command

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        """Name the nearest command when there is none of that name."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self._table:
            from kitchens_engine.errors import InvalidInput
            from kitchens_engine.toml.nearest import did_you_mean

            near = None if name == "help" else did_you_mean(name, self._table)
            hint = near or f"`{context.command_path} --help` lists the commands"
            raise InvalidInput(f"there is no command `{context.command_path} {name}`", hint, code="usage")
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in self._table.items()])


def example(*lines: str) -> str:
    """The examples at the end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def echo_lines(lines: Sequence[str]) -> Callable[[], None]:
    """Words for people: these lines."""
    return lambda: click.echo("\n".join(lines)) if lines else None

"""One run of the command line, from words to an exit status."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from kitchens.cli.commands.tree import kitchen
from kitchens.cli.stop import StopSignal
from kitchens.cli.streams import give_up_stdout, open_streams
from kitchens.cli.words import EXIT_BUG, EXIT_INVALID, error_document, exit_status, from_os_error, say_error
from kitchens_engine.errors import EnvironmentFailure, Interrupted, InvalidInput, KitchensError

_INTERRUPTED = Interrupted("interrupted; nothing half-done is left")
_TOO_DEEP = InvalidInput(
    "something in this cookbook is nested too deeply", "`kitchen recipe check` looks for it"
)
_QUOTED = re.compile(r"'([^'`]*)'(?!\w)")


def run(words: Sequence[str]) -> int:
    """Run the command that `words` name. Every error becomes one sentence and its exit status."""
    open_streams()
    as_json = _wants_json(words)
    # click knows nothing of NO_COLOR, nor of terminals that show a colour's signs as they are. The outer context is
    # that of errors, which end the command's own.
    colour = False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
    outer = click.Context(kitchen, info_name="kitchen", color=colour)
    code: object = 0
    with StopSignal.installed() as stop, outer.scope(cleanup=False):
        try:
            with stop.interrupting():
                code = kitchen.main(
                    args=list(words), prog_name="kitchen", standalone_mode=False, obj=stop, color=colour
                )
                sys.stdout.flush()
        except click.exceptions.Exit as done:
            return done.exit_code
        except click.ClickException as error:
            return _usage(error, as_json)
        except EnvironmentFailure as error:
            # A terminal's ^C also ends the git that we wait for, and may be seen there first.
            return _said(_INTERRUPTED if stop.event.is_set() else error, as_json)
        except KitchensError as error:
            return _said(error, as_json)
        except (KeyboardInterrupt, click.Abort):
            return _said(_INTERRUPTED, as_json)
        except (BrokenPipeError, SystemExit):
            # The reader went away (`kitchen list | head`), for which click exits with 1, our red: as every Unix
            # filter, end without a word.
            give_up_stdout()
        except OSError as error:
            known = from_os_error(error)
            return _bug(error, as_json) if known is None else _said(known, as_json)
        except UnicodeEncodeError as error:
            known = _no_text(words)
            return _bug(error, as_json) if known is None else _said(known, as_json)
        except RecursionError:
            return _said(_TOO_DEEP, as_json)
        except Exception as error:
            if isinstance(error.__cause__, KeyboardInterrupt):
                # Python 3.11 wraps what is raised while it makes a class.
                return _said(_INTERRUPTED, as_json)
            return _bug(error, as_json)
    return code if isinstance(code, int) else 0


def _wants_json(words: Sequence[str]) -> bool:
    """Whether errors must be documents too; looked up before parsing, which may be what fails."""
    before = list(words)[: words.index("--")] if "--" in words else words
    return "--json" in before


def _no_text(words: Sequence[str]) -> KitchensError | None:
    """The word of the command line that holds bytes which are no UTF-8, where it matters: not every path is text."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            shown = word.encode("utf-8", "backslashreplace").decode()
            return InvalidInput(f"`{shown}` holds bytes that are not UTF-8", code="usage")
    return None


def _usage(error: click.ClickException, as_json: bool) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and error.ctx is not None:
        if not as_json:
            click.echo(error.ctx.get_help(), err=True)
            return EXIT_INVALID
        path = error.ctx.command_path
        return _said(InvalidInput(f"`{path}` wants a command", f"`{path} --help`", code="usage"), as_json)
    # Click lists what there is to choose from line by line, and quotes words as it likes.
    message = _QUOTED.sub(r"`\1`", " ".join(error.format_message().split()).rstrip("."))
    hints = []
    context = getattr(error, "ctx", None)
    if context is not None:
        hints.append(f"`{context.command_path} --help`")
    return _said(InvalidInput(message[:1].lower() + message[1:], *hints, code="usage"), as_json)


def _said(error: KitchensError, as_json: bool) -> int:
    try:
        if as_json:
            click.echo(error_document(error))
        else:
            say_error(error)
        sys.stdout.flush()
    except OSError:
        # There is no room for an answer; what is left is the exit status, and stderr if that is elsewhere.
        give_up_stdout()
        with suppress(OSError):
            say_error(error)
    return exit_status(error)


def _bug(error: BaseException, as_json: bool) -> int:
    """A bug of ours: one line on screen, the traceback in a file that the line names."""
    import traceback

    text = "".join(traceback.format_exception(error))
    path = _write_log(text)
    known = KitchensError(
        f"this is a bug in kitchens: {type(error).__name__}; the traceback is in {path}", code="bug"
    )
    if as_json:
        click.echo(error_document(known))
    else:
        say_error(known)
    return EXIT_BUG


def _write_log(text: str) -> Path:
    import tempfile

    handle, name = tempfile.mkstemp(prefix="kitchen-bug-", suffix=".log")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    return Path(name)

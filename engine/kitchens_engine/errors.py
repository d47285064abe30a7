"""What can go wrong, as kinds. The words on screen are chosen by whoever shows them."""

from __future__ import annotations

from kitchens_engine.tuples import NamedTuple


class KitchensError(Exception):
    """An error said once, by raising it, with what the user can do about it.

    `code` is the short, stable name that `--json` shows. `message` is one sentence in
    lower case with literals in backticks; each of at most two `hints` is an act.
    `file` and `line` (from 1) say where, when there is a where.
    """

    code = "error"

    def __init__(
        self,
        message: str,
        *hints: str,
        code: str | None = None,
        file: str | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hints = hints
        self.file = file
        self.line = line
        if code is not None:
            self.code = code


class InvalidInput(KitchensError):
    """The command line, a file or a setting is wrong (exit 2)."""

    code = "invalid"


class Refused(KitchensError):
    """A policy says no (exit 4). `about` is the part of the command's document that is known already."""

    code = "refused"

    def __init__(self, message: str, *hints: str, code: str | None = None, **about: object) -> None:
        super().__init__(message, *hints, code=code)
        self.about = about


class Failed(KitchensError):
    """What a change brings does not work (exit 1). `about` is the part of the command's document that is known already."""

    code = "failed"

    def __init__(self, message: str, *hints: str, code: str | None = None, **about: object) -> None:
        super().__init__(message, *hints, code=code)
        self.about = about


class EnvironmentFailure(KitchensError):
    """Disk, network, git or the container engine failed, which says nothing about the change (exit 5)."""

    code = "environment"


class Interrupted(KitchensError):
    """The user or the system asked to stop; nothing half-done is left (exit 130)."""

    code = "interrupted"


class Fault(NamedTuple):
    """One thing that is wrong in a file, as `kitchen recipe check` shows it.

    `severity` is `error` or `warning`; `line` and `column` count from 1; `key` is the
    dotted key in the file (`nodes.clean.needs`); `file` is relative to the cookbook.
    """

    severity: str
    file: str
    line: int
    column: int
    key: str
    message: str
    hint: str | None = None


class InvalidFiles(InvalidInput):
    """One or more files have faults; the first is the message, all are in `faults`."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        first = faults[0]
        hints = (first.hint,) if first.hint else ()
        more = len(faults) - 1
        if more:
            hints = (*hints, f"{more} more: `kitchen recipe check` shows them all")
        super().__init__(first.message, *hints, file=first.file, line=first.line)
        self.faults = faults

"""Errors as words on screen, as documents, and as exit statuses: the one place that chooses them."""

from __future__ import annotations

import errno
import json

import click

from kitchens_engine.errors import (
    EnvironmentFailure,
    Failed,
    Interrupted,
    InvalidInput,
    KitchensError,
    Refused,
)

EXIT_RED = 1
EXIT_INVALID = 2
EXIT_CONFLICT = 3
EXIT_REFUSED = 4
EXIT_ENVIRONMENT = 5
EXIT_BUG = 70
EXIT_INTERRUPTED = 130

_STATUSES: tuple[tuple[type[KitchensError], int], ...] = (
    (InvalidInput, EXIT_INVALID),
    (Failed, EXIT_RED),
    (Refused, EXIT_REFUSED),
    (EnvironmentFailure, EXIT_ENVIRONMENT),
    (Interrupted, EXIT_INTERRUPTED),
)

#: What the disk or the system may say that is nobody's bug.
_ENVIRONMENT = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "operation not permitted",
    errno.EIO: "the disk failed",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files on this machine",
    errno.ENOMEM: "out of memory",
    errno.EAGAIN: "this machine has no processes or buffers to spare just now",
    errno.ETXTBSY: "the file is in use",
}


def exit_status(error: KitchensError) -> int:
    """The documented exit status of an error."""
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return status
    return EXIT_BUG


def from_os_error(error: OSError) -> KitchensError | None:
    """A failure of the system as an error of ours; None when it must be a bug."""
    if error.errno == errno.ENAMETOOLONG:
        # The system has no room for it, so somebody typed it.
        return InvalidInput(f"`{error.filename}` is too long for a name", code="name")
    what = _ENVIRONMENT.get(error.errno or 0)
    if what is None:
        return None
    where = f": {error.filename}" if error.filename else ""
    return EnvironmentFailure(f"{what}{where}", code="disk")


def error_document(error: KitchensError) -> str:
    """The error as the JSON document of the contract. A refusal (exit 4) and what is red (exit 1) are the command's own."""
    if isinstance(error, Failed):
        from kitchens_engine.values import json_safe

        return json.dumps(json_safe({**error.about, "why": error.message}), indent=2)
    if isinstance(error, Refused):
        hint = "; ".join(error.hints) or None
        refusal = {**error.about, "status": "refused", "code": error.code, "why": error.message, "hint": hint}
        return json.dumps(refusal, indent=2)
    document = {
        "error": {
            "code": error.code,
            "message": error.message,
            "hint": "; ".join(error.hints) or None,
            "file": error.file,
            "line": error.line,
        }
    }
    return json.dumps(document, indent=2)


def say_error(error: KitchensError) -> None:
    """The error on stderr: one sentence, then at most two acts."""
    where = f"{error.file}:{error.line}: " if error.file and error.line else ""
    if error.file and not error.line and not error.message.startswith(f"`{error.file}`"):
        where = f"{error.file}: "
    label = click.style("error:", fg="red", bold=True)
    click.echo(f"{label} {where}{error.message}", err=True)
    for hint in error.hints[:2]:
        click.echo(f"{click.style('hint:', fg='cyan')} {hint}", err=True)

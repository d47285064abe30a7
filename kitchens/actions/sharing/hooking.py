"""`kitchen hook install`: a shared repository guards itself."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

from kitchens.git.repository import Repository
from kitchens.git.sharing.remotes import hooks_folder
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

NAME = "pre-receive"

#: What the hook is called that was there before ours; it runs first.
BEFORE = f"{NAME}.before-kitchens"

_MARK = "# Written by `kitchen hook install`"

_SCRIPT = """#!/bin/sh
{mark}; run it again to bring this up to date.
# The hook that was here before, if any, runs first and may refuse, too.
updates=$(cat) || exit 1
before="${{0%/*}}/{before}"
if [ -x "$before" ]; then
  printf '%s\\n' "$updates" | "$before" "$@" || exit $?
fi
printf '%s\\n' "$updates" | exec {interpreter} -P -m kitchens.cli.main hook check
"""


def install(repository: Repository, interpreter: str) -> dict[str, Any]:
    """Install the pre-receive hook in a bare repository; a hook that is there is kept and runs first.

    Whatever stops it in between, the hook that git finds is the old or the new one. Done twice, nothing changes.
    """
    if not repository.bare:
        raise InvalidInput(
            f"`{repository.top}` is no bare repository: the hook guards the one that a team pushes to",
            "`kitchen hook install DIR` names it",
            code="not-bare",
        )
    folder = hooks_folder(repository)
    path, before = folder / NAME, folder / BEFORE
    script = _SCRIPT.format(mark=_MARK, before=BEFORE, interpreter=shlex.quote(interpreter))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        status = _status(path, script)
        if status == "installed" and os.path.lexists(path):
            _keep(path, before)
        if status != "unchanged":
            fresh = folder / f".{NAME}.{os.urandom(4).hex()}"
            fresh.write_text(script)
            fresh.chmod(0o755)
            fresh.replace(path)
    except OSError as error:
        raise EnvironmentFailure(f"`{path}` cannot be written: {error.strerror}", code="disk") from error
    return {"hook": str(path), "status": status, "before": str(before) if before.exists() else None}


def _status(path: Path, script: str) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return "installed"
    if content == script.encode() and os.access(path, os.X_OK):
        return "unchanged"
    return "updated" if _MARK.encode() in content else "installed"


def _keep(path: Path, before: Path) -> None:
    """The hook that is there gets a second name; it stays in force until ours takes its place."""
    if os.path.lexists(before) and before.read_bytes() != path.read_bytes():
        raise InvalidInput(
            f"`{path}` is another hook, and `{before}` is there from an earlier one; nothing was changed",
            f"make one of both, as `{before.name}`, and remove the other",
            code="hook-in-the-way",
        )
    if not os.path.lexists(before):
        os.link(path, before, follow_symlinks=False)

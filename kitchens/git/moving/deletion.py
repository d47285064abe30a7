"""A deletion: a branch goes, and then what hung on it. Killed between the two, `heal` finishes.

A creation is the same from the other side: what hangs on a branch is made first, and goes if the branch never comes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kitchens.git.checkouts.folders import remove_folder
from kitchens.git.checkouts.worktrees import remove
from kitchens.git.claims import Claim, alone, claim
from kitchens.git.refs import Moved
from kitchens.git.repository import Repository
from kitchens_engine.errors import EnvironmentFailure

PURPOSE = "deletion"

#: What a claim is called that names what was made for a branch that is about to be.
CREATION = "creation"

#: Who makes a kitchen is alone for this many seconds at most.
PATIENCE = 60.0


@contextmanager
def deletion(
    repository: Repository,
    branch: str,
    *,
    ref: str,
    worktree: Path | None,
    folders: Sequence[Path],
    tops: Sequence[Path] = (),
    others: Sequence[str] = (),
) -> Iterator[None]:
    """Whoever deletes `branch` inside: then `worktree`, `folders`, `ref` and `others`, refs that may not be there, go
    too. While it is there, they stay.

    So do folders above them that are empty then, up to one of `tops`.
    """
    held = claim(
        repository.claims,
        PURPOSE,
        branch=branch,
        ref=ref,
        worktree=None if worktree is None else str(worktree),
        folders=[str(folder) for folder in folders],
        tops=[str(top) for top in tops],
        others=list(others),
    )
    try:
        yield
    except Moved as error:
        if error.ref == f"refs/heads/{branch}":
            # Somebody else deleted it, and finishes that; or went on with it.
            held.release()
        else:
            finish(repository, held)
        raise
    except BaseException:
        finish(repository, held)
        raise
    finish(repository, held)


@contextmanager
def creation(repository: Repository, branch: str, *, ref: str, folders: Sequence[Path]) -> Iterator[None]:
    """Whoever makes `branch` inside, alone, and before it `ref` and `folders`: without it they go again."""
    held = claim(
        repository.claims,
        CREATION,
        branch=branch,
        ref=ref,
        worktree=None,
        folders=[str(folder) for folder in folders],
        tops=[],
    )
    try:
        yield
    except BaseException:
        finish(repository, held)
        raise
    held.release()


def finish_creation(repository: Repository, held: Claim) -> None:
    """`finish`, while nobody else makes what goes."""
    try:
        with alone(repository.claims, "create", PATIENCE):
            finish(repository, held)
    except EnvironmentFailure:
        with suppress(OSError):
            os.close(held.descriptor)


def finish(repository: Repository, held: Claim) -> None:
    """Remove what a claim names, if its branch has gone. Done twice, it does the rest."""
    what = held.what
    try:
        if repository.refs.branch(what["branch"]) is None:
            try:
                _remove(repository, what)
            except EnvironmentFailure:
                # A terminal's ^C also reaches the git that we ask; what is left to do is short.
                _remove(repository, what)
    except BaseException as error:
        # The claim stays for a later try.
        os.close(held.descriptor)
        if isinstance(error, OSError):
            raise EnvironmentFailure(
                f"`{error.filename}` cannot be removed: {error.strerror}", code="disk"
            ) from error
        raise
    held.release()


def _remove(repository: Repository, what: Mapping[str, Any]) -> None:
    worktree, folders = what["worktree"], what["folders"]
    if worktree is not None:
        remove(repository, Path(worktree))
    for folder in folders:
        remove_folder(Path(folder))
    for folder in (*folders, *([worktree] if worktree else [])):
        _remove_empty(Path(folder).parent, [Path(top) for top in what.get("tops", ())])
    for ref in (*what.get("others", ()), what["ref"]):
        repository.refs.drop(ref)


def _remove_empty(folder: Path, tops: Sequence[Path]) -> None:
    """Folders such as `team/` of `team/x`, when nothing else is in them."""
    while folder not in tops and any(folder.is_relative_to(top) for top in tops):
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent

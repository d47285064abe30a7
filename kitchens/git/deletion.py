"""A deletion: a branch goes, and then what hung on it. Killed between the two, `heal` finishes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kitchens.git.claims import Claim, claim
from kitchens.git.folders import remove_folder
from kitchens.git.refs import Moved
from kitchens.git.repository import Repository
from kitchens.git.worktrees import remove
from kitchens_engine.errors import EnvironmentFailure

PURPOSE = "deletion"


@contextmanager
def deletion(
    repository: Repository, branch: str, *, ref: str, worktree: Path | None, folders: Sequence[Path]
) -> Iterator[None]:
    """Whoever deletes `branch` inside: then `worktree`, `folders` and `ref` go too. While it is there, they stay."""
    held = claim(
        repository.claims,
        PURPOSE,
        branch=branch,
        ref=ref,
        worktree=None if worktree is None else str(worktree),
        folders=[str(folder) for folder in folders],
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


def finish(repository: Repository, held: Claim) -> None:
    """Remove what a claim names, if its branch has gone. Done twice, it does the rest."""
    what = held.what
    try:
        if repository.refs.branch(what["branch"]) is None:
            try:
                _remove(repository, what["worktree"], what["folders"], what["ref"])
            except EnvironmentFailure:
                # A terminal's ^C also reaches the git that we ask; what is left to do is short.
                _remove(repository, what["worktree"], what["folders"], what["ref"])
    except BaseException as error:
        # The claim stays for a later try.
        os.close(held.descriptor)
        if isinstance(error, OSError):
            raise EnvironmentFailure(
                f"`{error.filename}` cannot be removed: {error.strerror}", code="disk"
            ) from error
        raise
    held.release()


def _remove(repository: Repository, worktree: str | None, folders: Sequence[str], ref: str) -> None:
    if worktree is not None:
        remove(repository, Path(worktree))
    for folder in folders:
        remove_folder(Path(folder))
    repository.refs.drop(ref)

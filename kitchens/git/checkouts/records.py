"""What git writes down about linked worktrees: a git directory each, and where it lies."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from kitchens.git.checkouts.folders import remove_folder
from kitchens.git.repository import Repository, git_directory
from kitchens_engine.errors import EnvironmentFailure


def directories(repository: Repository) -> list[Path]:
    """The git directories of all linked worktrees."""
    folder = repository.common / "worktrees"
    return [folder / name for name in os.listdir(folder)] if folder.is_dir() else []


def place_of(own: Path) -> Path:
    """Where the worktree lies, by its git directory."""
    try:
        link = Path(os.fsdecode((own / "gitdir").read_bytes()).removesuffix("\n"))
    except FileNotFoundError:
        return own
    return Path(os.path.normpath(own / link)).parent


def last_commit(own: Path) -> str | None:
    """The commit that the worktree last had checked out, by the log of its HEAD; None where there is none."""
    try:
        lines = (own / "logs" / "HEAD").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    words = lines[-1].split(" ") if lines else []
    return words[1] if len(words) > 1 and set(words[1]) != {"0"} else None


def point(own: Path, path: Path) -> None:
    """Tell the git directory where its worktree lies, in one step."""
    fresh = own / "gitdir.new"
    fresh.write_bytes(os.fsencode(path / ".git") + b"\n")
    fresh.rename(own / "gitdir")


def points_to(path: Path, own: Path) -> bool:
    """Whether the folder at `path` says that `own` is its git directory."""
    try:
        return git_directory(path) == own
    except EnvironmentFailure:
        return False


def register(repository: Repository, place: Path, branch: str, made: Path) -> None:
    """Write down a worktree at the empty folder `place` that has `branch` checked out and holds no file yet.

    In one step, by a rename from `made` on the same disk: `git worktree add` first writes a HEAD that points at
    nothing, and `git fsck` calls a repository damaged in which it was killed then.
    """
    home = repository.common / "worktrees"
    home.mkdir(exist_ok=True)
    made.mkdir(parents=True)
    (made / "HEAD").write_bytes(b"ref: refs/heads/" + os.fsencode(branch) + b"\n")
    (made / "commondir").write_bytes(b"../..\n")
    (made / "gitdir").write_bytes(os.fsencode(place / ".git") + b"\n")
    for name in _names(place.name):
        own = home / name
        if os.path.lexists(own):
            continue
        (place / ".git").write_bytes(b"gitdir: " + os.fsencode(own) + b"\n")
        try:
            made.rename(own)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                continue  # somebody else's git was faster
            raise
        return


def forget(own: Path, trash: Path) -> None:
    """Remove a worktree's git directory: gone in one step, by a rename to `trash` on the same disk."""
    remove_folder(trash)
    with suppress(FileNotFoundError):
        own.rename(trash)
    remove_folder(trash)


def _names(name: str) -> Iterator[str]:
    """Names for a git directory, as git gives them: the worktree's own, else with a number."""
    yield name
    yield from (f"{name}{number}" for number in count(1))

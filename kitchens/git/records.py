"""What git writes down about linked worktrees: a git directory each, and where it lies."""

from __future__ import annotations

import os
from pathlib import Path

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

"""Finishes or undoes what killed processes left. One listing of a folder when they left nothing."""

from __future__ import annotations

import filecmp
import os
import time
from pathlib import Path

from kitchens.git.checkouts.folders import remove_folder
from kitchens.git.checkouts.worktrees import clear
from kitchens.git.claims import Claim, abandoned, any_claim
from kitchens.git.history import is_ancestor
from kitchens.git.moving import deletion, promotions
from kitchens.git.moving.arriving import (
    Place,
    finish_index,
    holds_lock,
    index_of,
    left_out,
    look,
    next_index,
    place,
    put,
    stage,
    take_lock,
    withdraw,
)
from kitchens.git.moving.changes import SUBMODULE, Change, changes
from kitchens.git.repository import Repository
from kitchens_engine.errors import EnvironmentFailure, KitchensError

PURPOSE = "landing"

#: What a claim is called that names a `folder` or a `ref` which is of use to its owner only.
TEMPORARY = "temporary"

#: Seconds for which we wait for somebody else's git in a checkout that we must finish.
PATIENCE = 2.0

#: A scratch folder of a process that was killed is removed when it is older than this.
SCRATCH_AGE = 3600.0


def heal(repository: Repository) -> list[Path]:
    """Clear away the locks, temporary things, half-made worktrees, half-done deletions, landings and tags of the dead.

    A landing whose branch moved is finished in its checkouts, one whose branch did not is
    undone; a deletion whose branch is gone is finished. Gives the files that were left as they are, since they are neither the old nor
    the new ones: somebody edited them.
    """
    if not any_claim(repository.claims):
        return []
    repository.refs.clear()
    clear(repository)
    left: list[Path] = []
    for found in abandoned(repository.claims, PURPOSE):
        try:
            left += _heal_landing(repository, found)
        except BaseException:
            # Somebody else holds the checkout: the claim stays for the next try.
            os.close(found.descriptor)
            raise
        found.release()
    for found in abandoned(repository.claims, promotions.PURPOSE):
        promotions.finish(repository, found)
    for found in abandoned(repository.claims, deletion.PURPOSE):
        deletion.finish(repository, found)
    for found in abandoned(repository.claims, deletion.CREATION):
        deletion.finish_creation(repository, found)
    for found in abandoned(repository.claims, TEMPORARY):
        _remove_temporary(repository, found)
    _remove_scratch(repository.common / "kitchens")
    return left


def _heal_landing(repository: Repository, found: Claim) -> list[Path]:
    what = found.what
    tip = repository.refs.branch(what["branch"])
    landed = what["moves"] and tip is not None and is_ancestor(repository, what["new"], tip)
    left: list[Path] = []
    for path, own in zip(map(Path, what["places"]), map(Path, what["directories"]), strict=True):
        if not own.is_dir():
            continue
        if landed and _still_there(path, own, what["branch"]):
            here = place(repository, path, found)
            left += [path / name for name in _finish(repository, here, what["old"], what["new"])]
        withdraw(Place(path, own, what["token"], repository.git))
    return left


def _still_there(path: Path, own: Path, branch: str) -> bool:
    """Whether the checkout still is one of the branch: its user may have gone on without us."""
    try:
        return path.is_dir() and (own / "HEAD").read_text().strip() == f"ref: refs/heads/{branch}"
    except OSError:
        return False


def _finish(repository: Repository, here: Place, old: str, new: str) -> list[str]:
    """Bring a checkout from anywhere between `old` and `new` to `new`; the paths that were left alone."""
    if not holds_lock(here):
        take_lock(here, PATIENCE)
    # What a process that was killed made beside may be half; its lock is all that we keep.
    remove_folder(here.folder)
    differing = changes(repository, old, new)
    seen = {change.path: look(here, change.path) for change in differing}
    added = [each.path for each in differing if each.after not in (None, SUBMODULE)]
    removed = [each.path for each in differing if each.before not in (None, SUBMODULE)]
    fresh = stage(here, index_of(here, new, "new.index"), added, "new")
    before = stage(here, index_of(here, old, "old.index"), removed, "old")
    wanted, left = [], []
    for change in differing:
        target = here.path / change.path
        if _alike(target, fresh / change.path):
            continue
        if seen[change.path] is None or _alike(target, before / change.path):
            wanted.append(change)
        else:
            left.append(change.path)
    index = _next_index(here, old, new)
    left += put(here, fresh, _shown(here, wanted, index), seen)
    if index is not None:
        finish_index(here, index)
    return left


def _next_index(here: Place, old: str, new: str) -> Path | None:
    try:
        return next_index(here, old, new)
    except EnvironmentFailure:
        # Its user took the lock away and staged something else since: theirs, as it is.
        return None


def _shown(here: Place, wanted: list[Change], index: Path | None) -> list[Change]:
    """Without what a sparse checkout leaves out on purpose, now or by what will be its index."""
    marked = here.git.run("ls-files", "-t", "-z").fields
    hidden = {line[2:] for line in marked if line.startswith("S ")}
    if index is not None:
        hidden |= left_out(here, index)
    return [change for change in wanted if change.path not in hidden]


def _alike(one: Path, other: Path) -> bool:
    """Whether two paths hold the same file: content, kind and mode; or none of them is a file."""
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    if not one.is_file() or not other.is_file():
        return not one.is_file() and not other.is_file()
    return _program(one) == _program(other) and filecmp.cmp(one, other, shallow=False)


def _program(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)


def _remove_temporary(repository: Repository, found: Claim) -> None:
    folder, ref = found.what.get("folder"), found.what.get("ref")
    try:
        if folder is not None:
            remove_folder(Path(folder))
        if ref is not None:
            repository.refs.drop(ref)
    except (OSError, KitchensError):
        # It is in nobody's way: the claim stays for the next try.
        os.close(found.descriptor)
    else:
        found.release()


def _remove_scratch(folder: Path) -> None:
    for path in folder.glob("scratch-*"):
        if time.time() - path.stat().st_mtime > SCRATCH_AGE:
            remove_folder(path)

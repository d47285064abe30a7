"""What in a checkout is in the way of a landing. Looks, and changes nothing."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from kitchens.git.moving.arriving import Place, copy_index, is_sparse
from kitchens.git.moving.changes import SUBMODULE, Change
from kitchens.git.moving.index import NotPlain, holds
from kitchens.git.repository import git_directory
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

#: Files in a git directory that say that something is under way, and what.
UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
}

SHOWN = 5

#: So many changes, of files of so many bytes, are looked at one by one; of more, git looks at the whole checkout.
FEW = 200
SMALL = 1 << 22


def check(place: Place, changes: Sequence[Change], old: str, new: str) -> tuple[Change, ...]:
    """The changes whose files must be written in a checkout that goes from `old` to `new`.

    Git's own merge of trees decides, on a copy of the index; what it would allow and still
    lose, ignored files, is refused too. Raises `InvalidInput` that names the paths.
    """
    index = copy_index(place, "check")
    place.git.run("update-index", "-q", "--refresh", index=index, check=False)
    staged = set(
        place.git.run("diff-index", "--cached", "-z", "--name-only", "--no-renames", old, index=index).fields
    )
    trial = place.git.run("read-tree", "-m", "-u", "-n", old, new, index=index, check=False)
    if trial.status != 0:
        edited = staged.union(place.git.run("diff-files", "-z", "--name-only", index=index).fields)
        paths = [change.path for change in changes if change.path in edited]
        raise _in_the_way(place, [*paths, *_untracked(place, changes, staged)], trial.complaint)
    # An ignored file with the very content that lands is no loss.
    if lost := [path for path in _untracked(place, changes, staged) if not _same(place, path, changes)]:
        raise _in_the_way(place, lost, "")
    _refuse_unwritable(place, changes)
    hidden = _hidden(place, changes, index)
    # Where the index has the new content already, git keeps the file as it is; so do we.
    return tuple(each for each in changes if each.path not in staged and each.path not in hidden)


def plain(place: Place, changes: Sequence[Change], width: int) -> bool:
    """Whether the checkout and its index plainly hold the old tree wherever something changes, and nothing else lies
    there: then nothing is in the way, every change is to be written, and `check` need not look at all the rest.

    False when that cannot be told at a glance. `width` is the number of hex digits in an id.
    """
    if len(changes) > FEW or is_sparse(place):
        return False
    if any(SUBMODULE in (change.before, change.after) for change in changes):
        return False
    if any(True for _ in _untracked(place, changes, set())):
        return False
    if not _indexed(place, changes, width) or not all(
        _holds(place.path / change.path, change, width) for change in changes if change.before is not None
    ):
        return False
    _refuse_unwritable(place, changes)
    return True


def _indexed(place: Place, changes: Sequence[Change], width: int) -> bool:
    """Whether the index plainly has what changes as the old tree has it."""
    try:
        return holds(place.index.read_bytes(), changes, width)
    except (NotPlain, OSError):
        pass
    words = ("--literal-pathspecs", "ls-files", "-v", "--stage", "-z", "--")
    lines = place.git.run(*words, *(change.path for change in changes)).fields
    # `H`: in the index, on disk, and nobody told git to look away from it.
    expected = {
        f"H {change.before} {change.was} 0\t{change.path}" for change in changes if change.before is not None
    }
    return set(lines) == expected


def _holds(path: Path, change: Change, width: int) -> bool:
    """Whether a file has the very bytes and mode of the old tree's; one that a filter made has not."""
    try:
        found = path.lstat()
        if found.st_size > SMALL:
            return False
        if stat.S_ISLNK(found.st_mode):
            mode, content = "120000", os.fsencode(path.readlink())
        elif stat.S_ISREG(found.st_mode):
            mode, content = "100755" if found.st_mode & 0o100 else "100644", path.read_bytes()
        else:
            return False
    except OSError:
        return False
    digest = hashlib.new(
        "sha1" if width == 40 else "sha256", b"blob %d\0" % len(content), usedforsecurity=False
    )
    digest.update(content)
    return mode == change.before and digest.hexdigest() == change.was


def refuse_under_way(checkouts: Iterable[Path], branch: str) -> None:
    """Raise `InvalidInput` when a merge or a rebase of `branch` is under way in one of `checkouts`.

    Its end would bring back what the landing changed.
    """
    for path in checkouts:
        try:
            own = git_directory(path)
        except EnvironmentFailure:
            # Somebody else's broken worktree is no reason to refuse this landing.
            continue
        for name, what in UNDER_WAY.items():
            if (own / name).exists() and _reads(own / "HEAD", f"ref: refs/heads/{branch}"):
                raise _busy(what, branch, path)
        for name in ("rebase-merge", "rebase-apply"):
            if _reads(own / name / "head-name", f"refs/heads/{branch}"):
                raise _busy("a rebase", branch, path)


def _busy(what: str, branch: str, path: Path) -> InvalidInput:
    return InvalidInput(
        f"{what} of `{branch}` is under way in `{path}`; nothing was moved",
        "finish or abort it there",
        code="under-way",
    )


def _reads(file: Path, line: str) -> bool:
    try:
        return file.read_text(errors="surrogateescape").strip() == line
    except OSError:
        return False


def _in_the_way(place: Place, paths: Sequence[str], complaint: str) -> InvalidInput:
    names = list(dict.fromkeys(paths))
    if not names:
        return InvalidInput(
            f"git would not bring the checkout `{place.path}` along: {complaint}; nothing was moved",
            code="checkout-in-the-way",
        )
    more = len(names) - SHOWN
    shown = ", ".join(f"`{name}`" for name in names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    return InvalidInput(
        f"{shown} in `{place.path}` would be overwritten; nothing was moved",
        "commit them, or move them away, and try again",
        code="checkout-in-the-way",
        file=names[0],
    )


def _untracked(place: Place, changes: Sequence[Change], staged: set[str]) -> Iterator[str]:
    """Files that git does not know and that lie where a file will be added."""
    gone = {change.path for change in changes if change.before is not None}
    for change in changes:
        if change.before is not None or change.after == SUBMODULE or change.path in staged:
            continue
        target = place.path / change.path
        yield from _above(place, target, gone)
        if target.is_dir() and not target.is_symlink():
            yield from (path for path in _inside(place, target) if path not in gone)
        elif os.path.lexists(target) and not _is_one_of(place, target, gone):
            yield change.path


def _above(place: Place, target: Path, gone: set[str]) -> Iterator[str]:
    for above in target.relative_to(place.path).parents:
        where = place.path / above
        if str(above) not in gone and os.path.lexists(where) and (where.is_symlink() or not where.is_dir()):
            yield str(above)


def _inside(place: Place, folder: Path) -> Iterator[str]:
    for where, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(where, name))]
        for name in (*files, *links):
            yield os.path.relpath(os.path.join(where, name), place.path)


def _is_one_of(place: Place, target: Path, gone: set[str]) -> bool:
    """Where a file system knows no case, the file at `readme` may be the `README` that is deleted."""
    name = str(target.relative_to(place.path)).casefold()
    alike = [path for path in gone if path.casefold() == name and os.path.lexists(place.path / path)]
    return any(os.path.samestat(os.lstat(place.path / path), os.lstat(target)) for path in alike)


def _same(place: Place, path: str, changes: Sequence[Change]) -> bool:
    target = place.path / path
    oids = {change.oid for change in changes if change.path == path}
    if target.is_symlink() or not target.is_file() or not oids:
        return False
    return place.git.run("hash-object", "--", target).text in oids


def _hidden(place: Place, changes: Sequence[Change], index: Path) -> set[str]:
    """Tracked files that are absent on purpose (a sparse checkout), and stay so."""
    absent = {
        change.path
        for change in changes
        if change.before is not None and change.after is not None
        if not os.path.lexists(place.path / change.path)
    }
    if not absent:
        return set()
    marked = place.git.run("ls-files", "-t", "-z", index=index).fields
    return {line[2:] for line in marked if line.startswith("S ")} & absent


def _refuse_unwritable(place: Place, changes: Sequence[Change]) -> None:
    for folder in sorted({(place.path / change.path).parent for change in changes}):
        there = next(each for each in (folder, *folder.parents) if each.is_dir())
        if not os.access(there, os.W_OK | os.X_OK):
            raise EnvironmentFailure(f"`{there}` cannot be written; nothing was moved", code="disk")

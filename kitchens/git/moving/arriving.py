"""How the files of a landing arrive in a checkout: all made beside, then put into place one by one.

What costs time or disk happens before the branch moves; after it there are only
renames. Each file is old or new, never half.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from kitchens.git.checkouts.folders import flush, remove_folder
from kitchens.git.claims import Claim
from kitchens.git.command import Git, data
from kitchens.git.moving.changes import SUBMODULE, Change
from kitchens.git.moving.index import Folder, NotPlain, edited, seen
from kitchens.git.objects import Objects
from kitchens.git.repository import Repository, git_directory
from kitchens_engine.errors import EnvironmentFailure

#: What a landing writes into the lock that it takes.
TOKEN = re.compile(rb"[0-9a-f]{16}")

#: Seconds for which a landing waits for each other one: it may be on its way to a slow remote, on a busy machine.
LANDING_PATIENCE = 25.0


@dataclass(frozen=True, slots=True)
class Place:
    """A checkout of the branch that moves: `path`, its own git directory, and git in it.

    All that we make has `token` in its name. `folder` holds what is made beside.
    """

    path: Path
    own: Path
    token: str
    git: Git

    @property
    def index(self) -> Path:
        """The checkout's index."""
        return self.own / "index"

    @property
    def lock(self) -> Path:
        """Git's lock on the index; it holds our token while it is ours."""
        return self.own / "index.lock"

    @property
    def folder(self) -> Path:
        """Where files and indexes are made before they take their places."""
        return self.own / f"kitchens-{self.token}"


def place(repository: Repository, path: Path, held: Claim) -> Place:
    """The checkout at `path`, under a claim that every git in it inherits."""
    git = repository.checkout(path, keep=(held.descriptor,))
    return Place(path, git_directory(path), held.what["token"], git)


def copy_index(place: Place, name: str) -> Path:
    """A copy of the checkout's index in our folder."""
    place.folder.mkdir(exist_ok=True)
    copy = place.folder / name
    try:
        shutil.copyfile(place.index, copy)
        _keep_age(copy, place.index)
    except FileNotFoundError as error:
        raise EnvironmentFailure(
            f"the checkout `{place.path}` has no index",
            f"`git -C {place.path} reset` makes one",
            code="checkout",
        ) from error
    return copy


def stage(place: Place, index: Path, paths: Collection[str], name: str) -> Path:
    """Write files of an index into a folder beside, as git would check them out, and give the folder."""
    folder = place.folder / name
    folder.mkdir()
    if not paths:
        return folder
    # The folder is the work tree, so that attributes come from the index and not from the checkout.
    git = place.git.at(folder, git_dir=place.own, work_tree=folder)
    names = b"".join(data(path) + b"\0" for path in paths)
    words = ("checkout-index", "--quiet", "--ignore-skip-worktree-bits", "-z", "--stdin")
    git.run(*words, input=names, index=index)
    missing = next((path for path in paths if not os.path.lexists(folder / path)), None)
    if missing is not None:
        raise EnvironmentFailure(f"git did not check out `{missing}`", code="git")
    flush([folder / path for path in paths])
    return folder


def index_of(place: Place, commit: str, name: str) -> Path:
    """An index that holds a commit, and nothing of the checkout's."""
    index = place.folder / name
    index.parent.mkdir(exist_ok=True)
    place.git.run("-c", "core.sparseCheckout=false", "read-tree", commit, index=index)
    return index


def next_index(place: Place, old: str, new: str) -> Path:
    """The index as it will be: `new` where the landing changes it, and all else as it is."""
    index = copy_index(place, "next")
    if not is_sparse(place):
        place.git.run("read-tree", "-i", "-m", old, new, index=index)
        return index
    # Only where it may write files does git look at what a sparse checkout leaves out; nobody needs these.
    folder = place.folder / "sparse"
    folder.mkdir()
    place.git.run("read-tree", "-m", "-u", old, new, index=index, work_tree=folder)
    remove_folder(folder)
    return index


def is_sparse(place: Place) -> bool:
    """Whether the checkout may leave files out on purpose."""
    return (place.own / "info" / "sparse-checkout").exists()


def left_out(place: Place, index: Path) -> frozenset[str]:
    """The paths that a sparse checkout leaves out, and that are not there all the same."""
    if not is_sparse(place):
        return frozenset()
    marked = place.git.run("ls-files", "-t", "-z", index=index).fields
    out = (line[2:] for line in marked if line.startswith("S "))
    return frozenset(path for path in out if not os.path.lexists(place.path / path))


def amended_index(place: Place, objects: Objects, changes: Collection[Change], old: str, new: str) -> Path:
    """The same where the index is known to hold the old tree at every path that changes: only these are touched."""
    try:
        made = edited(place.index.read_bytes(), changes, _folders(objects, changes, old, new), objects.width)
    except (NotPlain, OSError):
        return _amended_by_git(place, changes)
    place.folder.mkdir(exist_ok=True)
    index = place.folder / "next"
    index.write_bytes(made)
    _keep_age(index, place.index)
    return index


def _amended_by_git(place: Place, changes: Collection[Change]) -> Path:
    index = copy_index(place, "next")
    gone = [f"0 {'0' * len(each.oid)}\t{each.path}\0" for each in changes if each.after is None]
    there = [f"{each.after} {each.oid}\t{each.path}\0" for each in changes if each.after is not None]
    place.git.run("update-index", "-z", "--index-info", input=data("".join(gone + there)), index=index)
    return index


def _folders(objects: Objects, changes: Collection[Change], old: str, new: str) -> dict[str, Folder]:
    """The trees of each folder that something changes in, before and after."""
    found: dict[str, Folder] = {}
    for change in changes:
        folder = change.path
        while folder:
            folder = folder.rpartition("/")[0]
            if folder in found:
                break
            before, after = objects.entry(old, folder), objects.entry(new, folder)
            if before is not None and after is not None:
                found[folder] = Folder(before.oid, after.oid)
    return found


def _keep_age(copy: Path, original: Path) -> None:
    """An index is as old as what it says of files: of a file that is as young, git does not believe it."""
    stat = original.stat()
    os.utime(copy, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def put(
    place: Place, staged: Path, wanted: Collection[Change], before: Mapping[str, tuple[int, ...] | None]
) -> list[str]:
    """Delete and put into place what `wanted` says; the paths that were left, since somebody edited them.

    `before` is what `look` said before they were checked. Done twice, it does the rest.
    """
    left = []
    for change in wanted:
        now = look(place, change.path)
        if change.after is not None or now is None or change.before == SUBMODULE:
            continue
        if now == before[change.path]:
            (place.path / change.path).unlink()
            _prune(place.path, (place.path / change.path).parent)
        else:
            left.append(change.path)
    for change in wanted:
        fresh, target = staged / change.path, place.path / change.path
        if change.after == SUBMODULE:
            target.mkdir(parents=True, exist_ok=True)
        elif change.after is None or not os.path.lexists(fresh):
            continue
        elif look(place, change.path) != before[change.path] or _led_elsewhere(place.path, target):
            left.append(change.path)
        else:
            _settle(fresh, target)
    return left


def look(place: Place, path: str, top: Path | None = None) -> tuple[int, ...] | None:
    """What shows that a file was touched; None for no file (a folder is none). The same file has the same look wherever
    it lies: in the checkout, or below `top`."""
    try:
        found = os.lstat((top or place.path) / path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if (found.st_mode & 0o170000) == 0o040000:
        return None
    return (found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns)


def finish_index(place: Place, index: Path) -> None:
    """Let `index` become the checkout's, with what all files now look like."""
    place.git.run("update-index", "-q", "--refresh", index=index, check=False)
    flush([index])
    index.replace(place.index)


def finish_few(
    place: Place,
    index: Path,
    there: Collection[Change],
    made: Mapping[str, tuple[int, ...] | None],
    width: int,
) -> None:
    """The same with what the files of these changes look like; `made` is what `look` said of those that we made."""
    ready = index
    try:
        files = {}
        for change in there:
            if look(place, change.path) != made[change.path]:
                raise NotPlain
            files[change.path, change.oid] = os.lstat(place.path / change.path)
        content = seen(index.read_bytes(), files, width)
        ready = index.with_name("ready")
        ready.write_bytes(content)
        _keep_age(ready, index)
    except (NotPlain, OSError):
        ready = index
        if there:
            words = ("--literal-pathspecs", "add", "--refresh", "--", *(each.path for each in there))
            place.git.run(*words, index=index, check=False)
    flush([ready])
    ready.replace(place.index)


def take_lock(place: Place, patience: float) -> None:
    """Take git's lock on the index, with our token in it, so that nobody takes it for somebody else's.

    Another landing is waited for longer than somebody's git, which may sit in an editor: it is soon done. So is a git
    that takes the lock again and again.
    """
    ours = place.own / f"kitchens-{place.token}.lock"
    began = since = time.monotonic()
    held: tuple[int, int] | bytes = b""
    try:
        ours.write_text(place.token)
        flush([ours])
        while True:
            try:
                place.lock.hardlink_to(ours)
            except FileExistsError:
                now, holder = time.monotonic(), _holder(place.lock)
                landing = isinstance(holder, bytes)
                if holder != held:
                    held, since = holder, now
                    # However many landings stand in line, each has its time.
                    began = now if landing and holder else began
                if now - began > LANDING_PATIENCE or (not landing and now - since > patience):
                    raise _held_by_others(place, landing=landing) from None
                time.sleep(0.05)
            else:
                return
    except OSError as error:
        raise EnvironmentFailure(f"`{place.lock}` cannot be taken: {error.strerror}", code="disk") from error
    finally:
        ours.unlink(missing_ok=True)


def _held_by_others(place: Place, *, landing: bool) -> EnvironmentFailure:
    who, hint = (
        ("something else that lands", "try again")
        if landing
        else ("somebody else's git", f"if no git is running in `{place.path}`, remove `{place.lock}`")
    )
    return EnvironmentFailure(f"{who} holds `{place.lock}`; nothing was moved", hint, code="locked")


def _holder(lock: Path) -> tuple[int, int] | bytes:
    """Which of git's own locks it is, that is empty or begins of an index; of a landing its token; nothing when it has
    gone."""
    try:
        content = lock.read_bytes()
        if TOKEN.fullmatch(content) is not None:
            return content
        found = lock.stat()
    except FileNotFoundError:
        return b""
    return found.st_ino, found.st_mtime_ns


def withdraw(place: Place) -> None:
    """Remove what was made beside the checkout, and the lock if it is ours."""
    (place.own / f"kitchens-{place.token}.lock").unlink(missing_ok=True)
    remove_folder(place.folder)
    if holds_lock(place):
        place.lock.unlink()


def holds_lock(place: Place) -> bool:
    """Whether the lock on the index is ours."""
    try:
        return place.lock.read_bytes() == place.token.encode()
    except FileNotFoundError:
        return False


def _settle(staged: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        # What was in it has been deleted; a submodule's files never are, and then this says so.
        target.rmdir()
    try:
        staged.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f".{target.name}.kitchens")
        shutil.copy2(staged, beside, follow_symlinks=False)
        beside.replace(target)


def _prune(top: Path, folder: Path) -> None:
    """Remove folders that a deletion left empty, as git does."""
    while folder != top:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _led_elsewhere(top: Path, target: Path) -> bool:
    """Whether a link on the way to `target` would lead us out of the checkout."""
    return any(above.is_symlink() for above in target.parents if above != top and above.is_relative_to(top))

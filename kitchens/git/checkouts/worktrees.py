"""Linked worktrees: a folder of a kitchen's own, there whole or not at all.

`git worktree add` leaves a locked half-worktree when it is killed. So a
worktree is made in a folder beside its place and then renamed; what a killed process
left beside is named by its claim, and cleared away by the next one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kitchens.git.checkouts.folders import is_empty_folder, remove_folder
from kitchens.git.checkouts.records import directories, forget, place_of, point, points_to, register
from kitchens.git.claims import Claim, abandoned, alone, claim, present
from kitchens.git.command import Answer
from kitchens.git.ref_files import NotPlain, head, heads
from kitchens.git.repository import Repository, git_directory
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.tuples import NamedTuple

PURPOSE = "worktree"

#: Seconds for which we wait for another process that makes the same worktree.
PATIENCE = 120.0

#: What the folder is called in which a worktree is made, beside its place.
MAKING = ".making-"

#: Git's own word for a worktree whose making was cut off.
HALF_MADE = "initializing"


class Worktree(NamedTuple):
    """A checkout that git knows. `branch` is None when detached; `locked` is the reason, maybe empty.

    `prunable` says that its folder is gone.
    """

    path: Path
    head: str | None
    branch: str | None
    locked: str | None
    prunable: bool


def worktrees(repository: Repository) -> list[Worktree]:
    """All checkouts, the main one first. In a bare repository the first has neither head nor branch."""
    fields = repository.git.run("worktree", "list", "--porcelain", "-z").out.split(b"\0")
    found: list[Worktree] = []
    record: dict[str, str] = {}
    for field in fields:
        if field:
            key, _, value = os.fsdecode(field).partition(" ")
            record[key] = value
        elif record:
            found.append(_worktree(record, repository.top if not found else None))
            record = {}
    return found


def checkouts(repository: Repository) -> list[tuple[Path, str | None]]:
    """Where each checkout lies, the main one first, and its branch. Without a process where that is plain."""
    try:
        main = None if repository.bare else head(repository.common)
        return [(repository.top, main), *heads(repository.common)]
    except NotPlain:
        return [(each.path, each.branch) for each in worktrees(repository)]


def ensure(repository: Repository, path: Path, branch: str) -> Path:
    """The checkout of `branch`: where it is checked out already, else a worktree made at `path`.

    Completes what a killed process left half-made. Raises `InvalidInput`, touching
    nothing, when something that is not ours is at `path`.
    """
    with alone(repository.claims, "worktrees", PATIENCE):
        known = _settled(repository)
        for worktree in known:
            if worktree.branch == branch and worktree.path.is_dir():
                _complete(repository, worktree)
                return worktree.path
        _make_room(repository, known, path, branch)
        _add(repository, path, branch)
        return path


def add(repository: Repository, path: Path, branch: str) -> None:
    """Check out `branch` in a new worktree at `path`, which must not exist or be an empty folder."""
    with alone(repository.claims, "worktrees", PATIENCE):
        _settled(repository)
        _add(repository, path, branch)


def remove(repository: Repository, path: Path) -> None:
    """Remove the linked worktree at `path` with all that is in it, saved or not; fine when it is gone."""
    with alone(repository.claims, "worktrees", PATIENCE):
        _remove(repository, path)


def forget_lost(repository: Repository, path: Path) -> None:
    """Drop git's record of the worktree at `path`, whose folder is gone; fine when it came back."""
    with alone(repository.claims, "worktrees", PATIENCE):
        for worktree in _settled(repository):
            if worktree.path == path and worktree.prunable:
                _forget(repository, worktree)


def readmit(repository: Repository, path: Path, branch: str) -> None:
    """Write down anew the worktree of `branch` at `path`, whose record was lost. Its files stay as they are: what
    differs from the branch is then an uncommitted change."""
    with alone(repository.claims, "worktrees", PATIENCE):
        _settled(repository)
        link = path / ".git"
        before = link.read_bytes()
        aside = _aside(repository)
        try:
            register(repository, path, branch, aside)
            repository.checkout(path).run("read-tree", "HEAD")
            repository.checkout(path).run("update-index", "-q", "--refresh", check=False)
        except BaseException:
            remove_folder(aside)
            link.write_bytes(before)
            raise


#: What differs from a checkout's commit, and what git does not know. It only reads.
_STATUS = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal")

#: Tracked paths that differ, and untracked ones.
Dirt = tuple[tuple[str, ...], tuple[str, ...]]


def dirty(repository: Repository, path: Path) -> Dirt:
    """The tracked paths that differ from the checkout's commit, staged or not, and the untracked paths.

    Ignored files are neither. A folder of untracked files is one path that ends with `/`.
    """
    return _dirt(repository.checkout(path).run(*_STATUS))


@contextmanager
def dirty_meanwhile(repository: Repository, path: Path) -> Iterator[Callable[[], Dirt]]:
    """The same beside whatever is done inside: git looks at every file, and that takes a while where there are many."""
    git = repository.checkout(path)
    with git.meanwhile(*_STATUS) as answer:

        def found() -> Dirt:
            said = answer()
            if said.status != 0:
                raise git.failure(_STATUS, said)
            return _dirt(said)

        yield found


def _dirt(answer: Answer) -> Dirt:
    modified: list[str] = []
    untracked: list[str] = []
    for field in answer.fields:
        (untracked if field.startswith("??") else modified).append(field[3:])
    return tuple(modified), tuple(untracked)


def clear(repository: Repository) -> None:
    """Finish or undo what processes left that were killed while they made or removed a worktree."""
    for left in abandoned(repository.claims, PURPOSE):
        _settle(repository, left)


def _worktree(record: dict[str, str], top: Path | None) -> Worktree:
    branch = record.get("branch")
    return Worktree(
        # Of a main checkout with a git directory elsewhere, git names that directory here.
        top or Path(record["worktree"]),
        record.get("HEAD"),
        branch.removeprefix("refs/heads/") if branch else None,
        record.get("locked"),
        "prunable" in record,
    )


def _add(repository: Repository, path: Path, branch: str) -> None:
    if (path.exists() or path.is_symlink()) and not is_empty_folder(path):
        raise InvalidInput(
            f"`{path}` is in the way of the worktree of `{branch}`; it was left as it is",
            f"move `{path}` elsewhere",
            code="folder-in-the-way",
        )
    if repository.refs.branch(branch) is None:
        raise InvalidInput(f"there is no branch `{branch}`", code="no-branch")
    staging = path.parent / f"{MAKING}{os.urandom(4).hex()}"
    # Folders such as `team/` of `team/x`, inner ones first: whoever clears up takes them away, too.
    above = [str(folder) for folder in path.parents if not folder.exists()]
    held = claim(
        repository.claims,
        PURPOSE,
        path=str(path),
        folder=str(staging),
        git=str(_aside(repository)),
        above=above,
    )
    try:
        _make(repository, path, branch, staging, held)
    except BaseException as error:
        _settle(repository, held)
        if isinstance(error, OSError):
            raise EnvironmentFailure(f"`{path}` cannot be made: {error.strerror}", code="disk") from error
        raise
    held.release()


def _make(repository: Repository, path: Path, branch: str, staging: Path, held: Claim) -> None:
    place = staging / path.name
    staging.mkdir(parents=True)
    place.mkdir()
    register(repository, place, branch, Path(held.what["git"]))
    # Not `reset --hard`: that also locks the branch, and killed then it leaves a lock that no claim names.
    fill = ("read-tree", "--reset", "-u", "--no-recurse-submodules", "HEAD")
    repository.checkout(place, keep=(held.descriptor,)).run(*fill)
    try:
        place.rename(path)
    except OSError as error:
        raise InvalidInput(
            f"`{path}` is in the way of the worktree of `{branch}`; it was left as it is",
            f"move `{path}` elsewhere",
            code="folder-in-the-way",
        ) from error
    point(git_directory(path), path)
    staging.rmdir()


def _remove(repository: Repository, path: Path) -> None:
    found = next((each for each in _settled(repository) if each.path == path), None)
    if found is None and not path.exists():
        return
    if found is None or path == repository.top:
        raise InvalidInput(
            f"`{path}` is not a worktree of this repository's; it was left as it is", code="not-a-worktree"
        )
    trash = path.parent / f".removing-{os.urandom(4).hex()}"
    held = claim(repository.claims, PURPOSE, path=str(path), folder=str(trash), git=str(_aside(repository)))
    try:
        if path.exists():
            trash.mkdir()
            path.rename(trash / path.name)
    except OSError as error:
        _settle(repository, held)
        raise EnvironmentFailure(f"`{path}` cannot be removed: {error.strerror}", code="disk") from error
    _settle(repository, held)


def _settle(repository: Repository, held: Claim) -> None:
    """Clear away the folder beside: its worktree becomes whole if it was renamed, else it never was."""
    path, folder = Path(held.what["path"]), Path(held.what["folder"])
    aside = Path(held.what["git"]) if "git" in held.what else _aside(repository)
    try:
        for own in directories(repository):
            place = place_of(own)
            if place.is_relative_to(folder):
                if points_to(path, own):
                    point(own, path)
                else:
                    forget(own, aside)
            elif place == path and (folder / path.name).exists():
                forget(own, aside)
        remove_folder(folder)
        remove_folder(aside)
        for above in held.what.get("above", ()):
            with suppress(OSError):  # somebody else's things are in it by now
                os.rmdir(above)
    except OSError as error:
        # Somebody else's files, or a full disk: the claim stays for a later try.
        os.close(held.descriptor)
        raise EnvironmentFailure(f"`{folder}` cannot be removed: {error.strerror}", code="disk") from error
    held.release()


def _settled(repository: Repository) -> list[Worktree]:
    """All checkouts, once nothing is half-made.

    Whoever asks is alone, so a claim that cannot be taken over belongs to a git that outlives
    for a moment the process that started it.
    """
    deadline = time.monotonic() + PATIENCE
    clear(repository)
    while present(repository.claims, PURPOSE):
        if time.monotonic() > deadline:
            raise EnvironmentFailure("another process is still making a worktree", code="locked")
        time.sleep(0.02)
        clear(repository)
    return worktrees(repository)


def _make_room(repository: Repository, known: list[Worktree], path: Path, branch: str) -> None:
    """Drop git's records of worktrees whose folder is gone, at our path or of our branch."""
    for worktree in known:
        if worktree.path == path and path.is_dir() and not is_empty_folder(path):
            other = f"`{worktree.branch}`" if worktree.branch else "no branch"
            raise InvalidInput(
                f"the worktree at `{path}` has {other} checked out, not `{branch}`",
                f"`git -C {path} switch {branch}`",
                code="other-branch",
            )
        if worktree.path == path or worktree.branch == branch:
            _forget(repository, worktree)


def _forget(repository: Repository, worktree: Worktree) -> None:
    """Drop git's record of a worktree whose folder is gone, unless it is locked (a disk elsewhere)."""
    if worktree.locked not in (None, HALF_MADE):
        raise InvalidInput(
            f"the worktree at `{worktree.path}` is locked, and its folder is not there",
            f"`git worktree unlock {worktree.path}` if it will not come back",
            code="worktree-locked",
        )
    for own in directories(repository):
        if place_of(own) == worktree.path:
            forget(own, _aside(repository))


def _complete(repository: Repository, worktree: Worktree) -> None:
    """Fill a worktree that `git worktree add` left half-made. Files that are there stay as they are."""
    own = git_directory(worktree.path)
    if worktree.path == repository.top or (own / "index").exists() or worktree.locked != HALF_MADE:
        return
    if (own / "index.lock").exists():
        raise EnvironmentFailure(
            f"`git worktree add` was cut off at `{worktree.path}`, or is still running",
            f"if no git is running there: `git worktree remove -f -f {worktree.path}`",
            code="locked",
        )
    git = repository.checkout(worktree.path)
    git.run("read-tree", "HEAD")
    # Without --force it writes what is missing, and says with its status that some were there.
    git.run("checkout-index", "--all", "--quiet", check=False)
    git.run("update-index", "-q", "--refresh", check=False)
    (own / "locked").unlink(missing_ok=True)


def _aside(repository: Repository) -> Path:
    """Where a git directory is made or ends: on the disk of the others, where git does not look."""
    return repository.common / "kitchens" / f"scratch-{os.urandom(8).hex()}"

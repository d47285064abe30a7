"""Trees as files on disk: exactly what the objects hold, or as a checkout of the user's would have it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from kitchens.git.formats import Entry
from kitchens.git.objects import Objects
from kitchens.git.repository import Repository
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

CHUNK = 1 << 20
LINK = "120000"
PROGRAM = "100755"


class Planned(NamedTuple):
    """What a checkout of a tree holds: the folders, outer ones first, and the files with their entries."""

    folders: list[str]
    files: list[tuple[str, Entry]]


def write_tree(objects: Objects, tree: str, folder: Path, paths: Collection[str] | None = None) -> int:
    """Write the files of `tree` into `folder`, and give their number.

    Bytes are those of the blobs: no filter runs, and no end of line is converted. With
    `paths` (files or folders) only those are written; one that is not in the tree is left
    out. Submodules become empty folders. Raises `InvalidInput` when a name would lead out of
    the folder, and `EnvironmentFailure` when something is there already.
    """
    return write_planned(objects, plan_tree(objects, tree, paths), folder)


def write_planned(objects: Objects, planned: Planned, folder: Path) -> int:
    """Write what `plan_tree` found, and give the number of files."""
    folders, files = planned
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in folders:
            # Must be new or a real folder: a link here would lead the files elsewhere.
            _make_folder(folder / name)
        waiting = iter(files)

        def take(stream: IO[bytes], size: int) -> None:
            path, entry = next(waiting)
            write_file(os.path.join(folder, path), entry.mode, stream, size)

        objects.copy_all([entry.oid for _, entry in files], take)
    except OSError as error:
        raise EnvironmentFailure(
            f"`{error.filename or folder}` cannot be written: {error.strerror}", code="disk"
        ) from error
    return len(files)


def refresh_checkout(repository: Repository, folder: Path, index: Path, commit: str) -> None:
    """Make `folder` a clean checkout of `commit`: nothing more and nothing less, with the user's filters. How lines end
    is for the repository to say, not for the machine: what a gate saw is what runs.

    `index` is this folder's own and makes the next time cheap. Both belong to the caller,
    who keeps others out; nothing of the user's is touched.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        index.parent.mkdir(parents=True, exist_ok=True)
        # Whoever held it was killed, since the caller keeps others out.
        index.with_name(f"{index.name}.lock").unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentFailure(f"`{folder}` cannot be written: {error.strerror}", code="disk") from error
    git = repository.git.at(folder, git_dir=repository.common, work_tree=folder)
    if not index.exists():
        git.run("read-tree", "--empty", index=index)
    git.run("clean", "-ffdxq", index=index)
    pinned = ("-c", "core.sparseCheckout=false", "-c", "core.autocrlf=false", "-c", "core.eol=lf")
    git.run(*pinned, "read-tree", "--reset", "-u", commit, index=index)


def plan_tree(objects: Objects, tree: str, paths: Collection[str] | None = None) -> Planned:
    """What of `tree` is written (with `paths`, only what is there of these). Raises `InvalidInput` as `write_tree`."""
    folders: dict[str, None] = {}
    files: dict[str, Entry] = {}
    for clean, found in covered(objects, tree, paths):
        parts = clean.split("/")
        for count in range(1, len(parts)):
            folders["/".join(parts[:count])] = None
        for where, entry in _below(objects, clean, found):
            if entry.kind == "blob":
                files[where] = entry
            elif where:
                folders[where] = None
    return Planned(list(folders), list(files.items()))


def covered(objects: Objects, tree: str, paths: Collection[str] | None) -> Iterator[tuple[str, Entry]]:
    """Those of `paths` (None: the whole tree) that are there, outer ones first, with what is there.

    Raises `InvalidInput` for a name that no checkout may have.
    """
    for clean in [""] if paths is None else sorted({path.strip("/") for path in paths}):
        found = objects.entry(tree, clean)
        if found is not None:
            for part in clean.split("/") if clean else ():
                _refuse_name(clean, part)
            yield clean, found


def listed(objects: Objects, path: str, tree: str) -> Iterator[Entry]:
    """The lines of a tree that lies at `path`. Raises `InvalidInput` for a name that no checkout may have."""
    before = None
    for below in objects.entries(tree):
        where = f"{path}/{below.name}" if path else below.name
        if below.name == before:
            raise InvalidInput(f"the tree holds `{where}` twice", code="tree")
        before = below.name
        _refuse_name(where, below.name)
        yield below


def _below(objects: Objects, path: str, entry: Entry) -> Iterator[tuple[str, Entry]]:
    yield path, entry
    if entry.kind == "tree":
        for below in listed(objects, path, entry.oid):
            yield from _below(objects, f"{path}/{below.name}" if path else below.name, below)


def _refuse_name(path: str, name: str) -> None:
    """Git refuses to check these out too: they are someone's attempt to write elsewhere."""
    if name in (".", "..") or "/" in name or name.casefold() == ".git" or (path and not name):
        raise InvalidInput(f"the tree holds `{path}`, which no checkout may have", code="tree")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        if folder.is_symlink() or not folder.is_dir():
            raise


def write_file(path: str, mode: str, stream: IO[bytes], size: int) -> None:
    """Write one file or link, which must not be there."""
    if mode == LINK:
        os.symlink(stream.read(size), os.fsencode(path))
        return
    permissions = 0o777 if mode == PROGRAM else 0o666
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, permissions)
    try:
        while size:
            chunk = stream.read(min(size, CHUNK))
            if not chunk:
                raise EnvironmentFailure("`git cat-file` ended before it answered", code="git")
            size -= len(chunk)
            while chunk:
                chunk = chunk[os.write(descriptor, chunk) :]
    finally:
        os.close(descriptor)

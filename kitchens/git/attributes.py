"""Attributes that have a say in a merge, as both sides carry them; and merge drivers, which have none."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kitchens.git.checkouts.folders import scratch
from kitchens.git.command import text
from kitchens.git.repository import Repository
from kitchens.git.trees import files_on_the_way
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

#: `merge=<driver>` in a line of attributes, or in a macro's definition.
_DRIVER = re.compile(rb"(?:^|\s)merge=(\S+)")

ATTRIBUTES = ".gitattributes"

#: The code of the error for a merge that asks for a merge driver of this machine.
DRIVER_REFUSED = "merge-driver"


def attributes_in(repository: Repository, commit: str) -> dict[str, bytes]:
    """All attribute files in a commit, by path; those of the last few commits are remembered."""
    key = (repository.common, commit)
    if key not in _KNOWN:
        while len(_KNOWN) >= 8:
            del _KNOWN[next(iter(_KNOWN))]
        _KNOWN[key] = _read(repository, commit)
    return _KNOWN[key]


#: A commit's attributes never change; the second run of a merge asks for them again.
_KNOWN: dict[tuple[Path, str], dict[str, bytes]] = {}


def _read(repository: Repository, commit: str) -> dict[str, bytes]:
    listed = repository.git.run("ls-tree", "-r", "-z", "--full-tree", commit).out.split(b"\0")
    found = {}
    for line in listed:
        if line.endswith(b".gitattributes"):
            head, _, path = line.partition(b"\t")
            mode, _, oid = head.split()
            if path.rpartition(b"/")[2] == b".gitattributes" and mode.startswith(b"100"):
                found[text(path)] = oid.decode()
    contents = repository.objects.read_all(list(found.values()))
    return {path: content or b"" for path, content in zip(found, contents, strict=True)}


def attributes_of(
    repository: Repository, ours: str, theirs: str, folders: set[str]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The attribute files of both sides in these folders, by path."""
    if not folders:
        return {}, {}
    objects = repository.objects
    trees = [commit.tree for commit in objects.commits([ours, theirs])]
    objects.learn(trees)
    found: tuple[dict[str, str], ...] = ({}, {})
    for depth in range(max(folder.count("/") for folder in folders) + 1):
        level = [folder for folder in folders if folder.count("/") == depth]
        inside = [[(folder, objects.entry(tree, folder)) for folder in level] for tree in trees]
        objects.learn([entry.oid for side in inside for _, entry in side if entry and entry.kind == "tree"])
        for files, side in zip(found, inside, strict=True):
            for folder, entry in side:
                for line in objects.entries(entry.oid) if entry and entry.kind == "tree" else ():
                    if line.name == ATTRIBUTES and line.mode.startswith("100"):
                        files[f"{folder}/{ATTRIBUTES}".lstrip("/")] = line.oid
    return _read_both(repository, found)


def attributes_on_the_way(
    repository: Repository, ours: str, theirs: str, bases: Sequence[str]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The attribute files of both sides, by path, that have a say: those above a path which somebody changed. A merge
    looks at no others, and most folders of a large repository are the same on all sides."""
    objects = repository.objects
    trees = [commit.tree for commit in objects.commits([ours, theirs, *bases])]
    return _read_both(repository, files_on_the_way(objects, trees, ATTRIBUTES)[:2])


def _read_both(
    repository: Repository, found: tuple[dict[str, str], ...]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    contents = iter(repository.objects.read_all([oid for files in found for oid in files.values()]))
    ours_read, theirs_read = ({path: next(contents) or b"" for path in files} for files in found)
    return ours_read, theirs_read


@contextmanager
def attribute_files(repository: Repository, attributes: dict[str, bytes]) -> Iterator[Path]:
    """A folder that stands in for a checkout of `ours`: git looks there for attributes only."""
    if not attributes:
        yield repository.common
        return
    with scratch(repository.common / "kitchens") as folder:
        try:
            for path, content in attributes.items():
                file = folder / os.fsdecode(path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        except OSError as error:
            raise EnvironmentFailure(
                f"`{folder}` cannot be written: {error.strerror}", code="disk"
            ) from error
        yield folder


def refuse_drivers(repository: Repository, attributes: dict[str, bytes]) -> None:
    """A merge driver is a program named in `.git/config`: it decides differently on another machine."""
    local = local_attributes(repository)
    if local.is_file():
        attributes = {**attributes, str(local): local.read_bytes()}
    if not any(_DRIVER.search(content) for content in attributes.values()):
        return
    drivers = configured_drivers(repository)
    for path, content in attributes.items():
        for line in content.splitlines():
            for driver in map(text, _DRIVER.findall(line)):
                if driver in drivers and not line.startswith(b"#"):
                    raise InvalidInput(
                        f"`{path}` asks for the merge driver `{driver}`, a program in this machine's git"
                        " configuration; merges must come out the same everywhere",
                        f"remove `merge={driver}`, or `git config --unset merge.{driver}.driver`"
                        " to merge such files as text",
                        code=DRIVER_REFUSED,
                        file=path,
                    )


def configured_drivers(repository: Repository) -> frozenset[str]:
    """The merge drivers that this machine's configuration names a program for, at this moment."""
    repository.configuration.read_anew()
    return repository.configuration.merge_drivers


def local_attributes(repository: Repository) -> Path:
    """The file of those that this machine alone has."""
    return repository.common / "info" / "attributes"

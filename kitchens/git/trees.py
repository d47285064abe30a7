"""Trees compared without a process: only what differs is read, level by level, whatever number of trees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kitchens.git.command import data
from kitchens.git.formats import Entry, parse_tree
from kitchens.git.history import diff_names
from kitchens.git.objects import Objects, missing
from kitchens.git.repository import Repository
from kitchens_engine.tuples import NamedTuple

#: A path, git's letter for what happened to it, and the path before for a rename, as `diff_names` gives them.
Change = tuple[str, str, str | None]

#: A path, and what is there in the old tree and in the new one. A rename is a path that goes and one that comes.
Difference = tuple[str, Entry | None, Entry | None]


class _Folder(NamedTuple):
    """A folder that differs: which comparison it belongs to, its path, and its trees (None: there is none)."""

    number: int
    path: str
    old: str | None
    new: str | None


def compare(repository: Repository, pairs: Sequence[tuple[str, str]]) -> list[list[Change]]:
    """What changed from each old tree to its new one, in git's order. Git itself is asked where something may have
    been renamed."""
    found: list[list[Change]] = [
        [(path, _letter(old, new), None) for path, old, new in each]
        for each in differing(repository.objects, pairs)
    ]
    for number, changes in enumerate(found):
        if {"A", "D"} <= {letter for _, letter, _ in changes}:
            found[number] = diff_names(repository, *pairs[number])
    return found


def _letter(old: Entry | None, new: Entry | None) -> str:
    if old is None or new is None:
        return "A" if old is None else "D"
    return "M" if old.mode[:3] == new.mode[:3] else "T"


def differing(objects: Objects, pairs: Sequence[tuple[str, str]]) -> list[list[Difference]]:
    """For each old and new tree the paths with another file, link or submodule, and what is there, in git's order."""
    found: list[list[Difference]] = [[] for _ in pairs]
    waiting = [_Folder(number, "", old, new) for number, (old, new) in enumerate(pairs) if old != new]
    while waiting:
        objects.learn([tree for folder in waiting for tree in (folder.old, folder.new) if tree])
        below: list[_Folder] = []
        for folder in waiting:
            for old, new in _differing(objects, folder.old, folder.new):
                path = f"{folder.path}{(old or new).name}"  # type: ignore[union-attr]
                trees = [
                    each.oid if each is not None and each.kind == "tree" else None for each in (old, new)
                ]
                if any(trees):
                    below.append(_Folder(folder.number, f"{path}/", *trees))
                was, now = (each if each is not None and each.kind != "tree" else None for each in (old, new))
                if was is not None or now is not None:
                    found[folder.number].append((path, was, now))
        waiting = below
    for differences in found:
        differences.sort(key=lambda each: data(each[0]))
    return found


def _differing(
    objects: Objects, old: str | None, new: str | None
) -> Iterator[tuple[Entry | None, Entry | None]]:
    """The lines of two trees that are not the same, by name."""
    before = {entry.name: entry for entry in objects.entries(old)} if old else {}
    after = {entry.name: entry for entry in objects.entries(new)} if new else {}
    for name, entry in before.items():
        if after.get(name) != entry:
            yield entry, after.get(name)
    for name, entry in after.items():
        if name not in before:
            yield None, entry


def files_on_the_way(objects: Objects, trees: Sequence[str], name: str) -> tuple[dict[str, str], ...]:
    """For each of `trees` the files of this name in folders that are not the same in all of them: path → id.

    A tree of hundreds of lines is read line by line only when it can hold such a file, or a folder.
    """
    sought = name.encode() + b"\0"
    found: tuple[dict[str, str], ...] = tuple({} for _ in trees)
    waiting: list[tuple[str, tuple[str | None, ...]]] = [("", tuple(trees))]
    while waiting:
        oids = list(dict.fromkeys(tree for _, each in waiting for tree in each if tree))
        contents = dict(zip(oids, objects.read_all(oids), strict=True))
        below: list[tuple[str, tuple[str | None, ...]]] = []
        for path, each in waiting:
            folders: list[dict[str, str]] = []
            for files, tree in zip(found, each, strict=True):
                folders.append({})
                content = b"" if tree is None else contents[tree]
                if content is None:
                    raise missing(str(tree))
                if sought not in content and b"40000 " not in content:
                    continue
                for entry in parse_tree(content, objects.width // 2):
                    if entry.kind == "tree":
                        folders[-1][entry.name] = entry.oid
                    elif entry.name == name and entry.mode.startswith("100"):
                        files[f"{path}{name}"] = entry.oid
            for folder in dict.fromkeys(one for line in folders for one in line):
                inside = tuple(line.get(folder) for line in folders)
                if len(set(inside)) > 1:
                    below.append((f"{path}{folder}/", inside))
        waiting = below
    return found

"""A merge in the object store alone: no checkout is read, and none is touched."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from kitchens.git.attributes import (
    DRIVER_REFUSED,
    attribute_files,
    attributes_in,
    attributes_of,
    attributes_on_the_way,
    configured_drivers,
    local_attributes,
    refuse_drivers,
)
from kitchens.git.checkouts.folders import scratch
from kitchens.git.command import PINNED_MERGE, Answer, Git
from kitchens.git.history import common_ancestors
from kitchens.git.repository import Repository
from kitchens.model.kitchen import Identity
from kitchens_engine.errors import InvalidInput

#: The settings of the user and of the machine do not count, and neither do their attributes.
_NOBODYS = {"GIT_ATTR_NOSYSTEM": "1", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}

#: What is no setting but says how objects are stored, by the width of their ids.
_CONFIGURATION = {
    width: f"[core]\n\trepositoryFormatVersion = 1\n[extensions]\n\tobjectFormat = {name}\n"
    for width, name in ((40, "sha1"), (64, "sha256"))
}

#: What is added to a git's environment.
Variables = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A path that both sides changed. `kind` is git's stable name, such as `CONFLICT (contents)`."""

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class Merge:
    """What the two sides add up to: a tree, or conflicts. `base` is their merge base."""

    tree: str | None
    conflicts: tuple[Conflict, ...]
    base: str | None

    def named(self, sides: Mapping[str, str]) -> Merge:
        """The same with each side called as `git merge` calls it in a checkout: `sides` are names by commit id.

        Where both sides' files cannot lie at one path, git puts one beside it, `path~<name of its side>`; a merge
        of two commits can only call it `path~<commit id>`.
        """
        conflicts = (Conflict(_beside(one.path, sides), one.kind) for one in self.conflicts)
        return replace(self, conflicts=tuple(sorted(conflicts, key=lambda one: one.path)))


def merge_commits(repository: Repository, ours: str, theirs: str) -> Merge:
    """Merge the commit `theirs` into `ours` as `git merge` would in a clean checkout of `ours`.

    The same two commits give the same tree on every machine: only attributes that `ours`
    carries count. Raises `InvalidInput` when either side wants a merge driver that only
    this machine's configuration knows, and when they have no commit in common.
    """
    bases = common_ancestors(repository, ours, theirs)
    if not bases:
        raise InvalidInput(
            f"`{ours[:12]}` and `{theirs[:12]}` have no commit in common, so there is nothing to merge by",
            code="unrelated",
        )
    tree, conflicts = _merged(repository, ours, theirs, bases)
    return Merge(None if conflicts else tree, conflicts, bases[0])


def merge_many(repository: Repository, ours: str, others: Sequence[str]) -> list[Merge | None]:
    """`merge_commits` of each of `others` into `ours` on its own, by one process; without merge bases. None for what
    cannot be merged at all: `merge_commits` says why."""
    attributes = attributes_in(repository, ours)
    if configured_drivers(repository):
        # What each side asks for must be looked at then.
        return [_merge_or_none(repository, ours, each) for each in others]
    found: list[Merge | None] = []
    with attribute_files(repository, attributes) as folder:
        while len(found) < len(others):
            rest = others[len(found) :]
            words = ("merge-tree", "--stdin", "--write-tree", "-z", "--name-only", "--messages")
            lines = "".join(f"{ours} {each}\n" for each in rest).encode()
            with _hermetic(repository, folder) as (git, variables):
                answer = git.run(*PINNED_MERGE, *words, input=lines, check=False, variables=variables)
            found += _parse_many(answer)
            if answer.status != 0 and len(found) < len(others):
                # It ends at the first that has no commit in common with ours.
                found.append(None)
    return found


def _merge_or_none(repository: Repository, ours: str, theirs: str) -> Merge | None:
    try:
        return merge_commits(repository, ours, theirs)
    except InvalidInput:
        return None


@contextmanager
def merging_again(
    repository: Repository, ours: str, theirs: str, bases: Sequence[str]
) -> Iterator[Callable[[], str | None]]:
    """A second run of `merge_commits`, by these merge bases, beside what is done inside; what it yields waits for its
    tree, None for a conflict.

    What asks for a merge driver that this machine has was merged where there was none: it is merged as it was there.
    """

    def tree() -> str | None:
        try:
            found, conflicts = merged()
        except InvalidInput as refusal:
            if refusal.code != DRIVER_REFUSED:
                raise
            found, conflicts = _merged_apart(repository, ours, theirs, bases)
        return None if conflicts else found

    with ExitStack() as stack:
        try:
            merged = stack.enter_context(_merging(repository, ours, theirs, bases))
        except InvalidInput as refusal:
            if refusal.code != DRIVER_REFUSED:
                raise
            merged = partial(_merged_apart, repository, ours, theirs, bases)
        yield tree


def _merged(
    repository: Repository, ours: str, theirs: str, bases: Sequence[str]
) -> tuple[str, tuple[Conflict, ...]]:
    with _merging(repository, ours, theirs, bases) as merged:
        return merged()


@contextmanager
def _merging(
    repository: Repository, ours: str, theirs: str, bases: Sequence[str]
) -> Iterator[Callable[[], tuple[str, tuple[Conflict, ...]]]]:
    """The merge's tree and conflicts, by the attributes of `ours`, as soon as git has them.

    Attributes have a say only where both sides' content is mixed, and git names those paths: nobody looks for them in
    thousands of folders. The files at the top of both sides are known beforehand. A driver can be asked for anywhere,
    so where this machine has one, all are looked at first.
    """
    configuration = repository.configuration
    if len(bases) > 1 or (configuration.is_known and configuration.merge_drivers):
        # Several bases are merged first, and of that git says nothing.
        yield lambda: _merged_by_all(repository, ours, theirs, bases)
        return
    tops, others = attributes_of(repository, ours, theirs, {""})
    refuse_drivers(repository, {**others, **tops})
    with _merge_tree(repository, ours, theirs, tops) as answer:
        with configuration.meanwhile():
            pass

        def merged() -> tuple[str, tuple[Conflict, ...]]:
            if configuration.merge_drivers:
                return _merged_by_all(repository, ours, theirs, bases)
            first = answer()
            below, others = attributes_of(repository, ours, theirs, _above(_mixed(first)) - {""})
            refuse_drivers(repository, {**others, **below})
            if not below:
                return _parse(first)
            with _merge_tree(repository, ours, theirs, {**tops, **below}) as second:
                return _parse(second())

        yield merged


def _merged_by_all(
    repository: Repository, ours: str, theirs: str, bases: Sequence[str]
) -> tuple[str, tuple[Conflict, ...]]:
    """The same with the attributes of all folders that are not the same on all sides."""
    attributes, others = attributes_on_the_way(repository, ours, theirs, bases)
    refuse_drivers(repository, {**others, **attributes})
    with _merge_tree(repository, ours, theirs, attributes) as answer:
        return _parse(answer())


def _merged_apart(
    repository: Repository, ours: str, theirs: str, bases: Sequence[str]
) -> tuple[str, tuple[Conflict, ...]]:
    """The same on a machine that has no merge drivers."""
    attributes, _ = attributes_on_the_way(repository, ours, theirs, bases)
    with _merge_tree(repository, ours, theirs, attributes, apart=True) as answer:
        return _parse(answer())


@contextmanager
def _merge_tree(
    repository: Repository, ours: str, theirs: str, attributes: dict[str, bytes], *, apart: bool = False
) -> Iterator[Callable[[], Answer]]:
    """Git's own merge, beside what is done inside."""
    words = ("merge-tree", "--write-tree", "-z", "--name-only", "--messages", ours, theirs)
    with (
        attribute_files(repository, attributes) as folder,
        _hermetic(repository, folder, apart=apart) as (git, variables),
        git.meanwhile(*PINNED_MERGE, *words, variables=variables) as answer,
    ):

        def merged() -> Answer:
            if answer().status not in (0, 1):
                raise repository.git.failure(words, answer())
            return answer()

        yield merged


@contextmanager
def _hermetic(
    repository: Repository, folder: Path, *, apart: bool = False
) -> Iterator[tuple[Git, Variables]]:
    """A git whose checkout is `folder`, and the variables that it needs for a merge.

    `.git/info/attributes` is this machine's alone and comes before all others: where it is there, and when asked for
    by `apart`, git is shown the objects of the repository only, without its attributes and without anybody's settings.
    """
    if not apart and not local_attributes(repository).is_file():
        yield (
            repository.git.at(folder, git_dir=repository.common, work_tree=folder),
            {"GIT_ATTR_NOSYSTEM": "1"},
        )
        return
    with scratch(repository.common / "kitchens") as bare:
        (bare / "refs").mkdir()
        (bare / "HEAD").write_text("ref: refs/heads/none\n")
        (bare / "config").write_text(_CONFIGURATION[repository.objects.width])
        places = {"GIT_OBJECT_DIRECTORY": "objects", "GIT_SHALLOW_FILE": "shallow"}
        there = {name: str(repository.common / file) for name, file in places.items()}
        yield repository.git.at(folder, git_dir=bare, work_tree=folder), _NOBODYS | there


def _mixed(merged: Answer) -> set[str]:
    """The paths that git says anything of: each whose content it mixed is one of them."""
    fields = merged.fields
    messages, _ = _messages(fields, fields.index("", 1) + 1) if "" in fields[1:] else ([], 0)
    return {path for paths, _ in messages for path in paths}


def _above(paths: Iterable[str]) -> set[str]:
    """The folders above any of these paths, the top (`""`) included."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def commit_tree(
    repository: Repository,
    tree: str,
    parents: Sequence[str],
    message: str,
    identity: Identity,
    when: datetime,
) -> str:
    """Store a commit of `tree` and give its id. No ref moves."""
    # Hashing and packing cost an import that only writers pay.
    from kitchens.git.pack import commit

    made = commit(tree, parents, message, identity, when, repository.objects.width)
    repository.objects.write([made])
    return made.oid


def _beside(path: str, sides: Mapping[str, str]) -> str:
    """A path with the commit id that git put behind it replaced by the side's name, in which no `/` can be."""
    for commit, name in sides.items():
        before, found, after = path.rpartition(f"~{commit}")
        # Git counts, `_0`, where that is taken already.
        if found and (not after or after[0] in "_/"):
            return f"{before}~{name.replace('/', '_')}{after}"
    return path


def _parse(answer: Answer) -> tuple[str, tuple[Conflict, ...]]:
    """The tree and the conflicts in the output of `merge-tree -z --name-only --messages`.

    Tree, conflicted paths, an empty field; then for each message the number of its
    paths, the paths, git's stable name for it, and words for people.
    """
    fields = answer.fields
    tree = fields[0]
    if answer.status == 0:
        return tree, ()
    conflicts, _ = _conflicts(fields, 1)
    return tree, conflicts


def _parse_many(answer: Answer) -> list[Merge | None]:
    """The same for `--stdin`: each is a status (1: clean), a tree, what `_conflicts` reads, and an empty field."""
    fields, position = answer.fields, 0
    found: list[Merge | None] = []
    while position + 1 < len(fields):
        clean, tree = fields[position] == "1", fields[position + 1]
        conflicts, position = _conflicts(fields, position + 2)
        found.append(Merge(tree if clean else None, () if clean else conflicts, None))
        position += 1
    return found


def _conflicts(fields: Sequence[str], start: int) -> tuple[tuple[Conflict, ...], int]:
    """The conflicts in the fields from `start` on, and where they end: at an empty field, or with the fields."""
    end = fields.index("", start)
    conflicted = fields[start:end]
    kinds: dict[str, str] = {}
    messages, position = _messages(fields, end + 1)
    for paths, kind in messages:
        if kind.startswith("CONFLICT"):
            # The first path of a message is the one that it is about; others may be where
            # something was before, and count only if they are in conflict themselves.
            for path in paths:
                if path == paths[0] or path in conflicted:
                    kinds.setdefault(path, kind)
    for path in conflicted:
        kinds.setdefault(path, "CONFLICT (contents)")
    return tuple(Conflict(path, kinds[path]) for path in sorted(kinds)), position


def _messages(fields: Sequence[str], position: int) -> tuple[list[tuple[Sequence[str], str]], int]:
    """Each message's paths and its stable name, from `position` on, and where they end."""
    found: list[tuple[Sequence[str], str]] = []
    while position < len(fields) and fields[position]:
        after = position + 1 + int(fields[position])
        found.append((fields[position + 1 : after], fields[after]))
        position = after + 2
    return found, position

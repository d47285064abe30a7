"""What a landing changes: the paths in which two commits differ."""

from __future__ import annotations

from dataclasses import dataclass

from kitchens.git.formats import Entry
from kitchens.git.repository import Repository
from kitchens.git.trees import differing

SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class Change:
    """A path that differs between two trees. A mode is None where it is absent; `oid` is that of the new, `was` that
    of the old."""

    path: str
    before: str | None
    after: str | None
    oid: str
    was: str


def changes(repository: Repository, old: str, new: str) -> tuple[Change, ...]:
    """The paths in which two commits differ, renames as a deletion and an addition."""
    objects = repository.objects
    one, other = (commit.tree for commit in objects.commits([old, new]))
    nothing = "0" * objects.width
    return tuple(
        Change(path, _mode(was), _mode(now), now.oid if now else nothing, was.oid if was else nothing)
        for path, was, now in differing(objects, [(one, other)])[0]
    )


def _mode(entry: Entry | None) -> str | None:
    """The mode as an index has it: trees of old tools may say more of a file than whether it can be run."""
    if entry is None or not entry.mode.startswith("100"):
        return entry and entry.mode
    return "100755" if int(entry.mode, 8) & 0o100 else "100644"

"""The files of a tree in git, as the engine and the gate read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kitchens.git.objects import Objects


@dataclass(frozen=True, slots=True)
class TreeSource:
    """The files of one tree or commit. Paths have `/`."""

    objects: Objects
    treeish: str

    def read(self, path: str) -> bytes | None:
        """The content of the file at `path`, or None when there is no such file."""
        return self.objects.read(self.treeish, path)

    def names(self, folder: str) -> Sequence[str]:
        """The names directly inside `folder`, sorted; empty when there is no such folder."""
        return sorted(entry.name for entry in self.objects.entries(f"{self.treeish}:{folder}"))

    def oid(self, path: str) -> str | None:
        """The id of the blob or tree at `path` (`""`: the whole tree), or None when nothing is there."""
        found = self.objects.entry(self.treeish, path)
        return None if found is None else found.oid

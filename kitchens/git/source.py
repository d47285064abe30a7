"""A tree of a commit as the files of a cookbook."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from kitchens.git.command import text
from kitchens.git.formats import Entry
from kitchens.git.objects import Objects

#: Links to links to links end somewhere, or go round.
HOPS = 16

LINK, SUBMODULE = "120000", "160000"


class TreeSource:
    """Files of the tree `tree` (a tree or commit, by id), as the engine's `Source`.

    A symbolic link is followed only within the folder of its own recipe (the first two
    parts of its path, or the first `room`): that folder is what the recipe's fingerprint
    covers, and it is what a gate's checkout holds.
    """

    def __init__(self, objects: Objects, tree: str, *, room: int = 2) -> None:
        self._room = room
        self._objects = objects
        self._tree = tree

    def read(self, path: str) -> bytes | None:
        """The content of the file at `path`, or None when there is no such file."""
        found = self._find(path)
        return self._objects.blob(found.oid) if found and found.kind == "blob" else None

    def names(self, folder: str) -> Sequence[str]:
        """The names directly inside `folder`, sorted, without links that are not followed; empty when there is no such
        folder."""
        found = self._find(folder)
        if found is None or found.kind != "tree":
            return ()
        return sorted(
            entry.name
            for entry in self._objects.entries(found.oid)
            if entry.mode != LINK or self._find(f"{folder}/{entry.name}") is not None
        )

    def oid(self, path: str) -> str | None:
        """The id of what is at `path` itself, links not followed (`""`: the whole tree), or None."""
        found = self._objects.entry(self._tree, path)
        return None if found is None else found.oid

    def link(self, path: str) -> str | None:
        """Where in the tree the symbolic link at `path` leads, or None when there is none or it leads elsewhere."""
        found = self._objects.entry(self._tree, path)
        if found is None or found.mode != LINK:
            return None
        target = posixpath.normpath(
            posixpath.join(posixpath.dirname(path), text(self._objects.blob(found.oid)))
        )
        return None if target.startswith(("/", "..")) else target

    def submodule(self, path: str) -> str | None:
        """The submodule at or above `path`, whose files are no part of the tree, or None."""
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            above = "/".join(parts[:count])
            found = self._objects.entry(self._tree, above)
            if found is None or found.mode == SUBMODULE:
                return above if found else None
        return None

    def foresee(self, paths: Sequence[str]) -> None:
        """Read what is at these paths in one go for files and one for folders; whatever is not there is left out."""
        found = [entry for path in paths if (entry := self._objects.entry(self._tree, path)) is not None]
        self._objects.learn([entry.oid for entry in found if entry.kind == "tree"])
        self._objects.foresee_blobs([entry.oid for entry in found if entry.kind == "blob"])

    def _find(self, path: str) -> Entry | None:
        path = posixpath.normpath(path).strip("/")
        path = "" if path == "." else path
        for _ in range(HOPS):
            found, rest = self._walk(path)
            if found is None or found.mode != LINK:
                return found if not rest else None
            link = path.removesuffix(rest).rstrip("/")
            target = text(self._objects.blob(found.oid))
            after = posixpath.normpath(posixpath.join(posixpath.dirname(link), target, rest.lstrip("/")))
            room = self._room
            if link.split("/")[:room] != after.split("/")[:room] or len(link.split("/")) <= room:
                return None
            path = after
        return None

    def _walk(self, path: str) -> tuple[Entry | None, str]:
        """What is at `path`, or the first link on the way there with what is left of the path."""
        parts = [part for part in path.split("/") if part]
        for count in range(1, len(parts)):
            above = self._objects.entry(self._tree, "/".join(parts[:count]))
            if above is None or above.mode == LINK:
                return above, "/" + "/".join(parts[count:])
        return self._objects.entry(self._tree, path), ""

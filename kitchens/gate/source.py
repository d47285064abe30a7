"""Files of a tree in git, as the gate reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kitchens_engine.ports import Source


class ObjectSource(Source, Protocol):
    """Files of a tree that can also name the object id of a file or folder."""

    def oid(self, path: str) -> str | None:
        """The id of the blob or tree at `path` (`""` is the whole tree), or None when nothing is there."""

    def link(self, path: str) -> str | None:
        """Where in the tree the symbolic link at `path` leads, or None when there is none or it leads elsewhere."""

    def submodule(self, path: str) -> str | None:
        """The submodule at or above `path`, whose files are no part of the tree, or None."""

    def foresee(self, paths: Sequence[str]) -> None:
        """Whoever looks at these files and folders afterwards need not wait for each on its own."""

"""Refs as they would be: what a push proposes, over what is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kitchens.git.command import Git
from kitchens.git.objects import Objects
from kitchens.git.refs import Refs


class ProposedRefs(Refs):
    """Read-only: the refs of a repository once `changes` (ref → id, None for deleted) are made."""

    def __init__(self, git: Git, objects: Objects, common: Path, changes: Mapping[str, str | None]) -> None:
        super().__init__(git, objects, common)
        self._changes = changes

    def read(self, ref: str) -> str | None:
        """The id at `ref`, or None when there would be no such ref."""
        return self._changes[ref] if ref in self._changes else super().read(ref)

    def refs(self, *prefixes: str) -> dict[str, str]:
        """All refs below the prefixes, sorted."""
        found: dict[str, str | None] = {**super().refs(*prefixes)}
        found |= {ref: oid for ref, oid in self._changes.items() if ref.startswith(prefixes)}
        return {ref: oid for ref, oid in sorted(found.items()) if oid is not None}

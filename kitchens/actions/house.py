"""Where an action works: the repository with its stores, and what came in from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.git.repository import Repository
from kitchens_engine.ports import Event, Observer

if TYPE_CHECKING:
    from kitchens.gate.tree import TreeView
    from kitchens.git.pinned import PinnedSource
    from kitchens.model.kitchen import Identity, Registration
    from kitchens.store.attestations import Attestations
    from kitchens.store.registrations import Registrations


@dataclass(frozen=True)
class House:
    """A repository and what an action may use of the world.

    `environment` is the caller's; `cache` the user's cache folder for toolchains; `now` the
    clock; `interpreter` a Python that has the engine's libraries; `tell` hears what happens;
    `watch` gives, for the time of a run, the event that asks it to stop.
    """

    repository: Repository
    environment: Mapping[str, str]
    cache: Path
    now: Callable[[], datetime]
    interpreter: str
    tell: Observer
    watch: Callable[[], AbstractContextManager[threading.Event]]

    @cached_property
    def registrations(self) -> Registrations:
        """The store of `refs/kitchens/`."""
        from kitchens.store.registrations import Registrations

        return Registrations(self.repository)

    @cached_property
    def attestations(self) -> Attestations:
        """The store of `refs/attestations/`."""
        from kitchens.store.attestations import Attestations

        return Attestations(self.repository)

    @property
    def state(self) -> Path:
        """The folder for what is derived: run records, logs, checkouts. In the common git directory."""
        return self.repository.common / "kitchens"

    def view(self, treeish: str) -> TreeView:
        """The tree of a commit or tree, for the gate."""
        from kitchens.gate.tree import TreeView
        from kitchens.git.pinned import PinnedTree

        return TreeView(PinnedTree(self.repository.objects, treeish))

    def source(self, folder: Path, *, lenient: bool = False) -> PinnedSource:
        """The files of a checkout, uncommitted edits included, with the ingredients that it pins."""
        from kitchens.git.pinned import PinnedSource
        from kitchens_engine.language.shelf import FolderSource

        return PinnedSource(FolderSource(folder), self.repository.objects, lenient=lenient)

    @cached_property
    def identity(self) -> Identity:
        """Who acts."""
        return self.repository.identity()

    def register(self, registration: Registration, old: str | None, reason: str) -> None:
        """Write a registration over the one at `old` (None: new). Raises `Moved` when somebody was faster."""
        self.registrations.write(registration, old, reason, self.identity, self.now())

    def note(self, text: str) -> None:
        """Say one line that is not an answer."""
        self.tell(Event("note", "", None, {"text": text}))

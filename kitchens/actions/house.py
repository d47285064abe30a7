"""Where an action works: the repository with its stores, and what came in from outside."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.git.repository import Repository
from kitchens_engine.errors import Interrupted
from kitchens_engine.ports import Event, Observer

if TYPE_CHECKING:
    from kitchens.actions.gates.recalling import Recall
    from kitchens.gate.tree import TreeView
    from kitchens.git.sharing.pinned import PinnedSource
    from kitchens.git.signatures import Signers
    from kitchens.model.kitchen import Identity, Registration
    from kitchens.store.attestations import Attestations
    from kitchens.store.registrations import Registrations


#: How many trees are kept as they were read: a walk through history looks at each commit twice.
VIEWS = 16


class House:
    """A repository and what an action may use of the world.

    `environment` is the caller's; `cache` the user's cache folder for toolchains; `now` the
    clock; `interpreter` a Python that has the engine's libraries; `tell` hears what happens;
    `watch` gives, for the time of a run, the event that asks it to stop.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        environment: Mapping[str, str],
        cache: Path,
        now: Callable[[], datetime],
        interpreter: str,
        tell: Observer,
        watch: Callable[[], AbstractContextManager[threading.Event]],
    ) -> None:
        self.repository = repository
        self.environment = environment
        self.cache = cache
        self.now = now
        self.interpreter = interpreter
        self.tell = tell
        self.watch = watch

    def over(self, repository: Repository) -> House:
        """The same over another view of the repository, with nothing read yet."""
        return House(
            repository=repository,
            environment=self.environment,
            cache=self.cache,
            now=self.now,
            interpreter=self.interpreter,
            tell=self.tell,
            watch=self.watch,
        )

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
        from kitchens.git.sharing.pinned import PinnedTree

        if treeish in self._views:
            # Those that nobody asks for any more go first.
            self._views[treeish] = self._views.pop(treeish)
            return self._views[treeish]
        view = TreeView(PinnedTree(self.repository.objects, treeish))
        # A name such as `HEAD` may mean another tree next time.
        if len(treeish) == self.repository.objects.width:
            while len(self._views) >= VIEWS:
                del self._views[next(iter(self._views))]
            self._views[treeish] = view
        return view

    @cached_property
    def _views(self) -> dict[str, TreeView]:
        return {}

    @cached_property
    def recall(self) -> Recall:
        """Who reaches whom, kept from one command to the next."""
        from kitchens.actions.gates.recalling import Recall

        return Recall(self.state / "cache" / "reach.json")

    def source(self, folder: Path, *, lenient: bool = False) -> PinnedSource:
        """The files of a checkout, uncommitted edits included, with the ingredients that it pins."""
        from kitchens.git.checkouts.reading import CheckoutSource
        from kitchens.git.sharing.pinned import PinnedSource

        return PinnedSource(CheckoutSource(folder), self.repository.objects, lenient=lenient)

    @cached_property
    def identity(self) -> Identity:
        """Who acts."""
        return self.repository.identity()

    def register(self, registration: Registration, old: str | None, reason: str) -> None:
        """Write a registration over the one at `old` (None: new). Raises `Moved` when somebody was faster."""
        self.registrations.write(registration, old, reason, self.identity, self.now())

    def signers(self, content: bytes) -> Signers:
        """Those whose signatures an `allowed_signers` file counts. What was verified once is remembered."""
        from kitchens.git.signatures import Signers

        if content not in self._signers:
            self._signers[content] = Signers(content, self.repository.git.environment)
        return self._signers[content]

    @cached_property
    def _signers(self) -> dict[bytes, Signers]:
        return {}

    @contextmanager
    def claimed(self, folder: Path) -> Iterator[None]:
        """`folder` is ours and goes at the end; when we are killed, the next command removes it."""
        from kitchens.git.claims import claim
        from kitchens.git.moving.healing import TEMPORARY

        held = claim(self.repository.claims, TEMPORARY, folder=str(folder))
        try:
            yield
        finally:
            # ^C waits for this, and counts after it.
            with self.watch() as stop:
                shutil.rmtree(folder, ignore_errors=True)
                held.release()
        if stop.is_set():
            raise Interrupted("interrupted; nothing half-done is left")

    def note(self, text: str) -> None:
        """Say one line that is not an answer."""
        self.tell(Event("note", "", None, {"text": text}))

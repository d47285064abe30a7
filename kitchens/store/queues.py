"""Merge queues: `refs/queue/<kitchen>`, a commit chain whose `git log` says what came in and how it left."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from kitchens.git.refs import Moved
from kitchens.git.repository import Repository
from kitchens.model.kitchen import Identity
from kitchens.model.names import KitchenName
from kitchens.model.queued import Queue, Queued
from kitchens_engine.errors import EnvironmentFailure

PREFIX = "refs/queue/"
FILE = "queue.toml"

#: Raised when older programs could misread what is written; they then refuse instead.
FORMAT = 1


class Queues:
    """The merge queues in one repository."""

    def __init__(self, repository: Repository) -> None:
        self._objects = repository.objects
        self._refs = repository.refs

    def names(self) -> tuple[KitchenName, ...]:
        """The kitchens that have a queue, sorted; it may be empty."""
        return tuple(KitchenName(ref.removeprefix(PREFIX)) for ref in self._refs.refs(PREFIX))

    def read(self, into: KitchenName) -> Queue:
        """The queue of a kitchen."""
        return self._read(into)[0]

    def outcomes(self, into: KitchenName) -> tuple[bool, ...]:
        """Whether each change that ever left the queue of a kitchen by a verdict was bad, oldest first."""
        found: list[bool] = []
        oid = self._refs.read(f"{PREFIX}{into}")
        after: Queue | None = None
        while oid is not None:
            before = self._at(into, oid)
            if after is not None:
                found += [True] * (after.failed - before.failed) + [False] * (after.passed - before.passed)
            after, oid = before, next(iter(self._objects.commit(oid).parents), None)
        return tuple(reversed(found))

    def change(
        self,
        into: KitchenName,
        change: Callable[[Queue], Queue],
        reason: str,
        identity: Identity,
        when: datetime,
    ) -> Queue:
        """Write what `change` makes of the queue, and give it. When somebody writes at the same time, `change` is asked
        again with what he wrote, so no word is lost. `reason` is its line in `git log`."""
        while True:
            queue, old = self._read(into)
            changed = change(queue)
            if changed == queue:
                return queue
            try:
                self._write(changed, old, reason, identity, when)
            except Moved:
                continue
            return changed

    def _read(self, into: KitchenName) -> tuple[Queue, str | None]:
        oid = self._refs.read(f"{PREFIX}{into}")
        return (Queue(into), None) if oid is None else (self._at(into, oid), oid)

    def _at(self, into: KitchenName, oid: str) -> Queue:
        content = self._objects.read(oid, FILE)
        try:
            if content is None:
                raise ValueError(f"there is no `{FILE}` in it")
            return _queue(into, tomllib.loads(content.decode()))
        except (KeyError, TypeError, ValueError) as error:
            raise EnvironmentFailure(
                f"the queue in commit `{oid[:12]}` cannot be read: {error}",
                f"`git log {oid[:12]}` shows who wrote it",
                code="queue",
            ) from error

    def _write(self, queue: Queue, old: str | None, reason: str, identity: Identity, when: datetime) -> None:
        # Hashing, packing and writing TOML cost imports that only writers pay.
        from kitchens.git.pack import commit, tree, written
        from kitchens.store.toml import document

        width = self._objects.width
        file = written("blob", document(_values(queue)), width)
        folder = tree([("100644", file.oid, FILE)], width)
        made = commit(folder.oid, [old] if old else [], reason, identity, when, width)
        self._objects.write([file, folder, made])
        self._refs.move(f"{PREFIX}{queue.into}", made.oid, old, f"kitchen: {reason}")


def _values(queue: Queue) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "passed": queue.passed,
        "failed": queue.failed,
        "waiting": [{"kitchen": str(one.kitchen), "who": one.who, "when": one.when} for one in queue.waiting],
    }


def _queue(into: KitchenName, values: dict[str, Any]) -> Queue:
    if values["format"] > FORMAT:
        raise ValueError("a newer version of kitchens wrote it")
    waiting = tuple(Queued(KitchenName(one["kitchen"]), one["who"], one["when"]) for one in values["waiting"])
    return Queue(into, waiting, values["passed"], values["failed"])

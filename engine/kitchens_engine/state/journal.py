"""Tells what happens in a run: to the records, which keep it, and to the observer, which shows it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from kitchens_engine.errors import EnvironmentFailure
from kitchens_engine.outcome import AttemptRecord, NodeRecord, RunRecord, Status, TestRecord
from kitchens_engine.ports import Event, Observer
from kitchens_engine.records import Records

#: Changes that fall within so many seconds become durable in one commit.
_DELAY = 0.02
_LONG = 3600.0


class Journal:
    """One run's voice. What it is told becomes durable with the next `flush`, or together within `_DELAY` seconds."""

    def __init__(self, run: str, records: Records | None, observer: Observer) -> None:
        self._run = run
        self._records = records
        self._observer = observer
        self._due: float | None = None

    def queued(self, record: RunRecord) -> None:
        """The run exists and waits for its data folder."""
        if self._records:
            self._records.begin(record)
        self._tell("run-queued", None, folder=record.folder)

    def taken_up(self, record: RunRecord) -> None:
        """A run that was cut off goes on in this process. Raises `InvalidInput` when it ended, or its own lives."""
        if self._records:
            self._records.take(record.run)
        self._tell("run-queued", None, folder=record.folder)

    def waiting(self, holder: str | None) -> None:
        """Another run holds the data folder."""
        whose = f"order run {holder}" if holder else "another order run"
        self._tell("waiting", None, run=holder, why=f"{whose} uses the same data")

    def started(self, record: RunRecord, total: int) -> None:
        """The run has its data folder and begins."""
        if self._records:
            self._records.status(self._run, Status.RUNNING)
        self._tell("run-started", None, recipe=record.recipe, variation=record.variation, total=total)

    def nodes(self, parent: str, nodes: Sequence[NodeRecord], *, anew: bool = False) -> None:
        """The nodes of one recipe of the run are known, and wait; `anew`, those of an earlier try are forgotten."""
        if self._records:
            self._records.nodes(self._run, parent, nodes, anew=anew)

    def kept(self, node: NodeRecord) -> None:
        """A node need not run: an earlier runner, or an earlier run, has done it. So with all inside it."""
        if self._records and node.nodes:
            self._records.nodes(self._run, node.path, node.nodes)
        self._tell("node-kept", node.path, status=str(node.status), why=node.why)
        for inner in node.nodes:
            self.kept(inner)

    def node_started(self, node: NodeRecord, attempts: int) -> None:
        """A try of a node begins; it may have `attempts` in all."""
        if self._records:
            self._records.node(self._run, node)
        self._tell("node-started", node.path, attempt=node.attempts, attempts=attempts, log=node.log)

    def attempt_ended(
        self, node: NodeRecord, started: datetime, seconds: float | None, status: Status, why: str | None
    ) -> None:
        """A try of a node ended, or was cut off at an unknown moment (`seconds` None)."""
        if self._records and node.log:
            attempt = AttemptRecord(node.path, node.attempts, started, seconds, status, why, node.log)
            self._records.attempt(self._run, attempt)

    def node_retried(self, node: NodeRecord, why: str, delay: float) -> None:
        """A try failed, and the node will be tried again."""
        self._tell("node-retried", node.path, attempt=node.attempts, why=why, delay=delay, log=node.log)

    def late(self, node: str | None, why: str) -> None:
        """A node, or with None the run, takes longer than it should; it goes on."""
        self._tell("late", node, why=why)

    def node_ended(self, node: NodeRecord) -> None:
        """A node ended, with its tests."""
        if self._records:
            self._records.node(self._run, node)
        for test in node.tests:
            self._test_ended(node.path, test)
        self._tell(
            "node-ended",
            node.path,
            status=str(node.status),
            why=node.why,
            seconds=node.seconds,
            attempt=node.attempts,
            log=node.log,
        )

    def tests_ended(self, tests: Sequence[TestRecord]) -> None:
        """The functional tests ended."""
        if self._records:
            self._records.tests(self._run, "", tests)
        for test in tests:
            self._test_ended(None, test)

    def ended(self, record: RunRecord) -> None:
        """The run ended."""
        if self._records:
            self._records.status(self._run, record.status, record.seconds, record.why)
            self._records.flush()
        self._tell("run-ended", None, status=str(record.status), seconds=record.seconds, why=record.why)

    def interrupted(self) -> None:
        """The run could not go on. Says nothing where even the records cannot be written."""
        if self._records:
            with suppress(EnvironmentFailure):
                self._records.status(self._run, Status.INTERRUPTED)
                self._records.flush()

    def flush_when_due(self, now: float) -> float:
        """Make durable what was told, unless it was told just now. Returns the seconds to the next time."""
        if self._records is None or not self._records.gathered:
            self._due = None
            return _LONG
        if self._due is None:
            self._due = now + _DELAY
        if now < self._due:
            return self._due - now
        self.flush()
        return _LONG

    def flush(self) -> None:
        """Make durable at once what was told."""
        self._due = None
        if self._records and self._records.gathered:
            self._records.flush()

    def _test_ended(self, node: str | None, test: TestRecord) -> None:
        self._tell("test-ended", node, **test.document())

    def _tell(self, kind: str, node: str | None, **detail: Any) -> None:
        self._observer(Event(kind, self._run, node, detail))

"""What a node asks to be run, and where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kitchens_engine.tuples import NamedTuple


class Site(NamedTuple):
    """Where work is done: the runtime's Python and worker, the data folder, the attempt's request and result."""

    python: str
    worker: str
    data: Path
    database: Path
    request: str
    result: str

    def call_worker(self, command: str) -> tuple[str, ...]:
        """The argv of one of the worker's commands."""
        return (self.python, self.worker, command, self.request, self.result)


class Work(NamedTuple):
    """One process. With a `request` it is the worker's, and its result is the evidence of its end.

    One that only `waits` needs none of its own.
    """

    argv: tuple[str, ...]
    request: Mapping[str, Any] | None = None
    waits: bool = False

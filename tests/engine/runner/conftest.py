"""A bench: a folder of recipes that run for real, in processes of this machine."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import kitchens_engine
from kitchens_engine.language.shelf import FolderSource, Shelf
from kitchens_engine.order import KitchenFacts, Order
from kitchens_engine.outcome import NodeRecord, RunRecord
from kitchens_engine.ports import Event, Runtime
from kitchens_engine.records import Records
from kitchens_engine.running.runner import run
from kitchens_engine.runtimes.local import LocalRuntime
from kitchens_engine.variables.resolve import resolve

WORKER = Path(kitchens_engine.__file__).with_name("worker.py")
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_NUMBERS = count(1)


@dataclass
class Bench:
    """Files, and orders of the recipes in them. What happened in the last run is in `events`."""

    root: Path
    runtime: Runtime
    records: Records
    events: list[Event] = field(default_factory=list)
    observe: Callable[[Event], None] | None = None

    def write(self, path: str, text: str) -> Bench:
        """A file of the cookbook."""
        file = self.root / "cookbook" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
        return self

    def recipe(self, text: str, name: str = "r") -> Bench:
        """A recipe."""
        return self.write(f"recipes/{name}/recipe.toml", text)

    def order(self, recipe: str = "r", overrides: tuple[str, ...] = (), **fields: Any) -> Order:
        """An order of a recipe, with these fields changed."""
        shelf = Shelf(FolderSource(self.root / "cookbook"))
        variation = fields.get("variation")
        settings = fields.get("settings", {})
        # No two runs of a machine have the same id: processes are found, and ended, by it.
        number = f"RUN{os.getpid():010}{next(_NUMBERS):013}"
        given: dict[str, Any] = {
            "run": number,
            "order": number,
            "shelf": shelf,
            "root": self.root / "cookbook",
            "recipe": recipe,
            "variation": None,
            "variables": resolve(shelf.recipe(recipe), variation, settings, overrides),
            "settings": {},
            "nodes": None,
            "kitchen": KitchenFacts("dev", "production", self.root / "data"),
            "folder": self.root / "runs" / number,
            "started": STARTED,
            "jobs": 2,
        }
        return Order(**given | fields)

    def run(
        self,
        recipe: str = "r",
        overrides: tuple[str, ...] = (),
        stop: threading.Event | None = None,
        **fields: Any,
    ) -> RunRecord:
        """Run an order to its end."""
        return self.carry_out(self.order(recipe, overrides, **fields), stop)

    def carry_out(self, order: Order, stop: threading.Event | None = None) -> RunRecord:
        """Run this very order to its end."""
        self.events.clear()

        def observe(event: Event) -> None:
            self.events.append(event)
            if self.observe is not None:
                self.observe(event)

        return run(order, self.runtime, self.records, observe, stop or threading.Event())

    def nodes(self, record: RunRecord) -> Mapping[str, NodeRecord]:
        """All nodes of a run by their paths."""
        return {node.path: node for node in record.walk()}

    def statuses(self, record: RunRecord) -> dict[str, str]:
        """The status of every node by its path."""
        return {path: str(node.status) for path, node in self.nodes(record).items()}

    def log(self, node: NodeRecord) -> str:
        """What a node wrote."""
        assert node.log is not None
        return Path(node.log).read_text(encoding="utf-8")


@pytest.fixture
def runtime() -> Iterator[LocalRuntime]:
    """The process runtime with this Python, and hardly anything in its environment."""
    runtime = LocalRuntime(sys.executable, str(WORKER), {"PATH": os.environ["PATH"]})
    yield runtime
    runtime.close()


@pytest.fixture
def bench(tmp_path: Path, runtime: LocalRuntime) -> Iterator[Bench]:
    """An empty cookbook with records."""
    bench = Bench(tmp_path, runtime, Records(tmp_path / "records.sqlite"))
    yield bench
    bench.records.close()

"""Whatever the graph, whatever its processes come to, and whenever it is cancelled: what holds of every run."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kitchens_engine.language.shelf import FolderSource, Shelf
from kitchens_engine.order import KitchenFacts, Order
from kitchens_engine.outcome import NodeRecord, RunRecord, Status, fold
from kitchens_engine.ports import Command, Ended, Event, Stop
from kitchens_engine.running.runner import run
from kitchens_engine.state import states

JOBS, CONCURRENCY, POOL = 5, 3, 2
SKIP = 99


@dataclass(frozen=True)
class Drawn:
    """One node as it was drawn: what it is, and what it needs."""

    name: str
    needs: tuple[str, ...]
    action: str
    keys: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()

    @property
    def always(self) -> bool:
        return "always = true" in self.keys

    def toml(self) -> str:
        lines = [f"[nodes.{self.name}]", self.action, f"needs = {list(self.needs)}", *self.keys]
        if self.blocks:
            lines += [
                f"[[nodes.{self.name}.tests]]",
                'value = "1"',
                "equals = 2",
                f"blocks = {list(self.blocks)}",
            ]
        return "\n".join(lines) + "\n"


KEYS = {
    "run": (
        "always = true",
        "retries = 1",
        'pool = "few"',
        f"skip_on = [{SKIP}]",
        "each = [1, 2, 3]",
        'each = "[]"',
    ),
    "noop": ("always = true", "each = [1, 2]"),
    "recipe": ("always = true", "each = [1, 2]", "parallel = 1", 'pool = "few"'),
}


@st.composite
def recipes(draw: st.DrawFn, *, nested: bool) -> tuple[Drawn, ...]:
    """The nodes of a recipe, in the order of their needs."""
    nodes: list[Drawn] = []
    for number in range(draw(st.integers(1, 6 if nested else 4))):
        names = [node.name for node in nodes]
        needs = tuple(draw(st.lists(st.sampled_from(names), unique=True, max_size=3))) if names else ()
        kind = draw(st.sampled_from(("run", "run", "run", "noop", *(("recipe",) if nested else ()))))
        keys = {key.split(" ")[0]: key for key in draw(st.lists(st.sampled_from(KEYS[kind]), max_size=3))}
        if "each" not in keys:
            keys.pop("parallel", None)
        if draw(st.integers(0, 9)) == 0:
            keys["when"] = 'when = "false"'
        action = {"run": 'run = "x"', "noop": "noop = true", "recipe": 'recipe = "inner"'}[kind]
        nodes.append(Drawn(f"n{number}", needs, action, tuple(keys.values())))
    return tuple(_blocking(draw, nodes, node) for node in nodes)


def _blocking(draw: st.DrawFn, nodes: Sequence[Drawn], node: Drawn) -> Drawn:
    """Now and then a node whose test fails, and blocks just one that needs it."""
    after = [other.name for other in nodes if node.name in other.needs and not other.always]
    if not after or draw(st.integers(0, 4)):
        return node
    return Drawn(node.name, node.needs, node.action, node.keys, (draw(st.sampled_from(after)),))


@dataclass
class Dice:
    """A runtime without processes: which of them ends next, and how, is drawn."""

    data: st.DataObject
    stop: Stop
    kind: str = "process"
    python: str = "python"
    worker: str = "worker.py"
    running: dict[str, bool] = field(default_factory=dict)
    most: int = 0

    def start(self, command: Command) -> None:
        assert command.token not in self.running
        self.running[command.token] = False
        self.most = max(self.most, len(self.running))

    def wait(self, timeout: float | None) -> Sequence[Ended]:
        if self.data.draw(st.integers(0, 19)) == 0:
            self.stop.set()
        token = self.data.draw(st.sampled_from(sorted(self.running)))
        killed = self.running.pop(token)
        return [Ended(token, 143 if killed else self.data.draw(st.sampled_from((0, 0, 0, 1, SKIP))))]

    def kill(self, token: str) -> None:
        self.running[token] = True

    def close(self) -> None: ...


@dataclass
class Watch:
    """Holds every event to what may happen then."""

    outer: Mapping[str, Drawn]
    inner: Mapping[str, Drawn]
    ended: dict[str, str] = field(default_factory=dict)
    started: Counter[str] = field(default_factory=Counter)
    in_pool: set[str] = field(default_factory=set)

    def __call__(self, event: Event) -> None:
        if event.kind == "node-started" and event.node:
            assert event.node not in self.ended
            self.started[event.node] += 1
            self._started_rightly(event.node)
            if self._is_process(event.node):
                self.in_pool.add(event.node)
                assert sum(map(self._pooled, self.in_pool)) <= POOL
        elif event.kind == "node-retried" and event.node:
            self.in_pool.discard(event.node)
        elif event.kind == "node-ended" and event.node:
            self.in_pool.discard(event.node)
            assert event.node not in self.ended
            assert event.detail["status"] in states.ENDED
            self.ended[event.node] = event.detail["status"]

    def drawn(self, path: str) -> Drawn:
        """The node behind a path, or behind one of its instances."""
        around, _, name = path.rpartition("/")
        return (self.inner if around else self.outer)[name.partition("[")[0]]

    def _started_rightly(self, path: str) -> None:
        """All that it needs has ended; and, unless it runs always, none that blocks it has failed."""
        around, _, name = path.rpartition("/")
        node = self.drawn(path)
        if "[" in name:
            return
        for needed in node.needs:
            status = self.ended[f"{around}/{needed}" if around else needed]
            if not node.always:
                assert status != "cancelled"
                lenient = self.drawn(f"{around}/{needed}" if around else needed).blocks
                assert status != "failed" or (lenient and node.name not in lenient)

    def _is_process(self, path: str) -> bool:
        node = self.drawn(path)
        return "run" in node.action and (
            "[" in path.rpartition("/")[2] or not any("each" in k for k in node.keys)
        )

    def _pooled(self, path: str) -> bool:
        around = path.rpartition("/")[0]
        outer = bool(around) and 'pool = "few"' in self.drawn(around).keys
        return outer or 'pool = "few"' in self.drawn(path).keys


_ANY: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}
_DRAWN = (recipes(nested=True), recipes(nested=False), st.data())


@settings(max_examples=150, **_ANY)
@given(*_DRAWN)
def test_any_run_of_any_graph(
    outer: tuple[Drawn, ...], inner: tuple[Drawn, ...], data: st.DataObject
) -> None:
    """Order respected, each node once, limits kept, every status the fold of its parts, no way that is not documented."""
    _runs_rightly(outer, inner, data)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(max_examples=10_000, database=None, **_ANY)
@given(*_DRAWN)
def test_any_run_of_very_many_graphs(
    outer: tuple[Drawn, ...], inner: tuple[Drawn, ...], data: st.DataObject
) -> None:
    """The same, of graphs that are drawn anew each time."""
    _runs_rightly(outer, inner, data)


def _runs_rightly(outer: tuple[Drawn, ...], inner: tuple[Drawn, ...], data: st.DataObject) -> None:
    stop = Stop()
    dice = Dice(data, stop)
    watch = Watch({node.name: node for node in outer}, {node.name: node for node in inner})
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, nodes in (("r", outer), ("inner", inner)):
            (root / "recipes" / name).mkdir(parents=True)
            head = f"concurrency = {CONCURRENCY}\n" if name == "r" else ""
            text = head + "".join(node.toml() for node in nodes)
            (root / "recipes" / name / "recipe.toml").write_text(text)
        record = run(_order(root), dice, None, watch, stop)

    assert not dice.running
    assert dice.most <= CONCURRENCY
    nodes = {node.path: node for node in record.walk()}
    assert {path: str(node.status) for path, node in nodes.items()} == watch.ended
    assert [node.name for node in record.nodes] == [node.name for node in sorted(outer, key=_place(record))]
    for path, count in watch.started.items():
        most = 2 if watch._is_process(path) and "retries = 1" in watch.drawn(path).keys else 1
        assert count <= most
    _holds_together(record, nodes.values(), cancelled=stop.is_set())


def _order(root: Path) -> Order:
    kitchen = KitchenFacts("dev", None, root / "data")
    given: dict[str, Any] = {"variables": {}, "settings": {}, "nodes": None, "variation": None, "jobs": JOBS}
    started = datetime(2026, 1, 2, tzinfo=UTC)
    return Order(
        run="R", order="R", shelf=Shelf(FolderSource(root)), root=root, recipe="r", kitchen=kitchen,
        folder=root / "run", started=started, pools={"few": POOL}, **given,
    )  # fmt: skip


def _place(record: RunRecord) -> Any:
    names = [node.name for node in record.nodes]
    return lambda node: names.index(node.name)


def _holds_together(record: RunRecord, nodes: Any, *, cancelled: bool) -> None:
    """A whole stands as its parts do."""
    if cancelled:
        assert record.status is Status.CANCELLED
    else:
        assert record.status is fold(node.status for node in record.nodes)
        assert all(node.status is not Status.CANCELLED for node in nodes)
    for node in nodes:
        if node.nodes and node.status is not Status.CANCELLED:
            assert node.status is _of_parts(node)


def _of_parts(node: NodeRecord) -> Status:
    if node.nodes[0].name.startswith(f"{node.name}[") and all(
        inner.status is Status.SKIPPED for inner in node.nodes
    ):
        return Status.SKIPPED
    status = fold(inner.status for inner in node.nodes)
    tested = [str(test.status) for test in node.tests]
    return Status.FAILED if "failed" in tested and status is not Status.CANCELLED else status

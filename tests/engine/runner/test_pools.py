"""How many nodes run at once: of a recipe, and of those that name a pool."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kitchens_engine.errors import InvalidInput
from kitchens_engine.ports import Event
from kitchens_engine.state.pools import SharedPlaces

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench


def most_at_once(bench: Bench, counted: Callable[[str], bool] = lambda _: True) -> Callable[[], int]:
    """Watches the processes of the next run, and tells how many of them ran at once at most."""
    now, seen = set[str](), [0]

    def watch(event: Event) -> None:
        if event.node and event.detail.get("log") and counted(event.node):
            (now.add if event.kind == "node-started" else now.discard)(event.node)
            seen[0] = max(seen[0], len(now))

    bench.observe = watch
    return lambda: seen[0]


def test_concurrency_limits_a_recipe_and_all_inside_it(bench: Bench) -> None:
    """Whatever `jobs` allows."""
    bench.recipe('[nodes.x]\neach = [1, 2, 3, 4]\nrun = "sleep 0.05"', "inner")
    bench.recipe('concurrency = 2\n[nodes.n]\nrecipe = "inner"\n[nodes.m]\nrecipe = "inner"')
    most = most_at_once(bench)

    assert bench.run(jobs=8).status == "passed"
    assert most() == 2


def test_a_pool_limits_the_nodes_that_name_it(bench: Bench) -> None:
    """In nested recipes too; the others do not wait for them."""
    bench.recipe('[nodes.x]\neach = [1, 2, 3]\npool = "api"\nrun = "sleep 0.05"', "inner")
    bench.recipe("""
        [nodes.n]
        recipe = "inner"
        [nodes.m]
        recipe = "inner"
        pool = "api"
        [nodes.free]
        each = [1, 2, 3, 4]
        run = "sleep 0.05"
        [nodes.sql]
        pool = "api"
        sql = "select 1"
    """)
    most = most_at_once(bench, lambda node: not node.startswith("free"))

    assert bench.run(jobs=8, pools={"api": 1}).status == "passed"
    assert most() == 1


def test_a_recipe_has_pools_of_its_own(bench: Bench) -> None:
    """They come before the cookbook's of the same name."""
    bench.recipe('[pools]\napi = 2\n[nodes.x]\neach = [1, 2, 3, 4, 5]\npool = "api"\nrun = "sleep 0.05"')
    most = most_at_once(bench)

    assert bench.run(jobs=8, pools={"api": 1}).status == "passed"
    assert most() == 2


def test_a_pool_that_is_not_there_is_refused(bench: Bench) -> None:
    """Before anything runs."""
    bench.recipe('[nodes.x]\npool = "apo"\nrun = "true"')

    with pytest.raises(InvalidInput, match="node `x` uses pool `apo`") as caught:
        bench.run(pools={"api": 1})

    assert caught.value.hints == ("did you mean `api`?",)
    assert bench.records.runs() == []


def test_a_nodes_tests_are_inside_its_pool(bench: Bench) -> None:
    """The place is given back when the try has ended."""
    bench.recipe("""
        [nodes.x]
        each = [1, 2, 3]
        pool = "api"
        run = "mkdir $KITCHEN_DATA/busy"
        tests = [{ run = "rmdir $KITCHEN_DATA/busy && echo 1", equals = 1 }]
    """)

    assert bench.run(jobs=4, pools={"api": 1}).status == "passed"


def test_runs_share_the_cookbooks_pools(bench: Bench, tmp_path: Path) -> None:
    """The second waits for a place, and takes it when the first gives it back."""
    bench.recipe('[nodes.x]\npool = "api"\nrun = "true"')
    other = SharedPlaces(tmp_path / "pools", "api", 1)
    assert other.take()
    threading.Timer(0.5, other.give).start()

    node = bench.run(pools={"api": 1}, pools_folder=tmp_path / "pools").nodes[0]

    assert node.status == "passed"
    assert other.take()
    other.close()


def test_a_node_that_waits_for_a_place_is_cancelled(bench: Bench, tmp_path: Path) -> None:
    """And takes none."""
    bench.recipe('[nodes.x]\npool = "api"\nrun = "true"\n[nodes.y]\nrun = "true"')
    other = SharedPlaces(tmp_path / "pools", "api", 1)
    assert other.take()
    stop = threading.Event()
    bench.observe = lambda event: stop.set() if event.kind == "node-ended" else None

    record = bench.run(stop=stop, pools={"api": 1}, pools_folder=tmp_path / "pools")

    assert bench.statuses(record) == {"x": "cancelled", "y": "passed"}
    other.close()

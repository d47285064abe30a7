"""`always` nodes: they run however what they need has ended."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from kitchens_engine.ports import Event, Stop

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench

RECIPE = """
    [nodes.provision]
    run = "true"
    [nodes.work]
    needs = ["provision"]
    run = "{work}"
    [nodes.publish]
    needs = ["work"]
    run = "true"
    [nodes.teardown]
    needs = ["provision", "work"]
    always = true
    run = "{teardown}"
"""


@pytest.mark.parametrize("work", ["true", "false"])
def test_clean_up_runs_however_the_work_ended(bench: Bench, work: str) -> None:
    """What needs the work is skipped as ever."""
    bench.recipe(RECIPE.format(work=work, teardown="true"))

    record = bench.run()

    status = "passed" if work == "true" else "failed"
    assert record.status == status
    assert bench.statuses(record) == {
        "provision": "passed",
        "work": status,
        "publish": "passed" if work == "true" else "skipped",
        "teardown": "passed",
    }


def test_a_failed_clean_up_counts(bench: Bench) -> None:
    """The run is red though all else passed."""
    bench.recipe(RECIPE.format(work="true", teardown="false"))

    assert bench.run().status == "failed"


def test_clean_up_runs_when_all_that_it_needs_was_skipped(bench: Bench) -> None:
    """Its own `when` is asked as ever."""
    bench.recipe("""
        [nodes.a]
        when = "false"
        run = "true"
        [nodes.b]
        needs = ["a"]
        always = true
        run = "true"
        [nodes.c]
        needs = ["a"]
        always = true
        when = "outputs.a"
        run = "true"
    """)

    assert bench.statuses(bench.run()) == {"a": "skipped", "b": "passed", "c": "skipped"}


def test_what_comes_after_clean_up_goes_by_its_end_alone(bench: Bench) -> None:
    """A node needs what it needs, and nothing further up."""
    bench.recipe("""
        [nodes.a]
        run = "false"
        [nodes.b]
        needs = ["a"]
        always = true
        run = "true"
        [nodes.c]
        needs = ["b"]
        run = "true"
    """)

    assert bench.statuses(bench.run()) == {"a": "failed", "b": "passed", "c": "passed"}


def stop_when_started(bench: Bench, node: str, stop: threading.Event) -> None:
    """Ask to stop as soon as a node runs."""

    def watch(event: Event) -> None:
        if event.kind == "node-started" and event.node == node:
            stop.set()

    bench.observe = watch


def test_clean_up_runs_after_a_cancellation(bench: Bench) -> None:
    """And the run is `cancelled`, not `failed`."""
    bench.recipe(RECIPE.format(work="sleep 60", teardown="touch $KITCHEN_DATA/clean"))
    stop = Stop()
    stop_when_started(bench, "work", stop)

    record = bench.run(stop=stop)

    assert (record.status, record.why) == ("cancelled", None)
    assert bench.statuses(record) == {
        "provision": "passed",
        "work": "cancelled",
        "publish": "cancelled",
        "teardown": "passed",
    }
    assert (bench.root / "data/clean").exists()


def test_a_clean_up_that_fails_after_a_cancellation_is_told(bench: Bench) -> None:
    """It is tried again like any node."""
    bench.recipe(RECIPE.format(work="sleep 60", teardown="exit 3") + "retries = 1")
    stop = Stop()
    stop_when_started(bench, "work", stop)

    record = bench.run(stop=stop)

    assert (record.status, record.why) == ("cancelled", "cancelled, and `teardown` failed")
    assert bench.nodes(record)["teardown"].attempts == 2


def test_asked_twice_clean_up_ends_too(bench: Bench) -> None:
    """At any depth."""
    bench.recipe(RECIPE.format(work="sleep 60", teardown="sleep 60"), "inner")
    bench.recipe('[nodes.n]\nrecipe = "inner"\n[nodes.last]\nneeds = ["n"]\nalways = true\nrun = "true"')
    stop = Stop()

    def watch(event: Event) -> None:
        if event.kind == "node-started" and event.node in ("n/work", "n/teardown"):
            threading.Timer(0.1, stop.set).start()

    bench.observe = watch
    began = time.monotonic()
    record = bench.run(stop=stop)

    assert time.monotonic() - began < 30
    assert record.status == "cancelled"
    assert bench.statuses(record) == {
        "n": "cancelled",
        "n/provision": "passed",
        "n/work": "cancelled",
        "n/publish": "cancelled",
        "n/teardown": "cancelled",
        "last": "cancelled",
    }


def test_clean_up_inside_a_recipe_that_timed_out_runs(bench: Bench) -> None:
    """Then the node ends as timed out."""
    bench.recipe(RECIPE.format(work="sleep 60", teardown="touch $KITCHEN_DATA/clean"), "inner")
    bench.recipe('[nodes.n]\nrecipe = "inner"\ntimeout = 1')

    record = bench.run()

    assert bench.nodes(record)["n"].why == "timed out after 1 s"
    assert bench.statuses(record) == {
        "n": "failed",
        "n/provision": "passed",
        "n/work": "cancelled",
        "n/publish": "cancelled",
        "n/teardown": "passed",
    }

"""Steps that are tried again, timed, and that say themselves what their failure means."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from kitchens_engine.ports import Ended
from kitchens_engine.retry import EXPONENTIAL, Occasion, Retry
from tests.engine.runner.test_endings import Scripted

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench


def test_delays_grow_up_to_the_longest() -> None:
    """Each is twice the one before."""
    retry = Retry(times=5, delay=1, backoff=EXPONENTIAL, longest=5)

    assert [retry.pause(failures, "x") for failures in (1, 2, 3, 4, 5000)] == [1, 2, 4, 5, 5]


def test_jitter_shortens_by_at_most_its_share() -> None:
    """The same try always waits as long, another one does not."""
    retry = Retry(times=5, delay=10, jitter=0.5)
    pauses = [retry.pause(1, f"run/node#{number}") for number in range(100)]

    assert all(5 <= pause <= 10 for pause in pauses)
    assert len(set(pauses)) > 90
    assert pauses[7] == retry.pause(1, "run/node#7")


@pytest.mark.parametrize(
    ("on", "command", "attempts"),
    [
        ('["exit:75"]', "exit 75", 3),
        ('["exit:75"]', "exit 1", 1),
        ('["exit:64-78"]', "exit 70", 3),
        ('["matches:reset by peer"]', "echo connection reset by peer; echo bye; exit 1", 3),
        ('["matches:reset by peer"]', "echo no such host; exit 1", 1),
        ('["matches:^exit status 4"]', "exit 4", 3),
        ('["timeout", "exit:75"]', "exit 75", 3),
        ('["timeout"]', "sleep 60", 3),
        ('["exit:75"]', "sleep 60", 1),
    ],
)
def test_retry_on_names_the_failures_worth_another_try(
    bench: Bench, on: str, command: str, attempts: int
) -> None:
    """Any one of them is enough; others end the node at once."""
    bench.recipe(f'[nodes.n]\nrun = "{command}"\nretries = 2\nretry_on = {on}\ntimeout = 0.5')

    assert bench.nodes(bench.run())["n"].attempts == attempts


def test_a_failed_test_is_tried_again_only_when_asked(bench: Bench) -> None:
    """By default it is the verdict: the same work would give the same."""
    text = 'run = "echo x=1 >> $KITCHEN_OUTPUT"\nretries = 1\ntests = [{ output = "x", equals = 2 }]'
    bench.recipe(f'[nodes.a]\n{text}\n[nodes.b]\n{text}\nretry_on = ["test"]')

    nodes = bench.nodes(bench.run())

    assert (nodes["a"].attempts, nodes["b"].attempts) == (1, 2)
    assert nodes["b"].tests[0].status == "failed"


def test_a_node_may_be_lost_as_often_as_it_says(bench: Bench) -> None:
    """Once is not counted, then each loss takes a retry."""
    bench.recipe('[nodes.n]\nrun = "true"\nretries = 2\nretry_on = ["lost"]')
    bench.runtime = Scripted([Ended("", 0, "the engine went away")] * 3 + [Ended("", 0)])

    node = bench.nodes(bench.run())["n"]

    assert (node.status, node.attempts) == ("passed", 4)


def test_a_pattern_searches_what_is_said() -> None:
    """And never the failure of a test."""
    occasion = Occasion.parse("matches:a+b")

    assert occasion.is_met("exit:1", lambda: "xaab")
    assert not occasion.is_met("test", lambda: "xaab")


def test_a_timeout_may_only_alert(bench: Bench) -> None:
    """The node goes on, and passes as `warned`."""
    bench.recipe('[nodes.n]\nrun = "sleep 0.6"\ntimeout = 0.2\non_timeout = "alert"')

    node = bench.nodes(bench.run())["n"]

    assert (str(node.status), node.why) == ("warned", "ran longer than 0.2 s")
    late = [event for event in bench.events if event.kind == "late"]
    assert [(event.node, event.detail["why"]) for event in late] == [("n", "ran longer than 0.2 s")]


def test_a_recipes_timeout_ends_the_run(bench: Bench) -> None:
    """It is a failure; what ran was cancelled."""
    bench.recipe('timeout = "1s"\n[nodes.a]\nrun = "sleep 60"\n[nodes.b]\nneeds = ["a"]\nrun = "true"')

    began = time.monotonic()
    record = bench.run()

    assert time.monotonic() - began < 30
    assert (str(record.status), record.why) == ("failed", "`r` timed out after 1 s")
    assert bench.statuses(record) == {"a": "cancelled", "b": "cancelled"}


def test_a_nested_recipes_own_timeout_is_its_nodes_failure(bench: Bench) -> None:
    """To which a retry may answer."""
    bench.recipe('timeout = 0.5\n[nodes.a]\nrun = "sleep 60"', "inner")
    bench.recipe('[nodes.n]\nrecipe = "inner"\nretries = 1\nretry_on = ["timeout"]')

    node = bench.nodes(bench.run())["n"]

    assert (str(node.status), node.why, node.attempts) == ("failed", "`inner` timed out after 0.5 s", 2)


def test_a_recipes_timeout_may_only_alert(bench: Bench) -> None:
    """The run goes on, and passes as `warned`."""
    bench.recipe('timeout = 0.1\non_timeout = "alert"\n[nodes.a]\nrun = "sleep 0.5"')

    record = bench.run()

    assert (str(record.status), record.why) == ("warned", "`r` ran longer than 0.1 s")
    assert bench.records.run(record.run).why == record.why


def test_a_recipes_time_is_up_in_its_functional_tests(bench: Bench) -> None:
    """They end with it, and the run has failed."""
    bench.recipe('timeout = 2\n[nodes.a]\nrun = "true"')
    bench.write("recipes/r/tests/test_slow.py", "import time\ndef test_slow():\n    time.sleep(60)\n")

    began = time.monotonic()
    record = bench.run()

    assert time.monotonic() - began < 30
    assert (str(record.status), record.why) == ("failed", "`r` timed out after 2 s")


def test_an_exit_status_may_mean_skip(bench: Bench) -> None:
    """Tests are not judged, and what comes next sees a skip like any other."""
    bench.recipe("""
        [nodes.fetch]
        run = "exit 99"
        skip_on = [99]
        retries = 2
        tests = [{ value = "1", equals = 2 }]
        [nodes.only]
        needs = ["fetch"]
        run = "true"
        [nodes.other]
        run = "true"
        [nodes.join]
        needs = ["fetch", "other"]
        run = "true"
    """)

    record = bench.run()
    nodes = bench.nodes(record)

    assert record.status == "passed"
    assert (nodes["fetch"].why, nodes["fetch"].attempts) == ("exit status 99 means skip", 1)
    assert bench.statuses(record) == {
        "fetch": "skipped",
        "only": "skipped",
        "other": "passed",
        "join": "passed",
    }


def test_a_failing_test_blocks_all_that_need_the_node(bench: Bench) -> None:
    """By default."""
    bench.recipe("""
        [nodes.clean]
        run = "true"
        tests = [{ value = "1", equals = 2 }]
        [nodes.score]
        needs = ["clean"]
        run = "true"
    """)

    assert bench.statuses(bench.run()) == {"clean": "failed", "score": "skipped"}


def test_a_failing_test_may_block_just_those_that_it_names(bench: Bench) -> None:
    """Also further down; the node failed all the same, and so did the run."""
    bench.recipe("""
        [nodes.clean]
        run = "echo x=1 >> $KITCHEN_OUTPUT"
        [[nodes.clean.tests]]
        name = "complete"
        output = "x"
        equals = 2
        blocks = ["publish"]
        [nodes.score]
        needs = ["clean"]
        run = "test {{ outputs.clean.x }} = 1"
        [nodes.publish]
        needs = ["score"]
        run = "true"
        [nodes.announce]
        needs = ["publish", "score"]
        run = "true"
    """)

    record = bench.run()

    assert record.status == "failed"
    assert {path: (str(node.status), node.why) for path, node in bench.nodes(record).items()} == {
        "clean": ("failed", "test `complete`: 1, limit: equals 2"),
        "score": ("passed", None),
        "publish": ("skipped", "a test of `clean` failed that blocks it"),
        "announce": ("skipped", "a test of `clean` failed that blocks it"),
    }


def test_a_test_that_blocks_all_wins_over_one_that_names_some(bench: Bench) -> None:
    """The stricter one counts; work that fails blocks all."""
    tests = 'tests = [{ value = "1", equals = 2, blocks = ["b"] }, { value = "1", equals = 3 }]'
    bench.recipe(
        f'[nodes.a]\nrun = "true"\n{tests}\n[nodes.b]\nneeds = ["a"]\nrun = "true"\n[nodes.c]\nneeds = ["a"]\nrun = "true"'
    )

    assert bench.statuses(bench.run()) == {"a": "failed", "b": "skipped", "c": "skipped"}


def test_instances_block_together_what_each_of_them_blocks(bench: Bench) -> None:
    """As long as nothing else of them failed."""
    bench.recipe("""
        [nodes.a]
        each = [1, 2]
        run = "true"
        tests = [{ value = "each.item", equals = 1, blocks = ["b"] }]
        [nodes.b]
        needs = ["a"]
        run = "true"
        [nodes.c]
        needs = ["a"]
        run = "true"
    """)

    assert bench.statuses(bench.run()) == {
        "a": "failed",
        "a[0]": "passed",
        "a[1]": "failed",
        "b": "skipped",
        "c": "passed",
    }

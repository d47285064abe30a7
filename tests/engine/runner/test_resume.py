"""Going on: after the runner was killed, and after a run that failed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kitchens_engine.errors import InvalidInput
from kitchens_engine.order import Order
from kitchens_engine.outcome import RunRecord
from kitchens_engine.records import Records
from kitchens_engine.running.runner import run
from kitchens_engine.runtimes.local import LocalRuntime
from kitchens_engine.state.past import Past

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench

WORKER = Path(run.__code__.co_filename).parents[1] / "worker.py"
#: A node that waits until its runner is dead.
WAIT = "touch $KITCHEN_DATA/on; until [ -e $KITCHEN_DATA/go ]; do sleep 0.02; done"
#: Each node appends its name to a ledger, so that running twice is seen.
STEP = 'echo $KITCHEN_NODE >> $KITCHEN_DATA/ledger; echo said=\\"$KITCHEN_NODE\\" > $KITCHEN_OUTPUT'


def runtime_of(order: Order) -> LocalRuntime:
    """A runtime whose processes outlive its process."""
    return LocalRuntime(sys.executable, str(WORKER), {"PATH": os.environ["PATH"]}, order.folder / "keepers")


def kill_runner(bench: Bench, order: Order, seen: Callable[[], bool]) -> None:
    """Run the order in a process of its own, and kill that as soon as `seen`."""
    # SQLite does not know of forks: a database that is open on both sides is locked by neither.
    path = bench.records.path
    bench.records.close()
    child = os.fork()
    if child == 0:
        try:
            run(order, runtime_of(order), Records(path), lambda _: None, threading.Event())
        finally:
            os._exit(0)
    bench.records = Records(path)
    deadline = time.monotonic() + 60
    try:
        while not seen():
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        (bench.root / "data/go").touch()


def go_on(bench: Bench, order: Order, stop: threading.Event | None = None) -> RunRecord:
    """The same run, in this process, an hour later."""
    record = bench.records.left(order.run)
    past = Past(record, bench.records.attempts(order.run), continued=True)
    own, bench.runtime = bench.runtime, runtime_of(order)
    again = order._replace(past=past, began=order.started + timedelta(hours=1))
    try:
        return bench.carry_out(again, stop)
    finally:
        bench.runtime.close()
        bench.runtime = own


def resume(bench: Bench, of: RunRecord, *again: str, **fields: Any) -> RunRecord:
    """A new run that takes up what an ended one left."""
    return bench.run(past=Past(of, continued=False, again=again), **fields)


def ledger(bench: Bench) -> list[str]:
    """Which nodes ran, in their order."""
    return (bench.root / "data/ledger").read_text().split()


def a_file(bench: Bench, name: str) -> Callable[[], bool]:
    """Whether a node has made this file in the data folder."""
    return (bench.root / "data" / name).exists


def test_a_process_that_still_runs_is_taken_over(bench: Bench) -> None:
    """The run goes on under its id; no node ran twice, outputs of before are seen after."""
    bench.recipe(f"""
        [nodes.a]
        run = '{STEP}'
        outputs = {{ said = "string" }}
        [nodes.b]
        needs = ["a"]
        run = '{STEP}; {WAIT}; sleep 0.3'
        [nodes.c]
        needs = ["b"]
        run = '{STEP}; echo "after {{{{ outputs.a.said }}}}"'
    """)
    order = bench.order()
    kill_runner(bench, order, a_file(bench, "on"))
    assert bench.records.run(order.run).status == "interrupted"

    record = go_on(bench, order)

    assert (record.run, str(record.status)) == (order.run, "passed")
    assert ledger(bench) == ["a", "b", "c"], bench.records.attempts(order.run)
    assert [node.attempts for node in record.nodes] == [1, 1, 1]
    assert bench.log(record.nodes[2]) == "after a\n"
    assert bench.records.run(order.run).document() == record.document()


def test_a_process_that_ended_meanwhile_is_judged_by_how(bench: Bench) -> None:
    """Its status and outputs count as if somebody had watched."""
    bench.recipe(f"""
        [nodes.a]
        run = '{STEP}; {WAIT}; touch $KITCHEN_DATA/done'
        [nodes.b]
        run = '{STEP}; until [ -e $KITCHEN_DATA/done ]; do sleep 0.02; done; exit 4'
    """)
    order = bench.order()
    kill_runner(bench, order, a_file(bench, "on"))
    while not a_file(bench, "done")():
        time.sleep(0.01)
    time.sleep(0.2)

    record = go_on(bench, order)

    assert bench.statuses(record) == {"a": "passed", "b": "failed"}
    assert bench.nodes(record)["a"].outputs == {"said": "a"}
    assert sorted(ledger(bench)) == ["a", "b"]


def test_a_process_that_was_lost_is_an_interrupted_try(bench: Bench) -> None:
    """The next try has another number and folder, and does not count as a retry; what the old one still writes is not read."""
    bench.recipe(f"""
        [nodes.a]
        run = '''{STEP}
        echo $$ > $KITCHEN_DATA/on
        [ -e $KITCHEN_DATA/second ] || sleep 600
        '''
    """)
    order = bench.order()
    on = bench.root / "data/on"
    kill_runner(bench, order, lambda: on.exists() and on.read_text() != "")
    os.kill(int(on.read_text()), signal.SIGKILL)
    (bench.root / "data/second").touch()
    (order.folder / "nodes/a.1/output.txt").write_text('said="late"\n')

    record = go_on(bench, order)

    assert (str(record.status), record.nodes[0].attempts) == ("passed", 2)
    assert record.nodes[0].outputs == {"said": "a"}
    tries = bench.records.attempts(order.run)
    assert [(one.number, str(one.status)) for one in tries] == [(1, "interrupted"), (2, "passed")]


def test_a_process_that_ended_in_time_has_not_timed_out(bench: Bench) -> None:
    """However long nobody watched; one that still runs has its time from its beginning."""
    bench.recipe(f"""
        [nodes.quick]
        run = '{WAIT}; touch $KITCHEN_DATA/done'
        timeout = "1m"
        [nodes.slow]
        run = 'sleep 600'
        timeout = "1m"
    """)
    order = bench.order()
    kill_runner(
        bench,
        order,
        lambda: a_file(bench, "on")() and statuses_on_disk(bench, order).get("slow") == "running",
    )
    while not a_file(bench, "done")():
        time.sleep(0.01)
    time.sleep(0.2)

    record = go_on(bench, order)

    assert {node.name: node.why for node in record.nodes} == {"quick": None, "slow": "timed out after 60 s"}


def test_a_pause_counts_from_when_it_first_began(bench: Bench) -> None:
    """Time goes by while a run is cut off, more than once too; what comes after has its pause of its own."""
    bench.recipe("""
        [nodes.w]
        wait = "59m"
        [nodes.longer]
        wait = "119m"
        [nodes.after]
        needs = ["w"]
        wait = "0.1s"
    """)
    order = bench.order()
    kill_runner(bench, order, lambda: statuses_on_disk(bench, order).get("longer") == "running")
    began = time.monotonic()
    stop = threading.Event()
    bench.observe = lambda event: stop.set() if event.node == "after" and event.kind == "node-ended" else None

    record = go_on(bench, order, stop)

    assert time.monotonic() - began < 10
    assert bench.statuses(record) == {"w": "passed", "longer": "cancelled", "after": "passed"}
    w = bench.nodes(record)["w"]
    assert w.attempts == 2 and 3600 <= (w.seconds or 0) < 3660


def test_a_failed_node_of_a_run_that_goes_on_stays_failed(bench: Bench) -> None:
    """Each completed node ran once, red ones too."""
    bench.recipe(f"""
        [nodes.bad]
        run = '{STEP}; exit 4'
        [nodes.slow]
        run = '{WAIT}'
        [nodes.after]
        needs = ["bad"]
        run = "true"
    """)
    order = bench.order()
    kill_runner(
        bench, order, lambda: a_file(bench, "on")() and statuses_on_disk(bench, order).get("bad") == "failed"
    )

    record = go_on(bench, order)

    assert bench.statuses(record) == {"bad": "failed", "slow": "passed", "after": "skipped"}
    assert ledger(bench) == ["bad"]


def statuses_on_disk(bench: Bench, order: Order) -> dict[str, str]:
    """The status of each node as another process reads it."""
    try:
        return bench.statuses(bench.records.left(order.run))
    except InvalidInput:
        return {}


def test_the_end_of_a_node_is_on_disk_before_what_needs_it_starts(bench: Bench) -> None:
    """Another process sees it there."""
    look = (
        f"import sqlite3; rows = sqlite3.connect('{bench.records.path}').execute"
        "('select status from nodes where path = ?', ('a',)); print(rows.fetchall())"
    )
    bench.recipe(f"""
        [nodes.a]
        run = "true"
        [nodes.b]
        needs = ["a"]
        run = ['{sys.executable}', '-c', "{look}"]
    """)

    assert bench.log(bench.nodes(bench.run())["b"]) == "[('passed',)]\n"


def test_a_run_that_lives_or_has_ended_is_not_taken(bench: Bench) -> None:
    """Nothing of it changes."""
    bench.recipe('[nodes.a]\nrun = "true"')
    order = bench.order()
    before = bench.carry_out(order)

    with pytest.raises(InvalidInput, match="is passed, not interrupted"):
        go_on(bench, order)

    assert bench.records.run(order.run).document() == before.document()


FAILS_ONCE = f"""
    [nodes.a]
    run = '{STEP}'
    outputs = {{ said = "string" }}
    [[nodes.a.tests]]
    name = "said"
    output = "said"
    equals = "a"
    [nodes.b]
    needs = ["a"]
    run = '{STEP}; echo {{{{ outputs.a.said }}}} {{{{ run.started }}}}; [ -e $KITCHEN_DATA/well ]'
    [nodes.c]
    needs = ["b"]
    run = '{STEP}'
    [nodes.other]
    run = '{STEP}'
"""


def test_a_new_run_keeps_what_was_green(bench: Bench) -> None:
    """Outputs and tests come along, the clock is the first run's, and the record names it."""
    bench.recipe(FAILS_ONCE)
    first = bench.run(jobs=1)
    (bench.root / "data/well").touch()

    second = resume(bench, first, began=first.started + timedelta(hours=1))

    assert (str(first.status), str(second.status)) == ("failed", "passed")
    assert sorted(ledger(bench)) == ["a", "b", "b", "c", "other"]
    assert second.resumes == first.run
    assert second.nodes[0].why == f"kept from order run {first.run}"
    assert [test.name for test in second.nodes[0].tests] == ["said"]
    assert bench.log(bench.nodes(second)["b"]) == bench.log(bench.nodes(first)["b"])
    assert bench.records.run(second.run).document() == second.document()


def test_a_node_can_be_asked_for_again(bench: Bench) -> None:
    """With it runs all that needs it; the rest is kept."""
    (bench.root / "data").mkdir()
    (bench.root / "data/well").touch()
    bench.recipe(FAILS_ONCE)
    first = bench.run(jobs=1)
    (bench.root / "data/ledger").unlink()

    resume(bench, first, "b")

    assert ledger(bench) == ["b", "c"]


NESTED = f"""
    [variables]
    x = 1
    [nodes.one]
    run = '{STEP}'
    [nodes.two]
    needs = ["one"]
    run = '{STEP}; [ -e $KITCHEN_DATA/well ] || exit 4'
"""


def test_a_nested_recipe_is_taken_up_inside(bench: Bench) -> None:
    """Or, asked for again, as a whole."""
    bench.recipe(NESTED, name="inner")
    bench.recipe('[nodes.n]\nrecipe = "inner"\n[nodes.m]\nneeds = ["n"]\nrecipe = "inner"')
    first = bench.run()
    (bench.root / "data/well").touch()

    second = resume(bench, first)
    assert ledger(bench) == ["n/one", "n/two", "n/two", "m/one", "m/two"]
    assert bench.records.run(second.run).document() == second.document()

    resume(bench, second, "m")
    assert ledger(bench)[5:] == ["m/one", "m/two"]

    third = resume(bench, second, "n/two")
    assert ledger(bench)[7:] == ["n/two", "m/one", "m/two"]
    assert bench.statuses(third)["n/one"] == "passed"


def test_a_nested_run_that_was_cut_off_goes_on_inside(bench: Bench) -> None:
    """As the same try of its node, which takes as long as all that is inside."""
    bench.recipe(f"""
        [nodes.one]
        run = '{STEP}'
        [nodes.two]
        needs = ["one"]
        run = '{STEP}; {WAIT}'
        """, name="inner")  # fmt: skip
    bench.recipe('[nodes.n]\nrecipe = "inner"\nretries = 1')
    order = bench.order()
    kill_runner(bench, order, a_file(bench, "on"))

    record = go_on(bench, order)

    assert ledger(bench) == ["n/one", "n/two"]
    assert bench.statuses(record) == {"n": "passed", "n/one": "passed", "n/two": "passed"}
    assert record.nodes[0].attempts == 1
    assert (record.nodes[0].seconds or 0) >= 3600
    assert bench.records.run(order.run).document() == record.document()


def test_retries_that_were_used_are_used(bench: Bench) -> None:
    """Being cut off gives no new ones."""
    bench.recipe(f"""
        [nodes.a]
        run = '{STEP}; exit 4'
        retries = 1
        retry_delay = 3
    """)
    order = bench.order()
    kill_runner(bench, order, lambda: any(one.number == 1 for one in bench.records.attempts(order.run)))

    record = go_on(bench, order)

    assert (str(record.status), record.nodes[0].attempts) == ("failed", 2)
    assert ledger(bench) == ["a", "a"]


def test_a_fan_out_goes_on_with_the_items_that_are_left(bench: Bench) -> None:
    """Cut off or failed: instances that had passed are not run again, and outputs come in order."""
    bench.recipe(f"""
        [nodes.n]
        each = ["x", "y", "z"]
        parallel = 1
        run = '''{STEP}
        [ {{{{ each.item }}}} != y ] || [ -e $KITCHEN_DATA/well ] || {{ {WAIT}; exit 4; }}
        '''
        [nodes.after]
        needs = ["n"]
        run = 'echo "{{{{ outputs.n.said | join }}}}"'
    """)
    order = bench.order()
    kill_runner(bench, order, a_file(bench, "on"))
    first = go_on(bench, order)
    assert ledger(bench) == ["n[0]", "n[1]", "n[2]"]
    assert bench.statuses(first)["n[1]"] == "failed"
    (bench.root / "data/well").touch()

    second = resume(bench, first)

    assert ledger(bench)[3:] == ["n[1]"]
    assert bench.nodes(second)["n"].outputs == {"said": ["n[0]", "n[1]", "n[2]"]}
    assert bench.log(bench.nodes(second)["after"]) == "n[0]n[1]n[2]\n"
    assert bench.records.run(second.run).document() == second.document()


def test_what_a_failed_test_blocks_stays_blocked(bench: Bench) -> None:
    """And nothing else, in a run that goes on."""
    bench.recipe(f"""
        [nodes.n]
        run = '{STEP}'
        [[nodes.n.tests]]
        name = "never"
        value = "1"
        equals = 2
        blocks = ["publish"]
        [nodes.slow]
        needs = ["n"]
        run = '{STEP}; {WAIT}'
        [nodes.publish]
        needs = ["n", "slow"]
        run = '{STEP}'
        [nodes.report]
        needs = ["n", "slow"]
        run = '{STEP}'
    """)
    order = bench.order()
    kill_runner(bench, order, a_file(bench, "on"))

    record = go_on(bench, order)

    assert ledger(bench) == ["n", "slow", "report"]
    assert bench.statuses(record)["publish"] == "skipped"


def test_a_function_in_a_fork_ends_with_its_runner(bench: Bench) -> None:
    """Nothing of the lost try runs any more when the next one begins."""
    bench.write(
        "recipes/r/step.py",
        """
        import time
        def work(data):
            (data / "on").touch()
            while not (data / "second").exists():
                time.sleep(0.01)
            with (data / "ledger").open("a") as file:
                file.write("worked ")
        """,
    )
    bench.recipe('[nodes.n]\npython = "step:work"')
    order = bench.order()
    kill_runner(bench, order, a_file(bench, "on"))
    bench.observe = lambda event: (
        (bench.root / "data/second").touch() if event.kind == "node-started" else None
    )

    record = go_on(bench, order)

    assert (str(record.status), record.nodes[0].attempts) == ("passed", 2)
    time.sleep(0.2)
    assert ledger(bench) == ["worked"]

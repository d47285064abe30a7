"""Retries, timeouts, cancelling, and what the environment does to a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from kitchens_engine.errors import EnvironmentFailure
from kitchens_engine.ports import Command, Ended, Event
from tests.processes import gone

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench


@dataclass
class Scripted:
    """A runtime without processes: each start ends as the next of `endings` says."""

    endings: list[Ended]
    kind: str = "process"
    python: str = "python"
    worker: str = "worker.py"
    started: list[Command] = field(default_factory=list)
    _running: list[Ended] = field(default_factory=list)

    def start(self, command: Command) -> None:
        ending = self.endings.pop(0)
        self.started.append(command)
        self._running.append(Ended(command.token, ending.status, ending.lost))

    def wait(self, timeout: float | None) -> Sequence[Ended]:
        ended, self._running = self._running, []
        return ended

    def kill(self, token: str) -> None: ...

    def listen(self, descriptor: int | None) -> None:
        if descriptor is not None:
            raise OSError("without processes there are no companions")

    def adopt(self, token: str) -> bool:
        return False

    def close(self) -> None: ...


def test_a_node_is_tried_again_after_its_delay(bench: Bench) -> None:
    """Each try has its own folder, and the record counts them."""
    bench.recipe("""
        [nodes.n]
        run = "test -e $KITCHEN_DATA/again || { touch $KITCHEN_DATA/again; echo first >&2; exit 4; }"
        retries = 2
        retry_delay = 0.2
    """)

    order = bench.order()
    record = bench.carry_out(order)
    node = bench.nodes(record)["n"]

    assert (node.status, node.attempts) == ("passed", 2)
    assert node.seconds is not None
    assert node.seconds >= 0.2
    assert (order.folder / "nodes/n.1/log.txt").read_text() == "first\n"
    assert node.log == str(order.folder / "nodes/n.2/log.txt")
    retried = next(event for event in bench.events if event.kind == "node-retried")
    assert retried.detail["why"] == "exit status 4: first"


def test_the_last_try_is_the_verdict(bench: Bench) -> None:
    """As many tries as `retries`, and one."""
    bench.recipe('[nodes.n]\nrun = "exit 4"\nretries = 2')

    assert bench.nodes(bench.run())["n"].attempts == 3


def test_a_timeout_kills_the_whole_tree(bench: Bench) -> None:
    """Also what left its process group."""
    bench.recipe("""
        [nodes.n]
        run = '''
        setsid sh -c 'echo $$ > $KITCHEN_DATA/pid; exec sleep 600' &
        sleep 600
        '''
        timeout = 1
    """)

    node = bench.nodes(bench.run())["n"]

    assert (node.status, node.why) == ("failed", "timed out after 1 s")
    gone(int((bench.root / "data/pid").read_text()))


def test_a_node_that_ignores_being_asked_is_forced(bench: Bench) -> None:
    """After two seconds of grace."""
    bench.recipe("""
        [nodes.n]
        run = "trap '' TERM; while :; do sleep 0.1; done"
        timeout = 0.2
    """)

    began = time.monotonic()
    node = bench.nodes(bench.run())["n"]

    assert node.status == "failed"
    assert time.monotonic() - began < 20


def test_what_a_node_leaves_in_its_group_ends_with_it(bench: Bench) -> None:
    """A node has ended when its process has."""
    bench.recipe('[nodes.n]\nrun = "sleep 600 & echo $! > $KITCHEN_DATA/pid"')

    assert bench.run().status == "passed"
    gone(int((bench.root / "data/pid").read_text()))


def test_a_daemon_of_a_node_ends_with_the_runtime(bench: Bench) -> None:
    """Though it left its group, and its parent is gone."""
    bench.recipe("""
        [nodes.n]
        run = "setsid sh -c 'echo $$ > $KITCHEN_DATA/pid; exec sleep 600' & until [ -s $KITCHEN_DATA/pid ]; do :; done"
    """)

    assert bench.run().status == "passed"
    bench.runtime.close()
    gone(int((bench.root / "data/pid").read_text()))


STRAY = """
    [nodes.n]
    run = '''
    env -i $(command -v setsid) /bin/sh -c "(sleep 600 & echo \\$! > $KITCHEN_DATA/pid)"
    until [ -s $KITCHEN_DATA/pid ]; do sleep 0.01; done
    {then}
    '''
"""


def test_cancelling_reaches_a_process_that_hides(bench: Bench) -> None:
    """Of another session, with an empty environment, its parents gone: within ten seconds."""
    bench.recipe(STRAY.format(then="sleep 600"))
    stop = threading.Event()
    pid = bench.root / "data/pid"

    def stop_when_it_hides() -> None:
        deadline = time.monotonic() + 20
        while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.2)
        stop.set()

    watcher = threading.Thread(target=stop_when_it_hides)
    watcher.start()
    record = bench.run(stop=stop)
    watcher.join()

    assert bench.statuses(record) == {"n": "cancelled"}
    gone(int(pid.read_text()))


def test_a_process_that_hides_ends_with_the_runtime(bench: Bench) -> None:
    """When its node has passed."""
    bench.recipe(STRAY.format(then="sleep 0.2"))

    assert bench.run().status == "passed"
    bench.runtime.close()
    gone(int((bench.root / "data/pid").read_text()))


def test_a_signal_is_named(bench: Bench) -> None:
    """The status of a killed process is 128 and the signal."""
    bench.recipe('[nodes.n]\nrun = "kill -9 $$"')

    assert bench.nodes(bench.run())["n"].why == "killed by SIGKILL"


def test_stop_cancels_within_a_second(bench: Bench) -> None:
    """What runs is killed, what waits never starts, retries are off, and the run is `cancelled`."""
    bench.recipe("""
        [nodes.fast]
        run = "true"
        [nodes.long]
        run = "sleep 60"
        retries = 5
        [nodes.later]
        needs = ["long"]
        run = "true"
        [nodes.last]
        needs = ["later", "fast"]
        run = "true"
    """)
    stop = threading.Event()
    stopped_at: list[float] = []

    def stop_at_the_long_one(event: Event) -> None:
        if event.kind == "node-started" and event.node == "long":
            stopped_at.append(time.monotonic())
            threading.Timer(0.2, stop.set).start()

    bench.observe = stop_at_the_long_one
    record = bench.run(stop=stop)

    assert time.monotonic() - stopped_at[0] < 25  # one, on a machine with nothing else to do
    assert record.status == "cancelled"
    assert bench.statuses(record) == {
        "fast": "passed",
        "long": "cancelled",
        "later": "cancelled",
        "last": "cancelled",
    }
    assert bench.records.run(record.run).document() == record.document()


def test_a_lost_process_is_tried_again_without_being_counted(bench: Bench) -> None:
    """An engine that went away says nothing about the node."""
    bench.recipe('[nodes.n]\nrun = "true"')
    bench.runtime = Scripted([Ended("", 0, "the engine went away"), Ended("", 0)])

    node = bench.nodes(bench.run())["n"]

    assert (node.status, node.attempts) == ("passed", 2)


def test_a_process_lost_twice_is_the_environments_failure(bench: Bench) -> None:
    """Not a red node; the record reads `interrupted`."""
    bench.recipe('[nodes.n]\nrun = "true"\nretries = 5')
    bench.runtime = Scripted([Ended("", 0, "the engine went away")] * 2)

    with pytest.raises(EnvironmentFailure, match="node `n` was lost twice: the engine went away"):
        bench.run()

    assert [str(run.status) for run in bench.records.runs()] == ["interrupted"]


def test_a_worker_without_a_result_is_not_green(bench: Bench) -> None:
    """Whatever its exit status."""
    bench.recipe('[nodes.n]\nsql = "select 1"')
    bench.runtime = Scripted([Ended("", 0)])

    assert bench.nodes(bench.run())["n"].why == "it ended without a result"


def test_a_full_disk_is_the_environments_failure(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said once, with what was attempted."""
    bench.recipe('[nodes.n]\nrun = "true"')

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kitchens_engine.state.attempt._make", full)

    with pytest.raises(EnvironmentFailure, match="No space left on device"):
        bench.run()

    assert [str(run.status) for run in bench.records.runs()] == ["interrupted"]


def test_one_run_at_a_time_has_the_data_folder(bench: Bench) -> None:
    """The second waits, and says for whom."""
    bench.recipe("""
        [nodes.n]
        run = "mkdir $KITCHEN_DATA/busy; sleep 0.3; rmdir $KITCHEN_DATA/busy"
    """)
    from kitchens_engine.running import datalock

    first, seen = bench.order(), list[Event]()
    with datalock.hold(first.kitchen.lock, "FIRST", lambda _: None, lambda: False, lambda _: None):
        second = threading.Thread(target=lambda: bench.carry_out(bench.order()))
        second.start()
        deadline = time.monotonic() + 5
        while len(bench.events) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        seen = list(bench.events)
        assert [str(run.status) for run in bench.records.runs()] == ["queued"]
    second.join()

    assert [event.kind for event in seen] == ["run-queued", "waiting"]
    assert seen[1].detail["run"] == "FIRST"
    assert [str(run.status) for run in bench.records.runs()] == ["passed"]


def test_writers_of_the_database_never_meet(bench: Bench) -> None:
    """And readers share it; whoever opens it finds it free."""
    nodes = "\n".join(
        f"""
        [nodes.w{number}]
        sql = "create table w{number} as select range as x from range(1000)"
        [nodes.r{number}]
        needs = ["w{number}"]
        run = "test -e $KITCHEN_DATABASE"
        database = "read"
        tests = [{{ sql = "select count(*) from w{number}", equals = 1000 }}]
        """
        for number in range(4)
    )
    bench.recipe(nodes)

    assert bench.run(jobs=4).status == "passed"

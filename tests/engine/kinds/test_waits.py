"""`wait`: times, files, URLs and rows, without slots and without processes of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench


def test_a_wait_for_a_time_passes_when_it_has_come(bench: Bench) -> None:
    """A duration, an instant, and a time of the day in its zone: the first since the run began."""
    started = datetime.now(UTC)
    soon = (started + timedelta(seconds=0.3)).isoformat()
    clock = (started + timedelta(hours=1, seconds=0.3)).strftime("%H:%M:%S.%f")
    bench.recipe(f"""
        [nodes.duration]
        wait = "0.3s"
        [nodes.instant]
        wait = {{ until = "{soon}" }}
        [nodes.clock]
        wait = {{ until = "{clock}", timezone = "Africa/Lagos" }}
        [nodes.offset]
        wait = {{ until = "{clock}+01:00" }}
        [nodes.past]
        wait = {{ until = 2020-01-01T00:00:00Z }}
    """)

    nodes = bench.nodes(bench.run(started=started, jobs=1))

    assert {node.status for node in nodes.values()} == {"passed"}
    timed = ("duration", "instant", "clock", "offset")
    assert all(0.1 < (nodes[name].seconds or 0) < 30 for name in timed), nodes


def test_waits_take_no_slot_and_no_process_each(bench: Bench) -> None:
    """Two hundred files are waited for by one process, while the only slot makes them."""
    waits = "".join(
        f'[nodes.w{n}]\nwait = {{ file = "{{{{ kitchen.data }}}}/f{n}", every = 0.05 }}\n' for n in range(200)
    )
    bench.recipe(
        waits
        + "[nodes.make]\nrun = \"pgrep -fc '[w]orker.py wai.*'$KITCHEN_RUN'/' >$KITCHEN_DATA/count || true; "
        'for n in $(seq 0 199); do : >$KITCHEN_DATA/f$n; done"\n'
    )

    record = bench.run(jobs=1)

    assert record.status == "passed"
    assert sum(1 for event in bench.events if event.kind == "node-ended") == 201
    assert int((bench.root / "data" / "count").read_text()) <= 1


def test_a_file_that_still_grows_is_waited_for(bench: Bench) -> None:
    """`stable` says how long it must have stayed as it is; the path is relative to the recipe."""
    bench.recipe("""
        [nodes.grow]
        run = "for n in 1 2 3 4 5; do echo $n >>grown; sleep 0.2; done"
        [nodes.w]
        wait = { file = "grown", stable = "1s", every = 0.05 }
        [nodes.count]
        needs = ["w"]
        run = "echo lines=$(wc -l <grown) >>$KITCHEN_OUTPUT"
    """)

    assert bench.nodes(bench.run())["count"].outputs == {"lines": 5}


def test_a_row_of_the_embedded_database_is_waited_for(bench: Bench) -> None:
    """Whoever writes it gets the database in between; a table that is not there yet is no fault."""
    bench.recipe("""
        [nodes.w]
        wait = { sql = "select count(*) = 3 from t", every = 0.2 }
        [nodes.make]
        sql = "create table t (x int)"
        [nodes.fill]
        each = [1, 2, 3]
        needs = ["make"]
        sql = "insert into t values ({{ each.item }})"
        [nodes.after]
        needs = ["w"]
        sql = "select count(*) as n from t"
    """)

    nodes = bench.nodes(bench.run(jobs=1))

    assert nodes["after"].outputs["n"] == 3, nodes["w"]


def test_a_row_of_a_connection_is_waited_for(bench: Bench) -> None:
    """By the companion of all waits."""
    bench.recipe("""
        [nodes.w]
        wait = { sql = "select max(x) > 1 from t", every = 0.1 }
        connection = "other"
        [nodes.make]
        sql = "create table t (x int); insert into t values (2)"
        connection = "other"
    """)

    record = bench.run(connections={"other": "sqlite:///{{ kitchen.data }}/other.sqlite"})

    assert bench.statuses(record) == {"w": "passed", "make": "passed"}


def test_a_url_is_waited_for_until_it_answers_well(bench: Bench) -> None:
    """Answers of another kind are no answer; why not is in the log."""
    with _answering([503, 404, 200]) as url:
        bench.recipe(f'[nodes.w]\nwait = {{ url = "{url}", every = 0.05 }}\n')
        node = bench.nodes(bench.run())["w"]

    assert node.status == "passed"
    assert "503" in bench.log(node) and "404" in bench.log(node)


@pytest.mark.parametrize(
    "wait",
    [
        "'60s'",
        '{ file = "never" }',
        '{ url = "http://127.0.0.1:9/" }',
        '{ sql = "select false", every = 0.1 }',
    ],
)
def test_a_timeout_and_a_cancellation_end_a_wait_at_once(bench: Bench, wait: str) -> None:
    """A wait that takes too long has failed; one that is cancelled is cancelled."""
    bench.recipe(f"[nodes.w]\nwait = {wait}\ntimeout = 1\nretries = 1")
    node = bench.nodes(bench.run())["w"]
    assert (node.status, node.why, node.attempts) == ("failed", "timed out after 1 s", 2)

    bench.recipe(f"[nodes.w]\nwait = {wait}")
    stop = threading.Event()
    threading.Timer(0.7, stop.set).start()
    began = time.monotonic()
    assert bench.run(stop=stop).status == "cancelled"
    assert time.monotonic() - began < 30


def test_a_time_that_is_none_is_one_sentence(bench: Bench) -> None:
    """Also where only the run knows it."""
    bench.recipe("[variables]\nat = 'noon'\n[nodes.w]\nwait = { until = '{{ variables.at }}' }")

    why = bench.nodes(bench.run())["w"].why

    assert why == "node `w`: `noon` is no time; write `2026-01-31T06:30:00Z` or `06:30`"


@contextmanager
def _answering(statuses: list[int]) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

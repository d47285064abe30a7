"""The run database: what it keeps, finds, and refuses."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from kitchens_engine import schema
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.outcome import AttemptRecord, NodeRecord, RunRecord, Status, TestRecord
from kitchens_engine.records import Records, new_run_id

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def a_run(number: int, **fields: object) -> RunRecord:
    run = new_run_id(NOW + timedelta(seconds=number))
    given: dict[str, object] = {
        "run": run,
        "order": run,
        "status": Status.RUNNING,
        "kitchen": "dev",
        "recipe": "r",
        "variation": None,
        "started": NOW,
    }
    return RunRecord(**given | fields)  # type: ignore[arg-type]


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    records = Records(tmp_path / "deep/er/records.sqlite")
    yield records
    records.close()


def test_what_cannot_be_written_can_be_read(records: Records) -> None:
    """On a full disk, or in a repository of somebody else. A folder where SQLite wants a file is as good as either."""
    run = a_run(1)
    records.begin(run)
    records.close()
    records.path.with_name(f"{records.path.name}-shm").mkdir()
    with closing(Records(records.path)) as others:
        assert [one.run for one in others.runs()] == [run.run]
        with pytest.raises(EnvironmentFailure, match="cannot be used"):
            others.begin(a_run(2))


def test_where_none_can_be_made_there_are_no_records(tmp_path: Path) -> None:
    """Nothing has run there."""
    (tmp_path / "file").touch()
    with closing(Records(tmp_path / "file/records.sqlite")) as records:
        assert records.runs() == []


def test_a_writer_puts_all_into_the_file_before_it_closes(records: Records) -> None:
    """While others read: who closes last lets nobody in, and so has nothing left to do."""
    with closing(Records(records.path)) as writer:
        writer.begin(a_run(1))
    with closing(sqlite3.connect(f"{records.path.as_uri()}?immutable=1", uri=True)) as file:
        assert file.execute("select count(*) from runs").fetchone() == (1,)


def test_run_ids_sort_by_time_and_never_meet() -> None:
    """26 characters of Crockford's alphabet."""
    ids = [new_run_id(NOW + timedelta(milliseconds=number)) for number in range(200)]

    assert ids == sorted(set(ids))
    assert {len(identity) for identity in ids} == {26}
    assert len({new_run_id(NOW) for _ in range(1000)}) == 1000


def test_a_run_comes_back_as_it_was(records: Records) -> None:
    """With nested nodes and tests, by any prefix of its id that is one run's only."""
    run = a_run(
        1, commit="c" * 40, dirty=True, gate=True, variables={"year": 2013}, toolchain="t", runtime="docker"
    )
    test = TestRecord("late", Status.WARNED, 0.3, "at most 0.25", "warn")
    inner = NodeRecord("x", "n/x", Status.WARNED, "why", NOW, 0.5, 1, {"rows": 3}, (test,), (), "/log")
    outer = NodeRecord("n", "n", Status.WARNED, nodes=(inner,))
    records.begin(run)
    records.nodes(run.run, "", [NodeRecord("n", "n")])
    records.nodes(run.run, "n", [NodeRecord("x", "n/x")])
    records.node(run.run, inner)
    records.node(run.run, outer)
    records.tests(run.run, "", [test])
    records.status(run.run, Status.WARNED, 1.5, "why")
    records.flush()

    with closing(Records(records.path)) as others:
        found = others.run(run.run[:-2])

    expected = a_run(0, run=run.run, order=run.run, status=Status.WARNED, seconds=1.5, why="why")
    assert found.document()["nodes"] == [outer.document()]
    assert found.document()["tests"] == [test.document()]
    assert (found.status, found.seconds, found.why) == (expected.status, expected.seconds, expected.why)
    assert (found.commit, found.dirty, found.gate, found.variables) == ("c" * 40, True, True, {"year": 2013})


def test_runs_are_listed_newest_first_and_filtered(records: Records) -> None:
    """By kitchen, recipe and status, in pages."""
    runs = [a_run(number, kitchen="dev" if number % 2 else "gate") for number in range(6)]
    for run in runs:
        records.begin(run)
    records.status(runs[5].run, Status.PASSED)

    def found(**filters: object) -> list[int]:
        return [[run.run for run in runs].index(each.run) for each in records.runs(**filters)]  # type: ignore[arg-type]

    assert found() == [5, 4, 3, 2, 1, 0]
    assert found(kitchen="dev") == [5, 3, 1]
    assert found(limit=2, offset=1) == [4, 3]
    assert found(status="passed") == [5]
    assert found(recipe="other") == []


def test_an_unknown_or_ambiguous_id_is_said(records: Records) -> None:
    """In one sentence."""
    records.begin(a_run(1))
    records.begin(a_run(2))

    with pytest.raises(InvalidInput, match="no order run `NOPE`"):
        records.run("NOPE")
    with pytest.raises(InvalidInput, match="more than one order run starts with `01`"):
        records.run("01")


def test_the_last_passed_outputs_are_those_of_that_kitchen(records: Records) -> None:
    """A later failure does not hide them."""
    for number, (kitchen, status) in enumerate([("dev", "passed"), ("dev", "failed"), ("gate", "passed")]):
        run = a_run(number, kitchen=kitchen)
        records.begin(run)
        records.nodes(run.run, "", [NodeRecord("a", "a", Status(status), outputs={"n": number})])

    assert records.last_passed("dev", "r", "a") == ({"n": 0}, {})
    assert records.last_passed("dev", "r", "b") is None


def test_a_newer_database_is_refused_and_left_alone(records: Records) -> None:
    """An older program would not understand it."""
    records.close()
    with sqlite3.connect(records.path) as connection:
        connection.execute("pragma user_version = 99")
    connection.close()
    before = records.path.read_bytes()

    with pytest.raises(EnvironmentFailure, match="written by a newer version"):
        Records(records.path)

    assert records.path.read_bytes() == before


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    """Without a traceback of SQLite's."""
    (tmp_path / "x").write_text("hello" * 1000)

    with pytest.raises(EnvironmentFailure, match="cannot be used: file is not a database"):
        Records(tmp_path / "x")


def test_a_full_disk_loses_nothing_that_was_there(records: Records) -> None:
    """The transaction fails as a whole."""
    run = a_run(1)
    records.begin(run)
    connection = records._connection
    pages = connection.execute("pragma page_count").fetchone()[0]
    connection.execute(f"pragma max_page_count = {pages}")
    records.nodes(run.run, "", [NodeRecord(f"n{number}", f"n{number}") for number in range(5000)])

    with pytest.raises(EnvironmentFailure, match="full"):
        records.flush()

    assert records.run(run.run).nodes == ()


def test_a_run_whose_process_is_gone_reads_interrupted(records: Records) -> None:
    """Its running nodes read as cancelled."""
    child = os.fork()
    if child == 0:
        own = Records(records.path)
        run = a_run(1)
        own.begin(run)
        own.nodes(run.run, "", [NodeRecord("a", "a", Status.RUNNING), NodeRecord("b", "b")])
        own.flush()
        os._exit(0)
    os.waitpid(child, 0)

    record = records.run("01")

    assert (record.status, record.why) == ("interrupted", "the process that ran it is gone")
    assert [str(node.status) for node in record.nodes] == ["cancelled", "waiting"]
    assert [run.run for run in records.runs(status="interrupted")] == [record.run]


def test_a_run_that_has_ended_never_changes(records: Records) -> None:
    """Nor do its nodes, tries and tests."""
    run = a_run(1)
    records.begin(run)
    records.nodes(run.run, "", [NodeRecord("a", "a", Status.PASSED)])
    records.status(run.run, Status.PASSED, 1.0)
    records.flush()
    before = records.run(run.run).document()
    late = AttemptRecord("a", 1, NOW, 1.0, Status.FAILED, None, "/log")

    for write in (
        lambda: records.status(run.run, Status.FAILED),
        lambda: records.node(run.run, NodeRecord("a", "a", Status.FAILED)),
        lambda: records.nodes(run.run, "", [NodeRecord("b", "b")]),
        lambda: records.attempt(run.run, late),
        lambda: records.tests(run.run, "a", [TestRecord("t", Status.FAILED)]),
    ):
        write()
        with pytest.raises(EnvironmentFailure, match="an order run that has ended does not change"):
            records.flush()

    assert records.run(run.run).document() == before


def test_a_database_of_the_first_version_is_brought_up(tmp_path: Path) -> None:
    """What it held is there, and read with what it lacked then."""
    path = tmp_path / "old.sqlite"
    with sqlite3.connect(path) as connection:
        for statement in schema.MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("pragma user_version = 1")
        connection.execute(
            "insert into runs values ('R', 'R', 'passed', 'dev', 'r', null, '2026-01-02T03:04:05Z', 1.0, null, "
            "null, 0, '', 'process', 0, '{}', '/folder', null, 1, '', '')"
        )
    connection.close()

    with closing(Records(path)) as records:
        found = records.run("R")

    assert (found.status, found.seconds, found.resumes, found.clock) == ("passed", 1.0, None, None)


def test_what_was_asked_for_keeps_its_types(records: Records) -> None:
    """Dates stay dates: a run that goes on sees what the first one saw."""
    asked = {"settings": {"day": date(2020, 1, 2), "at": NOW, "n": {"x": [1, 2.5, True, "t"]}}, "nodes": None}
    run = a_run(1, asked=asked, resumes="X", clock=NOW)
    records.begin(run)

    found = records.run(run.run)

    assert (found.asked, found.resumes, found.clock) == (asked, "X", NOW)

"""Rows of the run database and the values that they stand for."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from typing import Any

from kitchens_engine.outcome import AttemptRecord, NodeRecord, RunRecord, Status, TestRecord, timestamp
from kitchens_engine.runtimes.processes import Owner
from kitchens_engine.values import json_safe, json_typed, typed_json

#: A run with one of these has a process that runs it, unless that was killed.
OPEN = (Status.RUNNING, Status.QUEUED)


def run_of(row: sqlite3.Row) -> RunRecord:
    """A run without its parts. One whose process is gone reads `interrupted`."""
    status, why = Status(row["status"]), row["why"]
    if status in OPEN and not owner_of(row).alive():
        status, why = Status.INTERRUPTED, "the process that ran it is gone"
    return RunRecord(
        run=row["run"],
        order=row["order"],
        status=status,
        kitchen=row["kitchen"],
        recipe=row["recipe"],
        variation=row["variation"],
        started=datetime.fromisoformat(row["started"]),
        seconds=row["seconds"],
        commit=row["commit"],
        tree=row["tree"],
        dirty=bool(row["dirty"]),
        toolchain=row["toolchain"],
        runtime=row["runtime"],
        gate=bool(row["gate"]),
        variables=object_of(row["variables"]),
        folder=row["folder"],
        why=why,
        resumes=row["resumes"],
        clock=_moment(row["clock"]),
        asked=json_typed(row["asked"]) if row["asked"] else {},
    )


def owner_of(row: sqlite3.Row) -> Owner:
    """The process that runs it, or ran it last."""
    return Owner(row["owner_pid"], row["owner_started"], row["owner_boot"])


def node_of(row: sqlite3.Row, tests: tuple[TestRecord, ...], nodes: tuple[NodeRecord, ...]) -> NodeRecord:
    """A node with its parts."""
    return NodeRecord(
        name=row["name"],
        path=row["path"],
        status=Status(row["status"]),
        why=row["why"],
        started=_moment(row["started"]),
        seconds=row["seconds"],
        attempts=row["attempts"],
        outputs=outputs_of(row["outputs"]),
        tests=tests,
        nodes=nodes,
        log=row["log"],
    )


def test_of(row: sqlite3.Row) -> TestRecord:
    """A test of a node or of the run."""
    return TestRecord(
        name=row["name"],
        status=Status(row["status"]),
        value=json.loads(row["value"]),
        limits=json.loads(row["limits"]),
        fail=row["fail"],
        message=row["message"],
        recipe=row["recipe"],
        log=row["log"],
    )


def attempt_of(row: sqlite3.Row) -> AttemptRecord:
    """A try of a node."""
    return AttemptRecord(
        path=row["path"],
        number=row["attempt"],
        started=datetime.fromisoformat(row["started"]),
        seconds=row["seconds"],
        status=Status(row["status"]),
        why=row["why"],
        log=row["log"],
    )


def interrupted(node: NodeRecord) -> NodeRecord:
    """The node as it is shown when its run was interrupted: what ran was cut off."""
    nodes = tuple(interrupted(inner) for inner in node.nodes)
    if node.status is Status.RUNNING:
        return node._replace(nodes=nodes, status=Status.CANCELLED, why="the run was interrupted")
    return node._replace(nodes=nodes)


def columns_of_run(run: RunRecord, owner: Owner) -> tuple[Any, ...]:
    """A run as a row."""
    return (
        *(run.run, run.order, str(run.status), run.kitchen, run.recipe, run.variation),
        *(timestamp(run.started), run.seconds, run.commit, run.tree, run.dirty, run.toolchain),
        *(run.runtime, run.gate, as_json(run.variables), run.folder, run.why),
        *(owner.pid, owner.started, owner.boot),
        *(run.resumes, timestamp(run.clock), typed_json(run.asked)),
    )


def columns_of_node(node: NodeRecord) -> tuple[Any, ...]:
    """What changes of a node, as the last columns of its row."""
    outputs = typed_json(node.outputs) if node.outputs else None
    return (
        str(node.status),
        node.why,
        timestamp(node.started),
        node.seconds,
        node.attempts,
        outputs,
        node.log,
    )


def columns_of_test(test: TestRecord) -> tuple[Any, ...]:
    """A test as the last columns of its row."""
    return (
        *(test.name, str(test.status), as_json(test.value), as_json(test.limits)),
        *(test.fail, test.message, test.recipe, test.log),
    )


def as_json(value: Any) -> str:
    """Any value as JSON text."""
    return json.dumps(json_safe(value))


def outputs_of(text: str | None) -> dict[str, Any]:
    """The outputs of a node, dates and times of an ingredient's among them."""
    value = json_typed(text) if text else {}
    assert isinstance(value, dict)
    return value


def object_of(text: str | None) -> dict[str, Any]:
    """A table that was written as JSON text."""
    value = json.loads(text) if text else {}
    assert isinstance(value, dict)
    return value


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

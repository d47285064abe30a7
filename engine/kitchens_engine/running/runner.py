"""Runs one order, from its plan to its record."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.language.shelf import RECIPES
from kitchens_engine.order import Left, Order
from kitchens_engine.outcome import NodeRecord, RunRecord, Status, TestRecord, fold
from kitchens_engine.ports import Observer, Runtime
from kitchens_engine.records import Records
from kitchens_engine.redaction.hidden import Hidden
from kitchens_engine.running import datalock
from kitchens_engine.running.execution import Execution
from kitchens_engine.runtimes import processes
from kitchens_engine.runtimes.ledger import end_run
from kitchens_engine.state.asked import asked
from kitchens_engine.state.journal import Journal
from kitchens_engine.state.plan import Plan, plan_run
from kitchens_engine.state.pools import refuse_unknown
from kitchens_engine.state.scope import Scope
from kitchens_engine.testing import functional
from kitchens_engine.trying import connections, secrets
from kitchens_engine.trying.companion import mark_of
from kitchens_engine.values import json_safe
from kitchens_engine.variables.constraints import masked


def run(
    order: Order, runtime: Runtime, records: Records | None, observer: Observer, stop: threading.Event
) -> RunRecord:
    """Run `order` and return its record. A red run is a record, not an error.

    Set `stop` to cancel: what runs is killed with all its descendants. Raises
    `InvalidInput` before anything runs and before a record exists, and
    `EnvironmentFailure` when disk or runtime failed; the record then reads `interrupted`.
    """
    plan = plan_run(order.shelf, order.recipe, order.variation, order.nodes)
    refuse_unknown(plan, order.pools)
    # A gate begins with nothing: no other run is part of it.
    past = None if order.gate else records
    earlier = left_outside(plan, order.kitchen.name, order.recipe, past, order.earlier)
    connections.refuse_missing(plan, order)
    secrets.refuse_missing(plan, order.shelf, order.secrets, gate=order.gate)
    order = order._replace(earlier=earlier, hidden=Hidden())
    began = time.monotonic()
    journal = Journal(order.run, records, observer)
    record = _record(order, plan, runtime)
    if continued := order.past is not None and order.past.continued:
        journal.taken_up(record)
        began -= ((order.began or order.started) - record.started).total_seconds()
    with _environment(journal):
        order.folder.mkdir(parents=True, exist_ok=True)
        order.kitchen.data.mkdir(parents=True, exist_ok=True)
        if not continued:
            journal.queued(record)
        with datalock.hold(
            order.kitchen.lock,
            order.run,
            journal.waiting,
            stop.is_set,
            lambda killed: _end_killed(records, killed),
        ) as held:
            if held:
                journal.started(record, plan.size())
                record = _run(order, plan, runtime, journal, stop, record)
                if continued:
                    # Daemons of the earlier runner's nodes: this runtime ends only what it knows.
                    processes.signal_marked("KITCHEN_RUN", order.run, signal.SIGKILL)
            else:
                record = record._replace(
                    status=Status.CANCELLED, why="cancelled while it waited for its data"
                )
            record = record._replace(seconds=round(time.monotonic() - began, 3))
            journal.ended(record)
    return record


def _run(
    order: Order, plan: Plan, runtime: Runtime, journal: Journal, stop: threading.Event, record: RunRecord
) -> RunRecord:
    # Two more than processors: while one process ends and the next is prepared, no processor waits.
    if order.past is not None and order.past.continued:
        # What an earlier runner's companions had begun ends with them, but they may be too busy to notice.
        processes.end_marked("KITCHEN_RUN", mark_of(order.run))
    jobs = order.jobs or (os.cpu_count() or 1) + 2
    execution = Execution(
        order, plan, Scope(order, plan, order.variables, None), runtime, journal, stop, jobs
    )
    try:
        execution.run()
        nodes = execution.graph.records()
        status, why = execution.end
        tests: tuple[TestRecord, ...] = ()
        if plan.whole and status in (Status.PASSED, Status.WARNED):
            tests = functional.run_tests(
                order, execution.scopes.values(), runtime, lambda: stop.is_set() or execution.out_of_time
            )
            journal.tests_ended(tests)
            status = fold((status, *(test.status for test in tests)))
            if late := execution.late:
                status, why = fold((status, late.status)), why or late.why
    except BaseException:
        execution.abandon()
        raise
    finally:
        execution.close()
    for scope in execution.scopes.values():
        scope.hide()
    if stop.is_set():
        status, why = Status.CANCELLED, _left_undone(nodes)
    return record._replace(status=status, why=why, nodes=nodes, tests=tests)


def _end_killed(records: Records | None, run: str) -> None:
    """End what a run left behind whose runner was killed. Of one that is on no record here, its folder is not known."""
    folder = None
    with suppress(InvalidInput):
        folder = None if records is None else records.head(run).folder
    if folder is None:
        processes.signal_marked("KITCHEN_RUN", run, signal.SIGKILL)
    else:
        end_run(run, Path(folder))


def _left_undone(nodes: Sequence[NodeRecord]) -> str | None:
    """What a cancelled run could not clean up."""
    failed = [node.path for top in nodes for node in top.walk() if node.status is Status.FAILED]
    return f"cancelled, and `{'`, `'.join(failed[:3])}` failed" if failed else None


def _record(order: Order, plan: Plan, runtime: Runtime) -> RunRecord:
    past = order.past
    if past is not None and past.continued:
        return past.record._replace(status=Status.QUEUED, why=None, seconds=None, nodes=(), tests=())
    return RunRecord(
        run=order.run,
        order=order.order,
        status=Status.QUEUED,
        kitchen=order.kitchen.name,
        recipe=order.recipe,
        variation=order.variation,
        started=order.began or order.started,
        commit=order.commit,
        tree=order.tree,
        dirty=order.dirty,
        toolchain=order.toolchain,
        runtime=runtime.kind,
        gate=order.gate,
        variables=json_safe(masked(order.shelf.recipe(order.recipe), order.variables)),
        folder=str(order.folder),
        resumes=past.record.run if past else None,
        clock=order.started if order.began else None,
        asked={} if order.gate else asked(order, plan),
    )


def left_outside(plan: Plan, kitchen: str, recipe: str, records: Records | None, known: Left) -> Left:
    """What every node that counts as met left when it last passed in `kitchen`, over what is `known`.

    Those further up may be read too, so they come along where they ever passed. A node of a nested recipe
    may have passed when that was run by itself. Raises `InvalidInput` for a node that never passed here.
    """
    outputs, tests = dict(known.outputs), dict(known.tests)
    for inner in plan.walk():
        for name in (*inner.outside, *inner.beyond):
            path = inner.path_of(name)
            if path in outputs:
                continue
            places = [(recipe, path)]
            if inner.path and inner.recipe.folder.startswith(f"{RECIPES}/"):
                places.append((inner.recipe.name, name))
            left = _first_left(records, kitchen, places)
            if left is not None:
                outputs[path], tests[path] = left
            elif name in inner.outside:
                raise InvalidInput(
                    f"node `{path}` is outside the selection, and has never passed in kitchen `{kitchen}`",
                    "run it first, or put `+` before the selected node to run all that it needs",
                    file=inner.recipe.file,
                    line=inner.recipe.nodes[name].position.line,
                )
    return Left(outputs, tests)


def _first_left(
    records: Records | None, kitchen: str, places: Iterable[tuple[str, str]]
) -> tuple[Mapping[str, Any], Mapping[str, int]] | None:
    """What the node of one recipe left, or else that of the next."""
    found = (records.last_passed(kitchen, *place) for place in places) if records else ()
    return next((left for left in found if left is not None), None)


@contextmanager
def _environment(journal: Journal) -> Iterator[None]:
    """Whatever stops a run halfway leaves a record that says so; a disk's errors are the environment's."""
    try:
        yield
    except OSError as error:
        journal.interrupted()
        raise EnvironmentFailure(f"the run stopped: {error}") from error
    except BaseException:
        journal.interrupted()
        raise

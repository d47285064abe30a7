"""`kitchen order resume`: go on with a run that was cut off, or take up one that failed or was cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.orders.ordering import OrderPlan
from kitchens.actions.orders.runs import records_of
from kitchens.git.checkouts.worktrees import dirty
from kitchens_engine.errors import InvalidInput
from kitchens_engine.outcome import RunRecord, Status
from kitchens_engine.state.past import Past
from kitchens_engine.toml.nearest import hints


def plan_resume(
    house: House,
    run: str,
    *,
    again: Sequence[str] = (),
    jobs: int | None = None,
    assignments: Sequence[str] = (),
) -> OrderPlan:
    """What is left of a run, at its commit and under its variables; `assignments` give the hidden ones, which no record has.

    An interrupted run goes on under its id. Of any other that has ended a new run keeps what
    was green, but for the nodes `again` (by path) and all that needs them. Raises `InvalidInput`
    for a run that still runs, or of which nothing is left to do.
    """
    with closing(records_of(house)) as records:
        record = records.left(run)
        attempts = records.attempts(record.run)
    _refuse(record, again)
    kitchens = Kitchens(house)
    kitchen = kitchens.get(record.kitchen)
    assert record.commit is not None
    if house.repository.objects.resolve(f"{record.commit}^{{commit}}") is None:
        raise InvalidInput(f"commit {record.commit[:10]} of order run {record.run} is gone", code="no-commit")
    pooled = not _runs_in_worktree(house, kitchens, kitchen, record)
    checkout = kitchens.pooled_checkout(kitchen.name) if pooled else kitchens.worktree_path(kitchen.name)
    if record.dirty:
        house.note(
            f"order run {record.run} saw uncommitted edits, which no record keeps: it goes on with what lies in {checkout} now"
        )
    continued = record.status is Status.INTERRUPTED
    return OrderPlan(
        kitchen=kitchen,
        recipe=record.recipe,
        variation=record.variation,
        assignments=tuple(assignments),
        nodes=None if (nodes := record.asked["nodes"]) is None else tuple(nodes),
        checkout=checkout,
        pooled=pooled,
        data=kitchens.data_folder(kitchen.name),
        dirty=record.dirty,
        commit=record.commit,
        jobs=jobs,
        past=Past(record, attempts, continued=continued, again=again),
    )


def _refuse(record: RunRecord, again: Sequence[str]) -> None:
    name = f"order run {record.run}"
    if record.gate:
        raise InvalidInput(f"{name} belongs to a gate", "`kitchen test` runs a gate again", code="run")
    if record.status in (Status.RUNNING, Status.QUEUED):
        act = f"`kitchen order logs -f {record.run}` follows it"
        raise InvalidInput(f"{name} is still {record.status}", act, code="run")
    if not record.asked:
        act = f"`kitchen order run {record.recipe}` runs it anew"
        raise InvalidInput(f"{name} is of an older version, which did not record what resuming needs", act)
    if again and record.status is Status.INTERRUPTED:
        act = f"`kitchen order resume {record.run}` first"
        raise InvalidInput(f"{name} was interrupted; nothing runs again before it has ended", act, code="run")
    if record.status in (Status.PASSED, Status.WARNED) and not again:
        act = "`--again NODE` runs a node again, and what needs it"
        raise InvalidInput(f"{name} {record.status}; nothing of it is left to do", act, code="run")
    paths = [node.path for node in record.walk()]
    for path in again:
        if path not in paths:
            raise InvalidInput(f"{name} has no node `{path}`", *hints(path, paths), code="no-node")


def _runs_in_worktree(house: House, kitchens: Kitchens, kitchen: Kitchen, record: RunRecord) -> bool:
    """A sandbox's run that saw edits can only go on where they were; another one does where nothing has changed."""
    if kitchen.permanent:
        return False
    if record.dirty:
        return True
    if kitchen.tip != record.commit or kitchens.checkout_of(kitchen.name) is None:
        return False
    return not any(dirty(house.repository, kitchens.worktree_path(kitchen.name)))

"""`kitchen rollback`: a new commit that restores an earlier tree, through the gate; history only grows."""

from __future__ import annotations

from dataclasses import replace

from kitchens.actions.gates.gating import plan_gate
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.landing.history import steps
from kitchens.actions.landing.merging import ATTEMPTS, gated_trailers, with_trailers
from kitchens.actions.landing.moving import MovePlan, land, unchanged
from kitchens.actions.sharing.arriving import arrive, settle
from kitchens.git.history import first_parents, is_ancestor
from kitchens.git.merging import commit_tree
from kitchens.git.moving.rollbacks import RESTORES, restored
from kitchens.git.refs import Moved
from kitchens.model.gate import Move
from kitchens_engine.errors import EnvironmentFailure, InvalidInput


def roll_back(house: House, name: str, to: str | None, message: str | None) -> Move:
    """Restore in kitchen `name` the tree of the commit `to` (default: that before the last landing in force).

    Starts again when somebody else landed meanwhile and `to` was given; without it the landing to undo would be
    another one then, so that is refused. Raises `InvalidInput` when `to` is not in the kitchen's history, when no
    landing is left to undo, and for edited files of a checkout in the way.
    """
    for _ in range(ATTEMPTS):
        arrival = arrive(house)
        arrival = settle(house, arrival, name)
        plan, earlier = _plan(house, name, to, message)
        if isinstance(plan, Move):
            return plan
        try:
            return replace(land(house, plan, arrival), restored=earlier)
        except Moved as moved:
            if to is None and moved.ref == f"refs/heads/{name}":
                raise EnvironmentFailure(
                    f"`{name}` moved meanwhile, so its last landing is another one; nothing was rolled back",
                    f"`kitchen history {name}` shows what came, `kitchen rollback {name} --to {earlier[:12]}`"
                    " restores what was meant",
                    code="moved",
                ) from moved
            house.note(f"`{name}` moved meanwhile; looking again")
    raise EnvironmentFailure(f"`{name}` moved {ATTEMPTS} times; nothing was rolled back", "try again")


def _plan(house: House, name: str, to: str | None, message: str | None) -> tuple[MovePlan | Move, str]:
    """The rollback and its gate, or that there is nothing to do; and the commit whose tree comes back."""
    kitchens = Kitchens(house)
    kitchen = kitchens.get(name)
    earlier = _named(house, kitchen, to) if to else _before_last_landing(house, kitchens, kitchen)
    repository = house.repository
    now, tree = repository.objects.commit(kitchen.tip).tree, repository.objects.commit(earlier).tree
    if now == tree:
        return replace(unchanged(kitchen, kitchen, tree), restored=earlier), earlier
    gate = plan_gate(house, tree, kitchen, kitchen.tip)
    trailers = [f"Kitchen: {kitchen.name}", *gated_trailers(gate), f"{RESTORES}{earlier}"]
    commit = commit_tree(
        repository,
        tree,
        (kitchen.tip,),
        with_trailers(message, f"Roll back {kitchen.name} to {earlier[:12]}", trailers),
        house.identity,
        house.now(),
    )
    # Only where approvals are asked for does it matter whether this tree had its own.
    seen = gate.policy.approvals > 0 and earlier in first_parents(repository, kitchen.tip)
    gate = replace(gate, commit=commit)
    return MovePlan("rolled-back", kitchen, kitchen, commit, tree, gate, seen=seen), earlier


def _named(house: House, kitchen: Kitchen, to: str) -> str:
    commit = house.repository.objects.resolve(f"{to}^{{commit}}")
    look = f"`kitchen history {kitchen.name}` shows the commits it was at"
    if commit is None:
        raise InvalidInput(
            f"there is no commit `{to}`; `{kitchen.name}` has not moved", look, code="no-commit"
        )
    if not is_ancestor(house.repository, commit, kitchen.tip):
        raise InvalidInput(
            f"`{to}` is not in the history of `{kitchen.name}`, which has not moved", look, code="no-commit"
        )
    return commit


def _before_last_landing(house: House, kitchens: Kitchens, kitchen: Kitchen) -> str:
    """Where the kitchen was before its newest landing that no rollback has undone: rolled back once more, it goes
    further back, instead of bringing back what was wrong."""
    restoring: str | None = None
    for step in steps(house, kitchens, kitchen):
        if step.kitchen.name != kitchen.name:
            break
        if restoring not in (None, step.commit):
            continue
        restoring = restored(house.repository, step.commit)
        if restoring is None and step.landing is not None:
            return step.previous
    raise InvalidInput(
        f"`{kitchen.name}` has no landing left to roll back; it has not moved",
        f"`kitchen rollback {kitchen.name} --to COMMIT` restores any commit of its history",
        code="no-landing",
    )

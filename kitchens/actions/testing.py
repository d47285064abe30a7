"""`kitchen test`: the gate on a kitchen's committed tree. It moves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kitchens.actions.gating import GatePlan, carry_out_gate, check_recipe, plan_gate
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.git.worktrees import dirty
from kitchens.model.gate import Gate
from kitchens_engine.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class TestPlan:
    """What `kitchen test` will gate; the second plan is there when a permanent kitchen's own settings differ."""

    __test__ = False

    kitchen: str
    commit: str
    plans: tuple[GatePlan, ...]
    notes: tuple[str, ...]


def plan_test(
    house: House,
    name: str | None,
    *,
    recipe: str | None = None,
    everything: bool = False,
    again: bool = False,
    revision: str | None = None,
    into: str | None = None,
) -> TestPlan:
    """The gate of a kitchen's tip (or of `revision`) under the settings of its parent (or of `into`).

    Without `everything` or `recipe` only what differs from the target is gated; the root kitchen, which has
    nothing above it, is gated as a whole under its own settings.
    """
    kitchens = Kitchens(house)
    if revision is not None:
        return _plan_revision(house, kitchens, revision, into, recipe, everything, again)
    kitchen = kitchens.get(name) if name else kitchens.here()
    target = kitchens.get(into) if into else (kitchens.parent_of(kitchen) if kitchen.parent else kitchen)
    against = None if everything or recipe or target.name == kitchen.name else target.tip
    plans = [_plan(house, kitchen.tip, target, against, recipe, again)]
    if kitchen.permanent and kitchen.name != target.name and _settings(kitchen) != _settings(target):
        plans.append(_plan(house, kitchen.tip, kitchen, against, recipe, again))
    return TestPlan(kitchen.name, kitchen.tip, tuple(plans), _notes(house, kitchens, kitchen))


def carry_out_test(house: House, plan: TestPlan) -> dict[str, Any]:
    """Run the gate and answer as `--json` shows it."""
    verdicts = tuple(verdict for one in plan.plans for verdict in carry_out_gate(house, one).verdicts)
    document = {"kitchen": plan.kitchen, "commit": plan.commit, "gate": Gate(verdicts).document()}
    return document | ({"notes": list(plan.notes)} if plan.notes else {})


def _plan_revision(
    house: House,
    kitchens: Kitchens,
    revision: str,
    into: str | None,
    recipe: str | None,
    everything: bool,
    again: bool,
) -> TestPlan:
    commit = house.repository.objects.resolve(f"{revision}^{{commit}}")
    if commit is None:
        raise InvalidInput(f"there is no commit `{revision}`", code="no-commit")
    target = kitchens.get(into or kitchens.root)
    against = None if everything or recipe or commit == target.tip else target.tip
    return TestPlan(target.name, commit, (_plan(house, commit, target, against, recipe, again),), ())


def _plan(
    house: House, commit: str, target: Kitchen, against: str | None, recipe: str | None, again: bool
) -> GatePlan:
    if recipe is not None:
        check_recipe(house.view(commit), recipe)
    return plan_gate(house, commit, target, against, only=None if recipe is None else [recipe], again=again)


def _settings(kitchen: Kitchen) -> dict[str, Any]:
    return dict(kitchen.registered.settings) if kitchen.registered else {}


def _notes(house: House, kitchens: Kitchens, kitchen: Kitchen) -> tuple[str, ...]:
    checkout = kitchens.checkout_of(kitchen.name)
    if checkout is None:
        return ()
    modified, _ = dirty(house.repository, checkout)
    return (f"uncommitted changes in {checkout} are not tested",) if modified else ()

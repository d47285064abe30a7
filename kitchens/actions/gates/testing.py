"""`kitchen test`: the gate on a kitchen's committed tree. It moves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from kitchens.actions.gates.gating import GatePlan, check_recipe, plan_gate
from kitchens.actions.gates.judging import carry_out_gate
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.landing.history import steps
from kitchens.gate.placing import expected
from kitchens.git.checkouts.worktrees import dirty
from kitchens.git.history import common_ancestors, is_ancestor
from kitchens.model.gate import Gate, Verdict
from kitchens_engine.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class TestPlan:
    """What `kitchen test` will gate; the second plan is what `kitchen verify` asks of a permanent kitchen's tip."""

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
    nothing above it, is gated as a whole under its own settings. Where `kitchen verify` asks for more of a
    commit, that is gated too.
    """
    kitchens = Kitchens(house)
    if revision is not None:
        return _plan_revision(house, kitchens, name, revision, into, recipe, everything, again)
    kitchen = kitchens.get(name) if name else kitchens.here()
    target = _target(kitchens, kitchen, into)
    against = None if everything or recipe or target.name == kitchen.name else target.tip
    plans = [_plan(house, kitchen.tip, target, against, recipe, again)]
    if kitchen.permanent:
        plans.append(_as_verified(house, kitchen.tip, kitchen, recipe, again))
    return TestPlan(kitchen.name, kitchen.tip, _each_once(plans), _notes(house, kitchens, kitchen))


def carry_out_test(house: House, plan: TestPlan) -> dict[str, Any]:
    """Run the gate and answer as `--json` shows it."""
    verdicts = tuple(
        _with_measures(one, verdict) for one in plan.plans for verdict in carry_out_gate(house, one).verdicts
    )
    document = {"kitchen": plan.kitchen, "commit": plan.commit, "gate": Gate(verdicts).document()}
    return document | ({"notes": list(plan.notes)} if plan.notes else {})


def _with_measures(plan: GatePlan, verdict: Verdict) -> Verdict:
    """The verdict with what was measured when it was attested."""
    if verdict.status != "attested":
        return verdict
    proof = next(one.attestation for one in plan.recipes if one.fingerprint == verdict.fingerprint)
    return replace(
        verdict, tests=expected(plan.view, verdict.recipe, proof.measures.items() if proof else ())
    )


def _plan_revision(
    house: House,
    kitchens: Kitchens,
    name: str | None,
    revision: str,
    into: str | None,
    recipe: str | None,
    everything: bool,
    again: bool,
) -> TestPlan:
    commit = house.repository.objects.resolve(f"{revision}^{{commit}}")
    if commit is None:
        raise InvalidInput(f"there is no commit `{revision}`", code="no-commit")
    kitchen = kitchens.get(name or into or kitchens.root)
    target = _target(kitchens, kitchen, into)
    against = None if everything or recipe or commit == target.tip else target.tip
    if is_ancestor(house.repository, commit, target.tip):
        landed = (step.previous for step in steps(house, kitchens, target) if step.commit == commit)
        plans = [_as_verified(house, commit, target, recipe, again, next(landed, None))]
        if against is None:
            plans.append(_plan(house, commit, target, None, recipe, again))
    else:
        plans = [_plan(house, commit, target, against, recipe, again)]
    return TestPlan(kitchen.name, commit, _each_once(plans), ())


def _target(kitchens: Kitchens, kitchen: Kitchen, into: str | None) -> Kitchen:
    """Whose rules and settings decide: those of `into`, else of the parent; the root has only its own."""
    if into is not None:
        return kitchens.get(into)
    return kitchens.parent_of(kitchen) if kitchen.parent else kitchen


def _as_verified(
    house: House,
    commit: str,
    kitchen: Kitchen,
    recipe: str | None,
    again: bool,
    previous: str | None = None,
) -> GatePlan:
    """What `kitchen verify` asks of `commit` in `kitchen`: the rules are those before it. It landed on `previous`; as a
    plain commit, on its parent."""
    previous = previous or next(iter(house.repository.objects.commit(commit).parents), None)
    return plan_gate(
        house,
        commit,
        kitchen,
        previous,
        only=None if recipe is None else [recipe],
        again=again,
        rules_at=previous,
    )


def _each_once(plans: Sequence[GatePlan]) -> tuple[GatePlan, ...]:
    """The plans without what an earlier one shows already."""
    seen: set[tuple[str, str]] = set()
    result = []
    for plan in plans:
        result.append(
            replace(
                plan, recipes=tuple(one for one in plan.recipes if (one.recipe, one.fingerprint) not in seen)
            )
        )
        seen |= {(one.recipe, one.fingerprint) for one in plan.recipes}
    return tuple(result)


def _plan(
    house: House, commit: str, target: Kitchen, against: str | None, recipe: str | None, again: bool
) -> GatePlan:
    if recipe is not None:
        check_recipe(house.view(commit), recipe)
    return plan_gate(
        house,
        commit,
        target,
        against,
        only=None if recipe is None else [recipe],
        again=again,
        since=next(iter(common_ancestors(house.repository, commit, target.tip)), None),
    )


def _notes(house: House, kitchens: Kitchens, kitchen: Kitchen) -> tuple[str, ...]:
    checkout = kitchens.checkout_of(kitchen.name)
    if checkout is None:
        return ()
    modified, _ = dirty(house.repository, checkout)
    return (f"uncommitted changes in {checkout} are not tested",) if modified else ()

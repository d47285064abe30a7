"""The gate: which recipes a tree must show. `judging` comes to the verdict on each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kitchens.actions.gates.signing import ALLOWED, RULE_FILES, signers_of
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.ruling import fault_at
from kitchens.gate.affected import Affected, affected, affected_rules
from kitchens.gate.fingerprint import QUALITY, Examiner, differing, examine
from kitchens.gate.tree import TreeView
from kitchens.model.cookbook import Cookbook, Policy
from kitchens.model.kitchen import Attestation
from kitchens_engine.errors import InvalidInput

if TYPE_CHECKING:
    from kitchens.git.signatures import Signers


#: A policy that allows everything.
EVERYTHING = Policy()


@dataclass(frozen=True)
class GatePlan:
    """What the tree of `commit` must show before it may land under `examiner`."""

    commit: str
    tree: str
    view: TreeView
    examiner: Examiner
    isolation: str | None
    recipes: tuple[Affected, ...]
    #: Only attestations that one of these signed count; None where unsigned ones do.
    signers: Signers | None = None
    #: Whether the rules ask for signatures.
    sign: bool = False
    #: What the target's tip says of landings in it; before it says anything, everything may land.
    policy: Policy = EVERYTHING
    #: How often what is red is run again on the same tree.
    retries: int = 0

    @property
    def runs(self) -> tuple[Affected, ...]:
        """The recipes that must be run."""
        return tuple(one for one in self.recipes if one.needs_run)

    @property
    def shown(self) -> tuple[tuple[str, str], ...]:
        """Recipe and fingerprint of everything that must be attested for a landing."""
        return tuple((one.recipe, one.fingerprint) for one in self.recipes if not one.deleted)


def plan_gate(
    house: House,
    commit: str,
    target: Kitchen,
    against: str | None,
    *,
    only: Iterable[str] | None = None,
    again: bool = False,
    rules_at: str | None = None,
    settings: Mapping[str, Any] | None = None,
    broken_is_red: bool = False,
    source: Kitchen | None = None,
    since: str | None = None,
) -> GatePlan:
    """Which recipes of `commit` differ from those at `against` (None: all of them), under the rules at
    `target`'s tip and its settings, or those at `rules_at` and `settings` when looking back.

    Where the target's tip says whose signatures count, a change of its rules is among them: nothing is run for it, but
    one of them must vouch for it.

    `only` narrows to these recipes; `again` ignores attestations. `commit` may be a bare tree. Raises the
    fault of a recipe that cannot be run; with `broken_is_red` it becomes a red verdict. `source` is where the change
    comes from: what passed under its settings and must run again under the target's says which variables differ. What
    is not merged yet started from the commit `since`: rules that are as they were there are none that it changes, and a
    recipe that was not there yet is none that it deletes.
    """
    view = house.view(commit)
    if settings is None:
        settings = target.registered.settings if target.registered else {}
    tip = ruling_at(house, rules_at or target.tip)
    ruling = house.view(tip)
    rules = _rules(house, ruling, view, None if rules_at else target)
    examiner = Examiner.of(rules, settings)
    policy = rules.policy(target.name)
    isolation = policy.isolation
    signers = signers_of(house, ruling, view, required=policy.signed)
    before = None if against is None else house.view(against)
    proofs = _nothing if again else _proofs(house, isolation, signers, rules.gate.retries)
    # Looking back is proving, and a proof goes by the recipes themselves.
    with nullcontext() if rules_at else house.recall:
        why = {"unproved": "asked for again"} if again else {}
        found = affected(view, before, examiner, proofs, **why)
    start = None if since is None else house.view(since)
    if start is not None:
        found = tuple(one for one in found if not one.deleted or one.recipe in start.recipes)
    if source is not None and source.registered is not None:
        there = examiner._replace(settings=source.registered.settings)
        found = tuple(_compared(view, one, examiner, there, target.name, proofs) for one in found)
    if signers is not None and ruling.oid(ALLOWED) is not None:
        # Nothing runs for it, so no runtime is asked for.
        signed = _nothing if again else _proofs(house, None, signers, 0)
        found += affected_rules(_rules_after(view, ruling, start), _oids(ruling), tip, signed)
    if only is not None:
        found = tuple(one for one in found if one.recipe in set(only))
    fault = next((one.fault for one in found if one.fault is not None), None)
    if fault is not None and not broken_is_red:
        raise fault
    return GatePlan(
        commit,
        str(view.oid("")),
        view,
        examiner,
        isolation,
        found,
        signers,
        rules.gate.sign,
        policy_at(house, rules_at or target.tip, target.name, looking_back=rules_at is not None),
        rules.gate.retries,
    )


def ruling_at(house: House, tip: str) -> str:
    """The commit whose rules count at a kitchen's `tip`: nearly always itself."""
    return tip if fault_at(house, tip) is None else Kitchens(house).in_force(tip)


def policy_at(house: House, tip: str, name: str, *, looking_back: bool = False) -> Policy:
    """What `kitchens.toml` at a tip says of landings in the kitchen `name`. What is about to arrive says nothing yet;
    looking back, neither does what could never be read."""
    view = house.view(ruling_at(house, tip))
    if not view.oid("kitchens.toml"):
        return EVERYTHING
    try:
        return view.cookbook.policy(name)
    except InvalidInput:
        if looking_back:
            return EVERYTHING
        raise


def _rules_after(candidate: TreeView, rules: TreeView, start: TreeView | None) -> dict[str, str | None]:
    """The ids of the files of rules once the candidate has landed."""
    after, here = _oids(candidate), _oids(rules)
    if start is None:
        return after
    return {path: here[path] if oid == start.oid(path) else oid for path, oid in after.items()}


def _oids(view: TreeView) -> dict[str, str | None]:
    return {path: view.oid(path) for path in RULE_FILES}


def _rules(house: House, rules: TreeView, candidate: TreeView, target: Kitchen | None) -> Cookbook:
    """The rules in force; the candidate's when the target has none yet (they are about to arrive), and, looking back
    (without a `target`), when none could ever be read: the commit that mended them has nothing else to go by.

    Raises the fault of a candidate whose own cannot be read or is not there: with it, the rules would be gone.
    """
    if not rules.oid("kitchens.toml"):
        return candidate.cookbook
    try:
        found = rules.cookbook
    except InvalidInput as fault:
        if target is None:
            return candidate.cookbook
        raise Kitchens(house).unruled(target.name, fault) from fault
    if target is not None:
        try:
            _ = candidate.cookbook
        except InvalidInput as fault:
            if candidate.oid("kitchens.toml") == house.view(target.tip).oid("kitchens.toml") is not None:
                raise Kitchens(house).unruled(target.name, fault) from fault
            raise
    return found


def _compared(
    view: TreeView,
    one: Affected,
    examiner: Examiner,
    there: Examiner,
    target: str,
    proofs: Callable[[list[str]], Mapping[str, Attestation]],
) -> Affected:
    """The recipe with the reason why what passed in the kitchen that it comes from does not count here."""
    if not one.needs_run or one.fault or one.recipe == QUALITY or examiner.settings == there.settings:
        return one
    passed = examine(view, one.recipe, there).digest
    names = differing(view, one.recipe, examiner, there)
    if not names or not proofs([passed]):
        return one
    which = "variable" if len(names) == 1 else "variables"
    verb = "differs" if len(names) == 1 else "differ"
    return replace(one, why=f"{one.why}; {which} {', '.join(names)} {verb} in {target}")


def _nothing(_: list[str]) -> Mapping[str, Attestation]:
    return {}


def _proofs(
    house: House, isolation: str | None, signers: Signers | None, retries: int
) -> Callable[[list[str]], Mapping[str, Attestation]]:
    def find(fingerprints: list[str]) -> dict[str, Attestation]:
        proofs = {}
        for fingerprint, found in house.attestations.find(fingerprints, signers).items():
            counting = [
                one
                for one in found
                if (isolation is None or one.runtime == isolation)
                and (signers is None or one.signer)
                and one.retries <= retries
            ]
            if counting:
                proofs[fingerprint] = counting[0]
        return proofs

    return find


def check_recipe(view: TreeView, name: str) -> None:
    """Raise `InvalidInput` with the nearest name when the tree has no recipe `name`."""
    if name not in view.recipes:
        view.shelf.recipe(name)
        raise InvalidInput(f"no recipe named `{name}`", code="no-recipe")

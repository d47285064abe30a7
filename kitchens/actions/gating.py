"""The gate: which recipes a tree must show, and running those that nobody attested yet, in isolation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kitchens import __version__
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen
from kitchens.actions.quality import run_quality
from kitchens.actions.running import Place, equipped, run_order
from kitchens.gate.affected import Affected, affected
from kitchens.gate.fingerprint import QUALITY, Examiner, build_context, narrower
from kitchens.gate.scope import Scope
from kitchens.gate.tree import TreeView
from kitchens.gate.undeclared import undeclared
from kitchens.git.checkout import write_tree
from kitchens.git.claims import claim
from kitchens.git.healing import TEMPORARY
from kitchens.model.cookbook import Cookbook
from kitchens.model.gate import Failure, Gate, Verdict, failures_of
from kitchens.model.kitchen import Attestation
from kitchens_engine.errors import Interrupted, InvalidInput
from kitchens_engine.language.variables import resolve
from kitchens_engine.order import KitchenFacts, Order
from kitchens_engine.ports import Event
from kitchens_engine.records import new_run_id

#: How much of a log is read for the reason of a failure, in bytes.
_LOG_END = 1 << 16


@dataclass(frozen=True)
class GatePlan:
    """What the tree of `commit` must show before it may land under `examiner`."""

    commit: str
    tree: str
    view: TreeView
    examiner: Examiner
    isolation: str | None
    recipes: tuple[Affected, ...]

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
) -> GatePlan:
    """Which recipes of `commit` differ from those at `against` (None: all of them), under the rules at
    `target`'s tip and its settings, or those at `rules_at` and `settings` when looking back.

    `only` narrows to these recipes; `again` ignores attestations. `commit` may be a bare tree. Raises the
    fault of a recipe that cannot be run; with `broken_is_red` it becomes a red verdict.
    """
    view = house.view(commit)
    if settings is None:
        settings = target.registered.settings if target.registered else {}
    rules = _rules(house.view(rules_at or target.tip), view, looking_back=rules_at is not None)
    examiner = Examiner.of(rules, settings)
    isolation = rules.policy(target.name).isolation
    before = None if against is None else house.view(against)
    found = affected(view, before, examiner, _nothing if again else _proofs(house, isolation))
    if only is not None:
        found = tuple(one for one in found if one.recipe in set(only))
    fault = next((one.fault for one in found if one.fault is not None), None)
    if fault is not None and not broken_is_red:
        raise fault
    return GatePlan(commit, str(view.oid("")), view, examiner, isolation, found)


def _rules(rules: TreeView, candidate: TreeView, *, looking_back: bool) -> Cookbook:
    """The target's `kitchens.toml`; the candidate's when the target has none yet (it is about to arrive), and,
    looking back, when it could not be read: the commit that mended it has nothing else to go by."""
    if not rules.oid("kitchens.toml"):
        return candidate.cookbook
    try:
        return rules.cookbook
    except InvalidInput:
        if looking_back:
            return candidate.cookbook
        raise


def _nothing(_: list[str]) -> Mapping[str, Attestation]:
    return {}


def _proofs(house: House, isolation: str | None) -> Callable[[list[str]], Mapping[str, Attestation]]:
    def find(fingerprints: list[str]) -> dict[str, Attestation]:
        proofs = {}
        for fingerprint, found in house.attestations.find(fingerprints).items():
            counting = [one for one in found if isolation is None or one.runtime == isolation]
            if counting:
                proofs[fingerprint] = counting[0]
        return proofs

    return find


def carry_out_gate(house: House, plan: GatePlan) -> Gate:
    """Run what is not attested, each recipe on its own; every green verdict is attested at once, so that
    nothing is tested twice even when a later recipe is red or the machine dies."""
    if plan.runs:
        names = [one.recipe for one in plan.runs]
        house.tell(Event("gate-planned", "", None, {"recipes": names, "commit": plan.commit}))
    verdicts = tuple(_verdict(house, plan, one) for one in plan.recipes)
    return Gate(verdicts)


def _verdict(house: House, plan: GatePlan, one: Affected) -> Verdict:
    if one.deleted:
        return Verdict(one.recipe, None, "deleted", one.why, "", None)
    if one.fault is not None:
        return _broken(one, one.fault)
    if one.attestation is not None:
        return Verdict(one.recipe, one.variation, "attested", one.why, one.fingerprint, one.attestation.run)
    house.tell(Event("gate-started", "", one.recipe, {"why": one.why, "variation": one.variation}))
    verdict = _quality(house, plan, one) if one.recipe == QUALITY else _run(house, plan, one)
    detail = {"status": verdict.status, "run": verdict.run, "failures": verdict.failures}
    house.tell(Event("gate-ended", verdict.run or "", one.recipe, detail))
    return verdict


def _broken(one: Affected, fault: InvalidInput) -> Verdict:
    where = f"{fault.file}:{fault.line}: " if fault.file and fault.line else ""
    failure = Failure(None, None, None, None, f"{where}{fault.message}", None)
    return Verdict(one.recipe, one.variation, "failed", one.why, one.fingerprint, None, (failure,))


def _run(house: House, plan: GatePlan, one: Affected) -> Verdict:
    assert one.examined is not None
    assert one.examined.scope is not None
    scope = one.examined.scope
    run = new_run_id(house.now())
    warnings: list[str] = []
    if one.variation is None:
        warnings.append(
            f"`{one.recipe}` has no variation `{plan.examiner.variation}`, so it was gated as it is"
        )
    with _place(house, plan, run, (*scope.folders, *plan.examiner.shared)) as place:
        for required in scope.requires:
            verdict = _required(house, plan, place, required, one, scope)
            if verdict is not None:
                return verdict
        order = _order(house, plan, place, one.recipe, run, place.folder)
        document = run_order(house, order, place).document()
        failures = tuple(_hinted(plan, scope, place, failure) for failure in failures_of(document))
    if document["status"] not in ("passed", "warned"):
        return Verdict(
            one.recipe,
            one.variation,
            "failed",
            one.why,
            one.fingerprint,
            run,
            failures,
            tuple(warnings),
        )
    if not _tests(document):
        warnings.append(f"`{one.recipe}` has no tests, so its gate proves only that it runs")
    measures = {test["name"]: test.get("value") for test in _tests(document)}
    _attest(house, plan, one, run, place, measures)
    return Verdict(one.recipe, one.variation, "passed", one.why, one.fingerprint, run, (), tuple(warnings))


def _required(
    house: House, plan: GatePlan, place: Place, required: str, one: Affected, scope: Scope
) -> Verdict | None:
    """Run a recipe whose data the gated one reads; its failure is the gated one's."""
    run = new_run_id(house.now())
    order = _order(house, plan, place, required, run, place.folder / "requires" / required)
    document = run_order(house, order, place).document()
    if document["status"] in ("passed", "warned"):
        return None
    failures = tuple(
        replace(_hinted(plan, scope, place, failure), node=f"{required}: {failure.node or 'functional test'}")
        for failure in failures_of(document)
    )
    return Verdict(one.recipe, one.variation, "failed", one.why, one.fingerprint, run, failures)


def _hinted(plan: GatePlan, scope: Scope, place: Place, failure: Failure) -> Failure:
    """The failure with how to declare a file of the cookbook, when its log names one that this gate lacked."""
    covered = (*scope.folders, *plan.examiner.shared)
    said = f"{failure.why or ''}\n{_end_of(failure.log)}"
    missing = undeclared(said, str(place.checkout), scope.folders, covered, plan.view)
    if not missing:
        return failure
    path = missing[0]
    kind, _, name = path.partition("/")
    act = "add it to `[gate] shared` in `kitchens.toml`, and land that first: a gate keeps the rules of its target"
    if kind == "recipes" and name:
        act = f'say `requires = ["{name.partition("/")[0]}"]`, or {act}'
    hint = (
        f"`{path}` is in the cookbook, but `{scope.recipe}` does not declare it, so its gate lacks it; {act}"
    )
    return replace(failure, hint=hint)


def _end_of(log: str | None) -> str:
    """The end of a log, where the reason of a failure stands."""
    if log is None:
        return ""
    try:
        with Path(log).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LOG_END))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def _order(house: House, plan: GatePlan, place: Place, name: str, run: str, folder: Path) -> Order:
    recipe = plan.view.shelf.recipe(name)
    variation = plan.examiner.variation if plan.examiner.variation in recipe.variations else None
    return Order(
        run=run,
        order=run,
        shelf=plan.view.shelf,
        root=place.checkout,
        recipe=name,
        variation=variation,
        variables=resolve(recipe, variation, plan.examiner.settings, (), gate=True),
        settings=plan.examiner.settings,
        nodes=None,
        kitchen=KitchenFacts(name="gate", parent=None, data=place.data),
        folder=folder,
        started=house.now(),
        commit=plan.commit,
        tree=plan.tree,
        dirty=False,
        toolchain=place.equipment.toolchain,
        gate=True,
    )


@contextmanager
def _place(house: House, plan: GatePlan, run: str, paths: Iterable[str] | None) -> Iterator[Place]:
    """A checkout that holds only what the fingerprint covers (None: all), an empty data folder, a runtime of its own."""
    cookbook = plan.view.cookbook
    folder = house.state / "gates" / run
    checkout, data = folder / "tree", folder / "data"
    with claimed(house, folder):
        checkout.mkdir(parents=True)
        data.mkdir()
        covered = None if paths is None else [*paths, *_build_paths(cookbook)]
        write_tree(house.repository.objects, plan.tree, checkout, covered)
        with equipped(
            house,
            plan.view.source,
            cookbook,
            kitchen="gate",
            run_id=run,
            checkout=checkout,
            data=data,
            network=narrower(cookbook.runtime.network, plan.examiner.network),
            isolation=plan.isolation,
        ) as place:
            yield place


@contextmanager
def claimed(house: House, folder: Path) -> Iterator[None]:
    """`folder` is ours and goes at the end; when we are killed, the next command removes it."""
    held = claim(house.repository.claims, TEMPORARY, folder=str(folder))
    try:
        yield
    finally:
        # ^C waits for this, and counts after it.
        with house.watch() as stop:
            shutil.rmtree(folder, ignore_errors=True)
            held.release()
    if stop.is_set():
        raise Interrupted("interrupted; nothing half-done is left")


def _build_paths(cookbook: Cookbook) -> list[str]:
    """What the toolchain is built from; the toolchain's key covers it."""
    build = cookbook.runtime.build
    return [] if build is None else [build_context(build) or build]


def _quality(house: House, plan: GatePlan, one: Affected) -> Verdict:
    run = new_run_id(house.now())
    with _place(house, plan, run, None) as place:
        failures = run_quality(house, plan.examiner.quality, place)
        if not failures:
            _attest(house, plan, one, run, place, {})
    status = "failed" if failures else "passed"
    return Verdict(one.recipe, None, status, one.why, one.fingerprint, run, failures)


def _attest(
    house: House, plan: GatePlan, one: Affected, run: str, place: Place, measures: Mapping[str, Any]
) -> None:
    attestation = Attestation(
        fingerprint=one.fingerprint,
        recipe=one.recipe,
        variation=one.variation,
        commit=plan.commit,
        tree=plan.tree,
        runtime=place.equipment.runtime.kind,
        toolchain=place.equipment.toolchain,
        run=run,
        runner=f"kitchens {__version__}",
        who=str(house.identity),
        when=house.now(),
        measures=measures,
    )
    house.attestations.add([attestation], house.identity, house.now())


def _tests(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    def inside(nodes: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        for node in nodes:
            yield from node.get("tests", ())
            yield from inside(node.get("nodes") or ())

    return [*inside(document.get("nodes", ())), *document.get("tests", ())]


def check_recipe(view: TreeView, name: str) -> None:
    """Raise `InvalidInput` with the nearest name when the tree has no recipe `name`."""
    if name not in view.recipes:
        view.shelf.recipe(name)
        raise InvalidInput(f"no recipe named `{name}`", code="no-recipe")

"""One recipe under the gate: a checkout that holds only what its fingerprint covers, data and a runtime of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from kitchens import __version__
from kitchens.actions.cookbook.secrets import secrets_of
from kitchens.actions.gates.gating import GatePlan
from kitchens.actions.gates.quality import run_quality
from kitchens.actions.gates.signing import signature_for
from kitchens.actions.house import House
from kitchens.actions.orders.running import Place, equipped, run_order
from kitchens.actions.services.states import NotReady, Wanted
from kitchens.gate.affected import Affected
from kitchens.gate.connections import gate_urls, refuse_leaving
from kitchens.gate.fingerprint import build_context, narrower
from kitchens.gate.placing import placed
from kitchens.gate.scope import Scope, scope_of
from kitchens.gate.undeclared import submodules, undeclared
from kitchens.git.checkouts.pool import checked_out
from kitchens.model.cookbook import Cookbook
from kitchens.model.gate import Failure, Verdict, failures_of, measured_in
from kitchens.model.kitchen import Attestation
from kitchens_engine.language.reach import images_of
from kitchens_engine.order import KitchenFacts, Order
from kitchens_engine.records import new_run_id
from kitchens_engine.state.plan import plan_run
from kitchens_engine.trying import secrets
from kitchens_engine.variables.resolve import resolve

#: How much of a log is read for the reason of a failure, in bytes.
_LOG_END = 1 << 16


def refuse_missing_secrets(house: House, plan: GatePlan) -> None:
    """Raise `InvalidInput` when a recipe that must be run, or one that it requires, wants a secret that the vault
    lacks for gates, or a connection that leaves the kitchen: before the first of them runs."""
    shelf = plan.view.shelf
    for one in plan.runs:
        scope = one.examined.scope if one.examined and one.fault is None else None
        if scope is not None:
            refuse_leaving(plan.view.cookbook, filter(None, scope.members.values()))
        for name in () if scope is None else (*scope.requires, one.recipe):
            steps = plan_run(shelf, name, _variation(plan, name))
            secrets.refuse_missing(steps, shelf, secrets_of(house, plan.view.cookbook, "gate"), gate=True)


def _variation(plan: GatePlan, recipe: str) -> str | None:
    """The gate's variation, where the recipe has it."""
    wanted = plan.examiner.variation
    return wanted if wanted in plan.view.shelf.recipe(recipe).variations else None


class Tries(NamedTuple):
    """What came before a try on the same tree: how many were red, and what failed in them."""

    red: int = 0
    failed: tuple[str, ...] = ()

    def after(self, verdict: Verdict) -> Tries:
        """With one more that was red."""
        names = (*self.failed, *(failure.name for failure in verdict.failures))
        return Tries(self.red + 1, tuple(dict.fromkeys(names)))


def run_recipe(house: House, plan: GatePlan, one: Affected) -> Verdict:
    """Run the recipe on what its fingerprint covers, what it requires first; attest it when it is green, maybe only
    after retries. What says nothing about the change is raised and counts as no try."""
    return _until_green(house, plan, one, _try_recipe)


def run_quality_gate(house: House, plan: GatePlan, one: Affected) -> Verdict:
    """Run `[gate] quality` on the whole tree; attest it when it is green, maybe only after retries."""
    return _until_green(house, plan, one, _try_quality)


def vouch(house: House, plan: GatePlan, one: Affected) -> Verdict:
    """Attest a change of the rules. Nothing is run: that somebody who may sign lets it pass is all it has to show."""
    run = new_run_id(house.now())
    _attest(house, plan, one, run, None, {}, Tries())
    return Verdict(one.recipe, None, "passed", one.why, one.fingerprint, run)


def _until_green(
    house: House,
    plan: GatePlan,
    one: Affected,
    attempt: Callable[[House, GatePlan, Affected, Tries], Verdict],
) -> Verdict:
    tries = Tries()
    while True:
        verdict = attempt(house, plan, one, tries)
        if verdict.status != "failed" or tries.red >= plan.retries:
            return _told(verdict, tries)
        tries = tries.after(verdict)
        house.note(f"`{one.recipe}` was red; retry {tries.red} of {plan.retries} on the same tree")


def _told(verdict: Verdict, tries: Tries) -> Verdict:
    """The verdict with what came before it."""
    if not tries.red:
        return verdict
    times = "once" if tries.red == 1 else f"{tries.red} times"
    if verdict.status == "failed":
        return replace(verdict, retries=tries.red, warnings=(f"it was retried {times} on the same tree",))
    names = ", ".join(f"`{name}`" for name in tries.failed)
    said = f"{names} {'is' if len(tries.failed) == 1 else 'are'} flaky: red {times} before on the same tree"
    warnings = (*verdict.warnings, said)
    return replace(verdict, retries=tries.red, flaky=tries.failed, warnings=warnings)


def _try_recipe(house: House, plan: GatePlan, one: Affected, tries: Tries) -> Verdict:
    """A service that does not become ready is red as a test is, unless it once was, as it is specified."""
    try:
        return _try_in_place(house, plan, one, tries)
    except NotReady as red:
        failures = tuple(
            Failure(f"service {each.name}", None, None, None, "\n".join([each.why or "", *each.log]), None)
            for each in red.started
            if each.status == "failed"
        )
        return Verdict(one.recipe, one.variation, "failed", one.why, one.fingerprint, None, failures)


def _try_in_place(house: House, plan: GatePlan, one: Affected, tries: Tries) -> Verdict:
    assert one.examined is not None
    assert one.examined.scope is not None
    scope = one.examined.scope
    run = new_run_id(house.now())
    warnings: list[str] = []
    if one.variation is None:
        warnings.append(
            f"`{one.recipe}` has no variation `{plan.examiner.variation}`, so it was gated as it is"
        )
    running = frozenset((one.recipe, *scope.requires))
    wanted = Wanted(secrets_of(house, plan.view.cookbook, "gate"), recipes=running)
    images = images_of(filter(None, scope.members.values()))
    with _place(house, plan, run, (*scope.folders, *plan.examiner.shared), wanted, images) as place:
        for required in scope.requires:
            verdict = _required(house, plan, place, required, one, scope)
            if verdict is not None:
                return verdict
        order = _order(house, plan, place, one.recipe, run, place.folder)
        document = run_order(house, order, place).document()
        failures = _failures(plan, scope, place, one.recipe, document)
    tests = measured_in(document)
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
            tests=tests,
        )
    if not tests:
        warnings.append(f"`{one.recipe}` has no tests, so its gate proves only that it runs")
    _attest(house, plan, one, run, place, {test.key: test.value for test in tests}, tries)
    return Verdict(
        one.recipe, one.variation, "passed", one.why, one.fingerprint, run, (), tuple(warnings), tests=tests
    )


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
        replace(failure, node=f"{required}: {failure.node or 'functional test'}")
        for failure in _failures(plan, scope, place, required, document)
    )
    return Verdict(one.recipe, one.variation, "failed", one.why, one.fingerprint, run, failures)


def _failures(
    plan: GatePlan, scope: Scope, place: Place, recipe: str, document: Mapping[str, Any]
) -> tuple[Failure, ...]:
    """What failed in a run of `recipe`: where that is written, and maybe how to mend it."""
    found = failures_of(document)
    return tuple(placed(plan.view, recipe, _hinted(plan, scope, place, failure)) for failure in found)


def _hinted(plan: GatePlan, scope: Scope, place: Place, failure: Failure) -> Failure:
    """The failure with how to declare a file of the cookbook, when its log names one that this gate lacked."""
    covered = (*scope.folders, *plan.examiner.shared)
    said = f"{failure.why or ''}\n{_end_of(failure.log)}"
    if inside := submodules(said, str(place.checkout), scope.folders, plan.view):
        hint = f"`{inside[0]}` is a submodule, whose files no gate has; commit them, or fetch them in a node"
        return replace(failure, hint=hint)
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
    variation = _variation(plan, name)
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
        log_limit=plan.view.cookbook.runtime.log_limit,
        disk_limit=plan.view.cookbook.runtime.disk,
        secrets=secrets_of(house, plan.view.cookbook, "gate"),
        pools=plan.view.cookbook.pools,
        connections=gate_urls(plan.view.cookbook),
        pools_folder=house.state / "pools",
    )


@contextmanager
def _place(
    house: House,
    plan: GatePlan,
    run: str,
    paths: Iterable[str] | None,
    services: Wanted | None = None,
    images: Sequence[str] = (),
) -> Iterator[Place]:
    """A checkout that holds only what the fingerprint covers (None: all), an empty data folder, a runtime of its own,
    and services of its own where `services` wants them."""
    cookbook = plan.view.cookbook
    folder = house.state / "gates" / run
    data = folder / "data"
    covered = None if paths is None else [*paths, *_build_paths(cookbook), *_seed_paths(plan)]
    with house.claimed(folder):
        data.mkdir(parents=True)
        with (
            checked_out(
                house.repository.objects, plan.tree, house.state / "pool", folder, covered
            ) as checkout,
            equipped(
                house,
                plan.view.source,
                cookbook,
                kitchen="gate",
                run_id=run,
                checkout=checkout,
                data=data,
                network=narrower(cookbook.runtime.network, plan.examiner.network),
                isolation=plan.isolation,
                services=services,
                images=images,
            ) as place,
        ):
            yield place


def _build_paths(cookbook: Cookbook) -> list[str]:
    """What the toolchain and services are built from; the fingerprint covers it."""
    builds = [cookbook.runtime.build, *(service.build for service in cookbook.services.values())]
    return [build_context(build) for build in builds if build is not None]


def _seed_paths(plan: GatePlan) -> list[str]:
    """The recipes that fill services; the fingerprint covers them."""
    seeds = [each.seed for each in plan.view.cookbook.services.values() if each.seed is not None]
    return [folder for seed in seeds for folder in scope_of(plan.view.shelf, seed).folders]


def _try_quality(house: House, plan: GatePlan, one: Affected, tries: Tries) -> Verdict:
    run = new_run_id(house.now())
    with _place(house, plan, run, None) as place:
        failures = run_quality(house, plan.examiner.quality, place)
        if not failures:
            _attest(house, plan, one, run, place, {}, tries)
    status = "failed" if failures else "passed"
    return Verdict(one.recipe, None, status, one.why, one.fingerprint, run, failures)


def _attest(
    house: House,
    plan: GatePlan,
    one: Affected,
    run: str,
    place: Place | None,
    measures: Mapping[str, Any],
    tries: Tries,
) -> None:
    """Store what was shown in `place`; without one nothing was run."""
    equipment = None if place is None else place.equipment
    attestation = Attestation(
        fingerprint=one.fingerprint,
        recipe=one.recipe,
        variation=one.variation,
        commit=plan.commit,
        tree=plan.tree,
        runtime="none" if equipment is None else equipment.runtime.kind,
        toolchain="" if equipment is None else equipment.toolchain,
        services={} if equipment is None else equipment.services,
        run=run,
        runner=f"kitchens {__version__}",
        who=str(house.identity),
        when=house.now(),
        measures=measures,
        parts=_parts(plan, one),
        retries=tries.red,
        flaky=tries.failed,
    )
    house.attestations.add(
        [attestation], house.identity, house.now(), signature_for(house, plan.sign, plan.signers)
    )


def _parts(plan: GatePlan, one: Affected) -> dict[str, str]:
    """The folders that the recipe reaches, and their trees."""
    scope = one.examined.scope if one.examined else None
    folders = () if scope is None else scope.folders
    return {folder: oid for folder in folders if (oid := plan.view.oid(folder)) is not None}

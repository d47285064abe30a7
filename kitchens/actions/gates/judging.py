"""The verdict of a gate on each recipe that a tree must show. `examining` runs what nobody attested yet."""

from __future__ import annotations

from dataclasses import replace

from kitchens.actions.gates.gating import GatePlan
from kitchens.actions.house import House
from kitchens.gate.affected import Affected
from kitchens.gate.fingerprint import QUALITY, RULES
from kitchens.model.gate import Failure, Gate, Verdict
from kitchens_engine.errors import InvalidInput
from kitchens_engine.ports import Event


def carry_out_gate(house: House, plan: GatePlan) -> Gate:
    """Run what is not attested, each recipe on its own; every green verdict is attested at once, so that
    nothing is tested twice even when a later recipe is red or the machine dies."""
    if plan.runs:
        names = [one.recipe for one in plan.runs]
        house.tell(Event("gate-planned", "", None, {"recipes": names, "commit": plan.commit}))
        # Runtimes, records and the runner are paid for by a gate that runs something: most landings are attested.
        from kitchens.actions.gates.examining import refuse_missing_secrets

        refuse_missing_secrets(house, plan)
        _ = house.identity  # who attests what passes: hours of tests would be in vain without
    verdicts = tuple(_verdict(house, plan, one) for one in plan.recipes)
    return Gate(verdicts)


def _verdict(house: House, plan: GatePlan, one: Affected) -> Verdict:
    if one.deleted:
        return Verdict(one.recipe, None, "deleted", one.why, "", None)
    if one.fault is not None:
        return _broken(one, one.fault)
    if one.attestation is not None:
        proof = one.attestation
        verdict = Verdict(one.recipe, one.variation, "attested", one.why, one.fingerprint, proof.run)
        return replace(verdict, retries=proof.retries, flaky=proof.flaky)
    house.tell(Event("gate-started", "", one.recipe, {"why": one.why, "variation": one.variation}))
    from kitchens.actions.gates.examining import run_quality_gate, run_recipe, vouch

    examine_one = {QUALITY: run_quality_gate, RULES: vouch}.get(one.recipe, run_recipe)
    verdict = examine_one(house, plan, one)
    detail = {"status": verdict.status, "run": verdict.run, "failures": verdict.failures}
    house.tell(Event("gate-ended", verdict.run or "", one.recipe, detail))
    return verdict


def _broken(one: Affected, fault: InvalidInput) -> Verdict:
    where = f"{fault.file}:{fault.line}: " if fault.file and fault.line else ""
    failure = Failure(
        None, None, None, None, f"{where}{fault.message}", None, file=fault.file, line=fault.line
    )
    return Verdict(one.recipe, one.variation, "failed", one.why, one.fingerprint, None, (failure,))

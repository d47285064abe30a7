"""Which recipes a change affects, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kitchens.gate.fingerprint import QUALITY, Examined, Examiner, examine, examine_quality
from kitchens.gate.tree import TreeView
from kitchens.model.kitchen import Attestation


@dataclass(frozen=True, slots=True)
class Affected:
    """One recipe that a change touches or deletes.

    `why` names the reason in words. `attestation` is the proof when one counts already; then
    nothing is run. A `deleted` recipe is named, not run.
    """

    recipe: str
    variation: str | None
    fingerprint: str
    why: str
    attestation: Attestation | None = None
    deleted: bool = False
    examined: Examined | None = None

    @property
    def needs_run(self) -> bool:
        """Whether the gate must run it."""
        return self.attestation is None and not self.deleted


def affected(
    candidate: TreeView,
    target: TreeView | None,
    examiner: Examiner,
    attested: Callable[[list[str]], Mapping[str, Attestation]],
) -> tuple[Affected, ...]:
    """The recipes whose fingerprint in `candidate` differs from that in `target`, sorted by name.

    Without `target` every recipe counts. `attested` finds the attestations that count, by
    fingerprint. Raises the fault of an affected recipe that cannot be read.
    """
    found: list[tuple[Examined, str]] = []
    for name in candidate.recipes:
        examined = examine(candidate, name, examiner)
        before = _before(target, name, examiner)
        if before is not None and before.digest == examined.digest:
            continue
        if examined.fault is not None:
            raise examined.fault
        found.append((examined, _why(candidate, target, examined)))
    if (quality := examine_quality(candidate, examiner)) is not None:
        before = None if target is None else examine_quality(target, examiner)
        if before is None or before.digest != quality.digest:
            found.append((quality, "the tree changed" if target else "not attested yet"))
    proofs = attested([examined.digest for examined, _ in found])
    result = [_affected(examined, why, proofs.get(examined.digest)) for examined, why in found]
    if target is not None:
        gone = sorted(set(target.recipes) - set(candidate.recipes))
        result += [Affected(name, None, "", "recipe deleted", deleted=True) for name in gone]
    return tuple(sorted(result, key=lambda one: (one.recipe == QUALITY, one.recipe)))


def _before(target: TreeView | None, name: str, examiner: Examiner) -> Examined | None:
    if target is None or name not in target.recipes:
        return None
    return examine(target, name, examiner)


def _affected(examined: Examined, why: str, proof: Attestation | None) -> Affected:
    if proof is not None:
        why = f"{why}; attested by run {proof.run}"
    return Affected(examined.recipe, examined.variation, examined.digest, why, proof, examined=examined)


def _why(candidate: TreeView, target: TreeView | None, examined: Examined) -> str:
    """The first reason that a reader can act on, in words."""
    name = examined.recipe
    if target is None:
        return "not attested yet"
    if name not in target.recipes:
        return "recipe is new"
    assert examined.scope is not None
    own = f"recipes/{name}"
    changed = [folder for folder in examined.scope.folders if candidate.oid(folder) != target.oid(folder)]
    if own in changed:
        return "recipe changed"
    if changed:
        kind, _, other = changed[0].partition("/")
        return f"{'ingredient' if kind == 'ingredients' else 'recipe'} {other} changed"
    return _why_around(candidate, target)


def _why_around(candidate: TreeView, target: TreeView) -> str:
    runtime, before = candidate.cookbook.runtime, target.cookbook.runtime
    if runtime.requirements and candidate.oid(runtime.requirements) != target.oid(runtime.requirements):
        return f"toolchain changed: {runtime.requirements}"
    if runtime != before:
        return "[runtime] changed"
    shared = [path for path in target.cookbook.gate.shared if candidate.oid(path) != target.oid(path)]
    if shared:
        return f"shared path {shared[0]} changed"
    return "kitchens.toml changed"

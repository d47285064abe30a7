"""Which recipes a change affects, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from kitchens.gate.fingerprint import (
    QUALITY,
    Examined,
    Examiner,
    build_context,
    examine,
    examine_quality,
    examine_rules,
)
from kitchens.gate.scope import reaches
from kitchens.gate.tree import TreeView
from kitchens.model.cookbook import Cookbook
from kitchens.model.kitchen import Attestation
from kitchens_engine.errors import InvalidInput

#: What was found of a target's recipes, and by whom: a thousand changes are compared with the same tree.
_FOUND: WeakKeyDictionary[TreeView, dict[str, tuple[Examiner, Examined]]] = WeakKeyDictionary()
#: So many recipes are read ahead at once: no more than are remembered.
AHEAD = 500


@dataclass(frozen=True, slots=True)
class Affected:
    """One recipe that a change touches or deletes.

    `why` names the reason in words. `attestation` is the proof when one counts already; then
    nothing is run. A `deleted` recipe is named, not run. One with a `fault` cannot be run.
    """

    recipe: str
    variation: str | None
    fingerprint: str
    why: str
    attestation: Attestation | None = None
    deleted: bool = False
    examined: Examined | None = None
    fault: InvalidInput | None = None

    @property
    def needs_run(self) -> bool:
        """Whether the gate must run it."""
        return self.attestation is None and not self.deleted


def affected(
    candidate: TreeView,
    target: TreeView | None,
    examiner: Examiner,
    attested: Callable[[list[str]], Mapping[str, Attestation]],
    *,
    unproved: str = "not attested yet",
) -> tuple[Affected, ...]:
    """The recipes whose fingerprint in `candidate` differs from that in `target`, sorted by name.

    Without `target` every recipe counts. `attested` finds the attestations that count, by
    fingerprint. A recipe that cannot be read or run carries its fault. `unproved` is why one runs that nothing changed.
    """
    found: list[tuple[Examined, str]] = []
    for name in candidate.recipes if target is None else _worth_a_look(candidate, target, examiner):
        examined = examine(candidate, name, examiner)
        before = _before(target, name, examiner)
        if before is not None and before.digest == examined.digest:
            continue
        found.append((examined, _why(candidate, target, examined)))
    if (quality := examine_quality(candidate, examiner)) is not None:
        before = None if target is None or _cookbook(target) is None else examine_quality(target, examiner)
        if before is None or before.digest != quality.digest:
            found.append((quality, "the tree changed" if target else ""))
    proofs = attested([examined.digest for examined, _ in found])
    result = [
        _affected(candidate, examined, why, proofs.get(examined.digest), unproved) for examined, why in found
    ]
    if target is not None:
        gone = sorted(set(target.recipes) - set(candidate.recipes))
        result += [Affected(name, None, "", "recipe deleted", deleted=True) for name in gone]
    return tuple(sorted(result, key=lambda one: (one.recipe == QUALITY, one.recipe)))


def affected_rules(
    after: Mapping[str, str | None],
    before: Mapping[str, str | None],
    tip: str,
    attested: Callable[[list[str]], Mapping[str, Attestation]],
) -> tuple[Affected, ...]:
    """The change of the rules at the target's `tip`, from the ids of the files that hold them; empty without one.

    Where only signatures count, somebody must vouch for it: else whoever changes nothing but the rules chooses who
    examines the next change.
    """
    examined = examine_rules(after, before, tip)
    if examined is None:
        return ()
    changed = next(path for path in after if after[path] != before[path])
    proof = attested([examined.digest]).get(examined.digest)
    why = f"{changed} changed" + (f"; attested by run {proof.run}" if proof else "")
    return (Affected(examined.recipe, None, examined.digest, why, proof, examined=examined),)


def _worth_a_look(candidate: TreeView, target: TreeView, examiner: Examiner) -> tuple[str, ...]:
    """The recipes whose fingerprint may differ, told by object ids and by what reaches what.

    A landing that touches no recipe is the most frequent one, and parses none this way; one that touches one of
    hundreds, or the thousandth that `verify` looks at, parses what it touched.
    """
    if not _same_around(candidate, target, examiner):
        return candidate.recipes
    if candidate.oid("recipes") == target.oid("recipes"):
        return ()
    folders = [f"recipes/{name}" for name in {*candidate.recipes, *target.recipes}]
    changed = {folder for folder in folders if candidate.oid(folder) != target.oid(folder)}
    found: list[str] = []
    for start in range(0, len(candidate.recipes), AHEAD):
        names = candidate.recipes[start : start + AHEAD]
        candidate.foresee([f"recipes/{name}" for name in names], "recipe.toml")
        found += [name for name in names if reaches(candidate, f"recipes/{name}", changed)]
    return tuple(found)


def _same_around(candidate: TreeView, target: TreeView, examiner: Examiner) -> bool:
    """Whether all that fingerprints are made of beside the recipes is the same in both trees."""

    def same(*paths: str) -> bool:
        return all(candidate.oid(path) == target.oid(path) for path in paths)

    if not same("kitchens.toml", "kitchens.lock", "ingredients", *examiner.shared):
        return False
    try:
        runtime = candidate.cookbook.runtime
    except InvalidInput:
        return False
    build = () if runtime.build is None else (runtime.build, build_context(runtime.build))
    return same(*build, *(() if runtime.requirements is None else (runtime.requirements,)))


def _before(target: TreeView | None, name: str, examiner: Examiner) -> Examined | None:
    if target is None or name not in target.recipes:
        return None
    found = _FOUND.setdefault(target, {})
    known = found.get(name)
    if known is None or known[0] != examiner:
        known = found[name] = (examiner, examine(target, name, examiner))
    return known[1]


def _affected(
    candidate: TreeView, examined: Examined, why: str, proof: Attestation | None, unproved: str
) -> Affected:
    fault = None
    if proof is not None:
        why = f"{why}; attested by run {proof.run}" if why else f"attested by run {proof.run}"
    else:
        why = why or unproved
        fault = _fault(candidate, examined)
    return Affected(examined.recipe, examined.variation, examined.digest, why, proof, False, examined, fault)


def _fault(candidate: TreeView, examined: Examined) -> InvalidInput | None:
    """Why it cannot be run, by file and line where there is one: also what a single file does not show."""
    if examined.recipe == QUALITY:
        return None
    # The recipe language is paid for by a change that touches a recipe.
    from kitchens_engine.language.check import checked

    try:
        checked(candidate.shelf, [examined.recipe], pools=candidate.cookbook.pools)
    except InvalidInput as fault:
        return fault
    return examined.fault


def _why(candidate: TreeView, target: TreeView | None, examined: Examined) -> str:
    """The first reason that a reader can act on, in words; empty when nothing is compared."""
    name = examined.recipe
    if target is None:
        return ""
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
    return "it cannot be run any more" if examined.fault else _why_around(candidate, target)


def _why_around(candidate: TreeView, target: TreeView) -> str:
    old = _cookbook(target)
    if old is None:
        return "kitchens.toml changed" if target.oid("kitchens.toml") else "kitchens.toml is new"
    runtime, before = candidate.cookbook.runtime, old.runtime
    if runtime.requirements and candidate.oid(runtime.requirements) != target.oid(runtime.requirements):
        return f"toolchain changed: {runtime.requirements}"
    if runtime != before:
        return "[runtime] changed"
    shared = [path for path in old.gate.shared if candidate.oid(path) != target.oid(path)]
    if shared:
        return f"shared path {shared[0]} changed"
    return "kitchens.toml changed"


def _cookbook(target: TreeView) -> Cookbook | None:
    """The settings that a change replaces; None where there were none yet, or none that can be read."""
    try:
        return target.cookbook
    except InvalidInput:
        return None

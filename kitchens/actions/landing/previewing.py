"""`kitchen preview`: what a merge would do, of one kitchen or of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kitchens.actions.gates.gating import plan_gate
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.landing.merging import added_up, sides
from kitchens.actions.sharing.looking import as_shared
from kitchens.gate.permission import refusal
from kitchens.git.history import contained, documents
from kitchens.git.merging import Merge, merge_commits, merge_many
from kitchens.git.trees import Change, compare
from kitchens_engine.errors import InvalidInput


def preview(house: House, name: str, into: str | None) -> dict[str, Any]:
    """What a merge would do: files, conflicts, and each recipe with whether it would be gated and why; on what others
    landed at the cookbook's remote meanwhile, as the merge would be."""
    kitchens = Kitchens(house)
    source, target = sides(kitchens, name, into)
    target = as_shared(house, kitchens, target)
    merged, reconciled = added_up(kitchens, source, target)
    (changes,) = _changes(house, target, [merged])
    return _document(house, source, target, merged, changes, reconciled)


def preview_all(house: House, into: str | None) -> list[dict[str, Any]]:
    """The same for every other kitchen that has something `into` (default: the root) lacks, by name; each on its own.

    One that cannot be merged or read at all has a `why`, and no recipes.
    """
    kitchens = Kitchens(house)
    target = as_shared(house, kitchens, kitchens.get(into or kitchens.root))
    landed = contained(house.repository, target.tip)
    sources = [one for one in kitchens.all() if one.tip not in landed]
    above = kitchens.above(target)
    merges = _merged(kitchens, target, sources, above)
    house.repository.objects.learn([each[0].tree for each in merges if each is not None and each[0].tree])
    changes = _changes(house, target, [each[0] if each else None for each in merges])
    with house.attestations.still():
        return [
            _row(house, source, target, merged, changed)
            for source, merged, changed in zip(sources, merges, changes, strict=True)
        ]


def _merged(
    kitchens: Kitchens, target: Kitchen, sources: Sequence[Kitchen], above: Sequence[str]
) -> list[tuple[Merge, tuple[str, ...]] | None]:
    """The merge of each source, and the rollbacks that it would keep out; what comes down is merged on its own."""
    plain = [one for one in sources if one.name not in above]
    found = dict(
        zip(
            [one.name for one in plain],
            merge_many(kitchens.house.repository, target.tip, [one.tip for one in plain]),
            strict=True,
        )
    )
    return [
        added_up(kitchens, one, target)
        if one.name in above
        else None
        if (merged := found[one.name]) is None
        else (merged.named({target.tip: "HEAD", one.tip: one.name}), ())
        for one in sources
    ]


def _row(
    house: House,
    source: Kitchen,
    target: Kitchen,
    merged: tuple[Merge, tuple[str, ...]] | None,
    changes: list[Change],
) -> dict[str, Any]:
    try:
        if merged is None:
            merged = merge_commits(house.repository, target.tip, source.tip), ()
        return _document(house, source, target, merged[0], changes, merged[1])
    except InvalidInput as fault:
        where = f"{fault.file}:{fault.line}: " if fault.file and fault.line else ""
        return {
            "kitchen": source.name,
            "into": target.name,
            "files": documents(changes),
            "conflicts": [],
            "recipes": [],
            "why": f"{where}{fault.message}",
        }


def _changes(house: House, target: Kitchen, merges: Sequence[Merge | None]) -> list[list[Change]]:
    """What each merge changes in the target."""
    before = house.repository.objects.commit(target.tip).tree
    return compare(
        house.repository, [(before, before if each is None else each.tree or before) for each in merges]
    )


def _document(
    house: House,
    source: Kitchen,
    target: Kitchen,
    merged: Merge,
    changes: list[Change],
    reconciled: tuple[str, ...],
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "kitchen": source.name,
        "into": target.name,
        "files": documents(changes),
        "conflicts": [{"path": one.path, "kind": one.kind} for one in merged.conflicts],
    } | ({"reconciled": list(reconciled)} if reconciled else {})
    if merged.tree is None:
        return document | {"recipes": []}
    gate = plan_gate(house, merged.tree, target, target.tip, source=source)
    if (refused := refusal(gate.policy, target.name, house.now())) is not None:
        document["refused"] = refused.document()
    touched = {one.recipe: one for one in gate.recipes}
    document["recipes"] = [
        {"recipe": one.recipe, "gated": one.needs_run, "why": one.why} for one in gate.recipes
    ] + [
        {"recipe": recipe, "gated": False, "why": "nothing it depends on changed"}
        for recipe in gate.view.recipes
        if recipe not in touched
    ]
    return document

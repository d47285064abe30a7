"""Candidates of the merge queue: several kitchens merged one after the other onto the target's tip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kitchens.actions.gates.gating import GatePlan, plan_gate
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.landing.certifying import certify_merge
from kitchens.actions.landing.merging import added_up, message_of
from kitchens.actions.landing.moving import MovePlan
from kitchens.git.merging import commit_tree
from kitchens.model.gate import Conflict
from kitchens_engine.tuples import NamedTuple


class Link(NamedTuple):
    """One kitchen merged onto the tip and the links before it. `gate` is what its tree must show to land there; `base`
    the merge base by which it was made, `reconciled` the rollbacks that came down with it and were kept out."""

    source: Kitchen
    commit: str
    tree: str
    base: str | None
    gate: GatePlan
    reconciled: tuple[str, ...] = ()


class Stuck(NamedTuple):
    """The chain cannot be made longer by this kitchen: git cannot settle these paths."""

    source: str
    conflicts: tuple[Conflict, ...]


def chain(house: House, target: Kitchen, sources: Sequence[Kitchen]) -> tuple[Link, ...] | Stuck:
    """The links of `sources` in their order; every one of them certified, so that what is in between is also exactly
    what its sides add up to. Raises `InvalidInput` for a file that cannot be read."""
    links: list[Link] = []
    repository, tip, kitchens = house.repository, target.tip, Kitchens(house)
    for source in sources:
        merged, reconciled = added_up(kitchens, source, target, tip=tip)
        if merged.tree is None:
            return Stuck(source.name, tuple(Conflict(one.path, one.kind) for one in merged.conflicts))
        gate = plan_gate(house, merged.tree, target, target.tip)
        message = message_of(source.name, target.name, gate, None, reconciled)
        commit = commit_tree(repository, merged.tree, (tip, source.tip), message, house.identity, house.now())
        certify_merge(repository, commit, tip, merged.base, reconciled)
        gate = replace(gate, commit=commit)
        links.append(Link(source, commit, merged.tree, merged.base, gate, reconciled))
        tip = commit
    return tuple(links)


def landing_of(house: House, target: Kitchen, links: Sequence[Link]) -> tuple[MovePlan, int]:
    """The first landing that the chain allows, and how many links it takes: each on its own where its tree is attested,
    else, since only tested trees land, as many at once as were tested together (at most all)."""
    count = next((at for at, link in enumerate(links, 1) if not link.gate.runs), len(links))
    last = links[count - 1]
    if count == 1:
        return MovePlan(
            "merged",
            last.source,
            target,
            last.commit,
            last.tree,
            last.gate,
            base=last.base,
            reconciled=last.reconciled,
        ), 1
    names = ", ".join(link.source.name for link in links[:count])
    message = message_of(names, target.name, last.gate, f"Merge kitchens {names} into {target.name}")
    commit = commit_tree(
        house.repository, last.tree, (target.tip, last.commit), message, house.identity, house.now()
    )
    gate = replace(last.gate, commit=commit)
    plan = MovePlan("merged", last.source, target, commit, last.tree, gate, base=target.tip, named=names)
    return plan, count

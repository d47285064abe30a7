"""`kitchen promote`: a kitchen's tip up towards production, stage by stage, fast-forward only."""

from __future__ import annotations

from itertools import pairwise

from kitchens.actions.gates.gating import plan_gate
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.landing.merging import ATTEMPTS, gated_trailers, lost_again
from kitchens.actions.landing.moving import MovePlan, land, unchanged
from kitchens.actions.sharing.arriving import Arrival, arrive, arrive_from, refreshed, settle
from kitchens.git import history
from kitchens.git.refs import Moved
from kitchens.model.gate import Gate, Move
from kitchens_engine.errors import EnvironmentFailure, InvalidInput, KitchensError


def promote(house: House, name: str, to: str | None) -> Move:
    """Land the tip of `name` in its parent, then on up to `to` (default: the root). The first stage that is red
    or refused stops it; earlier ones stay.

    Raises `InvalidInput` when the first stage has diverged, or `to` is not above `name`.
    """
    kitchens = Kitchens(house)
    arrival = arrive(house, kitchens)
    kitchens = kitchens if arrival is None else Kitchens(house)
    path = plan_path(kitchens, name, to)
    for apart in () if arrival is None else arrival.left:
        if apart.kitchen == name:
            house.note(apart.why)
    tip = kitchens.get(name).tip
    stages: list[Move] = []
    for below, above in pairwise(path):
        try:
            stages.append(_stage(house, tip, below, above, refreshed(house, arrival)))
        except KitchensError:
            for one in stages:
                if one.status == "promoted":
                    house.note(f"`{one.into}` was promoted to {str(one.commit)[:10]} and stays there")
            raise
        if stages[-1].status not in ("promoted", "unchanged"):
            break
    last = stages[-1]
    landed = [stage for stage in stages if stage.status == "promoted"]
    status = "promoted" if landed and last.status == "unchanged" else last.status
    return Move(
        status,
        name,
        path[-1],
        last.commit,
        last.tree,
        Gate(tuple(verdict for stage in stages for verdict in stage.gate.verdicts)),
        stages=tuple(stages),
        refusal=last.refusal,
    )


def plan_path(kitchens: Kitchens, name: str, to: str | None) -> list[str]:
    """The kitchens from `name` up to `to`."""
    top = kitchens.get(to).name if to else kitchens.root
    path = [kitchens.get(name)]
    if name == kitchens.root:
        raise InvalidInput(f"`{name}` is the root kitchen: there is nothing above it to promote to")
    while path[-1].name != top:
        if path[-1].parent is None or path[-1].parent in [one.name for one in path]:
            raise InvalidInput(
                f"`{top}` is not above `{name}`",
                f"the path from `{name}` is {' → '.join(one.name for one in path)}",
            )
        path.append(kitchens.parent_of(path[-1]))
    if len(path) == 1:
        raise InvalidInput(f"`{name}` cannot be promoted to itself")
    return [one.name for one in path]


def _stage(house: House, tip: str, below: str, above: str, arrival: Arrival | None) -> Move:
    for attempt in range(ATTEMPTS):
        if attempt and arrival is not None:
            arrival = arrive_from(house, arrival.remote)
        arrival = settle(house, arrival, above)
        kitchens = Kitchens(house)
        source, target = kitchens.get(below), kitchens.get(above)
        plan = _plan_stage(kitchens, tip, source, target)
        if isinstance(plan, Move):
            return plan
        try:
            return land(house, plan, arrival)
        except Moved:
            house.note(f"`{above}` moved meanwhile; looking again")
    raise EnvironmentFailure(f"`{above}` moved {ATTEMPTS} times while `{below}` was promoted", "try again")


def _plan_stage(kitchens: Kitchens, tip: str, source: Kitchen, target: Kitchen) -> MovePlan | Move:
    house = kitchens.house
    repository = house.repository
    tree = repository.objects.commit(tip).tree
    if history.is_ancestor(repository, tip, target.tip):
        there = repository.objects.commit(target.tip).tree
        return unchanged(source, target, there, lost_again(kitchens, source, target))
    if not history.is_ancestor(repository, target.tip, tip):
        raise InvalidInput(
            f"`{source.name}` and `{target.name}` have diverged, and promote only fast-forwards; "
            f"`{target.name}` has not moved",
            f"`kitchen merge {target.name} --into {source.name}` settles it",
            code="diverged",
        )
    gate = plan_gate(house, tip, target, target.tip, source=source)
    lines = (f"Promote {source.name} to {target.name}", "", f"From: {target.tip}", *gated_trailers(gate))
    return MovePlan("promoted", source, target, tip, tree, gate, tag="\n".join(lines))

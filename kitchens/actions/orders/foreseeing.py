"""`kitchen order run --dry-run`: which nodes would run, and why. Runs nothing, makes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from kitchens.actions.cookbook.settings import cookbook_in
from kitchens.actions.house import House
from kitchens.actions.orders.ordering import OrderPlan, recipe_of, values_of
from kitchens.actions.orders.runs import records_of
from kitchens_engine.language.check import checked
from kitchens_engine.language.shelf import Shelf
from kitchens_engine.outcome import NodeRecord
from kitchens_engine.recipe import Node
from kitchens_engine.running.runner import left_outside
from kitchens_engine.state.asked import left_before
from kitchens_engine.state.past import Past
from kitchens_engine.state.plan import Plan, plan_run
from kitchens_engine.tuples import NamedTuple
from kitchens_engine.values import as_word, json_safe
from kitchens_engine.variables.constraints import masked


class Foreseen(NamedTuple):
    """What becomes of a node: `does` is `run`, `kept` (from the run that is resumed), `met` (it does not run, and what
    it left when it last passed is used) or `left out`."""

    path: str
    does: str
    why: str


def foresee_order(house: House, plan: OrderPlan) -> dict[str, Any]:
    """The order as it would run, faults refused as the run itself would."""
    if plan.pooled:
        view = house.view(plan.commit)
        shelf, cookbook = view.shelf, view.cookbook
    else:
        shelf, cookbook = Shelf(house.source(plan.checkout)), cookbook_in(plan.checkout)
    recipe = recipe_of(house, plan, shelf)
    checked(shelf, [plan.recipe], pools=cookbook.pools)
    _, variables = values_of(plan, recipe)
    steps = plan_run(shelf, plan.recipe, plan.variation, plan.nodes)
    with closing(records_of(house)) as records:
        left_outside(steps, plan.kitchen.name, plan.recipe, records, left_before(plan.past))
    return {
        "kitchen": plan.kitchen.name,
        "commit": plan.commit,
        "dirty": plan.dirty,
        "recipe": plan.recipe,
        "variation": plan.variation,
        "variables": json_safe(masked(recipe, variables)),
        "resumes": None if plan.past is None else plan.past.record.run,
        "nodes": [one._asdict() for one in _foreseen(steps, plan.past)],
    }


def _foreseen(steps: Plan, past: Past | None) -> Iterator[Foreseen]:
    """All nodes of the recipe: those that run in their order with what is inside them, then the others."""
    kept = past.kept({name: steps.path_of(name) for name in steps.nodes}, steps.needs) if past else {}
    for name in steps.nodes:
        path = steps.path_of(name)
        if name in kept:
            yield Foreseen(path, "kept", _why_kept(kept[name]))
            continue
        yield Foreseen(path, "run", _why_run(steps.recipe.nodes[name], steps.needs[name]))
        if name in steps.nested:
            still = past if all(needed in kept for needed in steps.needs[name]) else None
            yield from _foreseen(steps.nested[name], still)
    for name in steps.recipe.nodes:
        if name in steps.outside:
            yield Foreseen(steps.path_of(name), "met", "by what it left when it last passed here")
        elif name not in steps.nodes:
            yield Foreseen(steps.path_of(name), "left out", "not selected")


def _why_kept(node: NodeRecord) -> str:
    return node.why or f"it {node.status} before"


def _why_run(node: Node, needs: tuple[str, ...]) -> str:
    why = [f"after `{'`, `'.join(needs)}`" if needs else "at once"]
    if node.always:
        why.append("however that ends")
    if node.when is not None:
        why.append(f"when {node.when}")
    if node.each is not None:
        why.append(f"once for each of {as_word(node.each)}")
    return ", ".join(why)

"""`kitchen order run`: run a variation of a recipe in a kitchen."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from kitchens.actions.cookbook.secrets import secrets_of
from kitchens.actions.cookbook.settings import cookbook_in
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.orders.running import equipped, run_order
from kitchens.actions.orders.runs import records_of
from kitchens.actions.services.states import NotReady, Wanted
from kitchens.git.checkouts.checkout import refresh_checkout
from kitchens.git.checkouts.worktrees import dirty
from kitchens_engine.errors import InvalidInput
from kitchens_engine.language.check import checked
from kitchens_engine.language.reach import images_reached
from kitchens_engine.language.shelf import Shelf
from kitchens_engine.order import KitchenFacts, Left, Order
from kitchens_engine.ports import Secrets
from kitchens_engine.recipe import Recipe
from kitchens_engine.records import new_run_id
from kitchens_engine.running.runner import left_outside
from kitchens_engine.state.asked import left_before, recalled
from kitchens_engine.state.past import Past
from kitchens_engine.state.plan import plan_run
from kitchens_engine.trying.secrets import refuse_missing
from kitchens_engine.tuples import NamedTuple
from kitchens_engine.variables.constraints import hidden_names, is_hidden
from kitchens_engine.variables.layers import found, merge
from kitchens_engine.variables.names import split
from kitchens_engine.variables.resolve import Layer, nested, parse_assignment, resolve


class OrderPlan(NamedTuple):
    """An order that was checked as far as it can be without its checkout."""

    kitchen: Kitchen
    recipe: str
    variation: str | None
    assignments: tuple[str, ...]
    nodes: tuple[str, ...] | None
    checkout: Path
    pooled: bool
    data: Path
    dirty: bool
    commit: str
    jobs: int | None = None
    past: Past | None = None


def plan_order(
    house: House,
    recipe: str,
    *,
    kitchen: str | None = None,
    variation: str | None = None,
    assignments: Sequence[str] = (),
    nodes: Sequence[str] = (),
    skipped: Sequence[str] = (),
    jobs: int | None = None,
) -> OrderPlan:
    """Where and what to run. A sandbox runs in its worktree, uncommitted edits included; a permanent kitchen in
    a clean checkout of its tip. What needs one of the `skipped` nodes finds what that left when it last passed."""
    kitchens = Kitchens(house)
    found = kitchens.get(kitchen) if kitchen else kitchens.here()
    changed: tuple[str, ...] = ()
    if found.permanent:
        checkout = kitchens.pooled_checkout(found.name)
        around = None if kitchen else kitchens.checkout_of(found.name)
        if around is not None and dirty(house.repository, around)[0]:
            house.note(f"`{found.name}` runs its last commit: uncommitted changes in {around} do not count")
    else:
        checkout = kitchens.worktree_path(found.name)
        if kitchens.checkout_of(found.name) is None:
            from kitchens.git.checkouts import worktrees

            worktrees.ensure(house.repository, checkout, found.name)
        modified, untracked = dirty(house.repository, checkout)
        changed = (*modified, *untracked)
    return OrderPlan(
        kitchen=found,
        recipe=recipe,
        variation=variation,
        assignments=tuple(assignments),
        nodes=(*nodes, *(f"-{name}" for name in skipped)) or None,
        checkout=checkout,
        pooled=found.permanent,
        data=kitchens.data_folder(found.name),
        dirty=bool(changed),
        commit=found.tip,
        jobs=jobs,
    )


def carry_out_order(house: House, plan: OrderPlan) -> dict[str, Any]:
    """Run the order, or go on with the one that `plan.past` is of; record it, and answer with its document."""
    kitchen, past = plan.kitchen, plan.past
    with _checkout(house, plan) as plan, _told_as_a_run(plan):
        source = house.source(plan.checkout)
        shelf = Shelf(source)
        recipe = recipe_of(house, plan, shelf)
        cookbook = cookbook_in(plan.checkout)
        checked(shelf, [plan.recipe], pools=cookbook.pools)
        settings, variables = values_of(plan, recipe)
        earlier = left_before(past)
        secrets = secrets_of(house, cookbook, kitchen.name)
        _refuse_what_cannot_run(house, plan, shelf, secrets, earlier)
        now = house.now()
        run = past.record.run if past and past.continued else new_run_id(now)
        if not plan.data.is_dir():
            Kitchens(house).require_folder()
        plan.data.mkdir(parents=True, exist_ok=True)
        with equipped(
            house,
            source,
            cookbook,
            kitchen=kitchen.name,
            run_id=run,
            checkout=plan.checkout,
            data=plan.data,
            network=cookbook.runtime.network,
            resumable=True,
            images=images_reached(shelf, plan.recipe),
            services=Wanted(secrets, kitchen),
        ) as place:
            order = Order(
                run=run,
                order=run if past is None else past.record.order,
                shelf=shelf,
                root=plan.checkout,
                recipe=plan.recipe,
                variation=plan.variation,
                variables=variables,
                settings=settings,
                nodes=plan.nodes,
                kitchen=KitchenFacts(name=kitchen.name, parent=kitchen.parent, data=plan.data),
                folder=place.folder,
                started=now if past is None else past.record.clock or past.record.started,
                commit=plan.commit,
                tree=house.repository.objects.commit(plan.commit).tree,
                dirty=plan.dirty,
                toolchain=place.equipment.toolchain,
                gate=False,
                earlier=earlier,
                jobs=plan.jobs,
                log_limit=cookbook.runtime.log_limit,
                disk_limit=cookbook.runtime.disk,
                past=past,
                began=None if past is None else now,
                pools=cookbook.pools,
                connections={name: each.url for name, each in cookbook.connections.items()},
                pools_folder=house.state / "pools",
                secrets=secrets,
            )
            return run_order(house, order, place).document()


def recipe_of(house: House, plan: OrderPlan, shelf: Shelf) -> Recipe:
    """The recipe to run, in `shelf`. Raises as `Shelf.recipe`, and names the file where it only waits for a commit."""
    try:
        return shelf.recipe(plan.recipe)
    except InvalidInput as error:
        file = f"recipes/{plan.recipe}/recipe.toml"
        around = Kitchens(house).checkout_of(plan.kitchen.name) if plan.pooled else None
        if error.code != "no-recipe" or around is None or not (around / file).is_file():
            raise
        raise InvalidInput(
            f"`{plan.kitchen.name}` runs its last commit, and `{file}` is not in it",
            f"`git add` and `git commit` it in {around}, or try it in a kitchen of its own, which runs as it lies there",
            code=error.code,
        ) from None


@contextmanager
def _told_as_a_run(plan: OrderPlan) -> Iterator[None]:
    """A service that does not become ready is told in the document of the run that would have been."""
    try:
        yield
    except NotReady as red:
        red.about = {
            "run": None,
            "order": None,
            "status": "failed",
            "kitchen": plan.kitchen.name,
            "commit": plan.commit,
            "dirty": plan.dirty,
            "recipe": plan.recipe,
            "variation": plan.variation,
            "seconds": 0.0,
            "tests": [],
            "nodes": [],
            "services": [one.document() for one in red.started],
        }
        raise


def values_of(plan: OrderPlan, recipe: Recipe) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The kitchen's settings and the variables: as they are now, or as they were recorded."""
    settings = plan.kitchen.registered.settings if plan.kitchen.registered else {}
    if plan.past is None:
        return settings, resolve(recipe, plan.variation, settings, plan.assignments)
    asked = plan.past.record.asked
    settings = recalled(asked["settings"], settings)
    recorded = asked["variables"]
    hidden = _hidden_now(plan, recipe, settings, recorded) if plan.assignments or hidden_names(recipe) else {}
    return settings, {**recipe.variables, **recalled(recorded, hidden)}


def _hidden_now(
    plan: OrderPlan, recipe: Recipe, settings: Mapping[str, Any], recorded: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The variables as they are now, with those that no level but the order ever gave from the record."""
    for text in plan.assignments:
        keys, _ = parse_assignment(text, recipe.variables, recipe.constraints)
        if not is_hidden(recipe, keys):
            raise InvalidInput(
                f"`{'.'.join(keys)}` is on record, and a run goes on under the variables that it had",
                f"`kitchen order run {plan.recipe} --set …` runs it anew",
                code="variable",
            )
    given: dict[str, Any] = {}
    for name, constraint in recipe.constraints.items():
        keys = split(name)
        there, value = found(recorded, keys)
        if there and constraint.required and not constraint.locked and not is_hidden(recipe, keys):
            given = merge(given, nested(keys, value))
    layer = Layer("record", "the record", given)
    return resolve(recipe, plan.variation, settings, plan.assignments, given=layer)


def _refuse_what_cannot_run(
    house: House, plan: OrderPlan, shelf: Shelf, secrets: Secrets, earlier: Left
) -> None:
    """Nodes that are not there, that need what never ran, or a secret that is absent: said before a toolchain is
    made for them."""
    steps = plan_run(shelf, plan.recipe, plan.variation, plan.nodes)
    refuse_missing(steps, shelf, secrets, gate=False)
    if plan.nodes or plan.variation:
        with closing(records_of(house)) as records:
            left_outside(steps, plan.kitchen.name, plan.recipe, records, earlier)


@contextmanager
def _checkout(house: House, plan: OrderPlan) -> Iterator[OrderPlan]:
    """The plan with a checkout that it alone holds, at its commit.

    In a permanent kitchen it is the first free one of a pool: a second run gets its own, so that it is on
    record, and can be cancelled, while it waits for the first one's data.
    """
    if not plan.pooled:
        yield plan
        return
    pool = plan.checkout.parent
    pool.mkdir(parents=True, exist_ok=True)
    for number in count():
        which = f"-{number}" if number else ""
        with (pool / f"lock{which}").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            checkout = pool / f"{plan.checkout.name}{which}"
            refresh_checkout(house.repository, checkout, pool / f"index{which}", plan.commit)
            yield plan._replace(checkout=checkout)
            return

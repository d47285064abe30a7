"""`kitchen order`: run a variation of a recipe in a kitchen, and look at what ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.running import equipped, held, records_of, run_order
from kitchens.git.checkout import refresh_checkout
from kitchens.git.worktrees import dirty
from kitchens.model.cookbook import Cookbook, parse_cookbook
from kitchens_engine.errors import InvalidFiles, InvalidInput
from kitchens_engine.language.check import checked
from kitchens_engine.language.shelf import FolderSource, Shelf
from kitchens_engine.language.variables import resolve
from kitchens_engine.order import KitchenFacts, Order
from kitchens_engine.records import new_run_id
from kitchens_engine.running.plan import plan_run
from kitchens_engine.running.runner import earlier_outputs
from kitchens_engine.toml.nearest import hints


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
    jobs: int | None = None


def plan_order(
    house: House,
    recipe: str,
    *,
    kitchen: str | None = None,
    variation: str | None = None,
    assignments: Sequence[str] = (),
    nodes: Sequence[str] = (),
    jobs: int | None = None,
) -> OrderPlan:
    """Where and what to run. A sandbox runs in its worktree, uncommitted edits included; a permanent kitchen in
    a clean checkout of its tip."""
    kitchens = Kitchens(house)
    found = kitchens.get(kitchen) if kitchen else kitchens.here()
    changed: tuple[str, ...] = ()
    if found.permanent:
        checkout = house.state / "checkouts" / found.name / "tree"
    else:
        checkout = kitchens.worktree_path(found.name)
        if kitchens.checkout_of(found.name) is None:
            from kitchens.git import worktrees

            worktrees.ensure(house.repository, checkout, found.name)
        modified, untracked = dirty(house.repository, checkout)
        changed = (*modified, *untracked)
    return OrderPlan(
        kitchen=found,
        recipe=recipe,
        variation=variation,
        assignments=tuple(assignments),
        nodes=tuple(nodes) or None,
        checkout=checkout,
        pooled=found.permanent,
        data=kitchens.data_folder(found.name),
        dirty=bool(changed),
        jobs=jobs,
    )


def carry_out_order(house: House, plan: OrderPlan) -> dict[str, Any]:
    """Run the order, record it, and answer with its document."""
    kitchen = plan.kitchen
    with _checkout(house, plan):
        source = FolderSource(plan.checkout)
        shelf = Shelf(source)
        recipe = shelf.recipe(plan.recipe)
        cookbook = cookbook_in(plan.checkout)
        checked(shelf, [plan.recipe], pools=cookbook.pools)
        settings = kitchen.registered.settings if kitchen.registered else {}
        variables = resolve(recipe, plan.variation, settings, plan.assignments)
        _refuse_what_cannot_run(house, plan, shelf)
        run = new_run_id(house.now())
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
        ) as place:
            order = Order(
                run=run,
                order=run,
                shelf=shelf,
                root=plan.checkout,
                recipe=plan.recipe,
                variation=plan.variation,
                variables=variables,
                settings=settings,
                nodes=plan.nodes,
                kitchen=KitchenFacts(name=kitchen.name, parent=kitchen.parent, data=plan.data),
                folder=place.folder,
                started=house.now(),
                commit=kitchen.tip,
                tree=house.repository.objects.commit(kitchen.tip).tree,
                dirty=plan.dirty,
                toolchain=place.equipment.toolchain,
                gate=False,
                jobs=plan.jobs,
                pools=cookbook.pools,
                pools_folder=house.state / "pools",
            )
            return run_order(house, order, place).document()


def _refuse_what_cannot_run(house: House, plan: OrderPlan, shelf: Shelf) -> None:
    """Nodes that are not there, or that need what never ran: said before a toolchain is made for them."""
    steps = plan_run(shelf, plan.recipe, plan.variation, plan.nodes)
    if plan.nodes or plan.variation:
        with closing(records_of(house)) as records:
            earlier_outputs(steps, plan.kitchen.name, plan.recipe, records)


def cookbook_in(folder: Path) -> Cookbook:
    """`kitchens.toml` of a checkout. Raises `InvalidInput` when there is none, `InvalidFiles` when it is wrong."""
    try:
        text = (folder / "kitchens.toml").read_bytes()
    except FileNotFoundError:
        raise InvalidInput(f"{folder} holds no `kitchens.toml`", "`kitchen init` writes one") from None
    cookbook, faults = parse_cookbook(text)
    if cookbook is None:
        raise InvalidFiles(faults)
    return cookbook


def list_orders(
    house: House,
    *,
    kitchen: str | None = None,
    recipe: str | None = None,
    status: str | None = None,
    limit: int = 20,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """The newest order runs first, without their nodes."""
    with closing(records_of(house)) as records:
        found = records.runs(limit=limit, offset=offset, kitchen=kitchen, recipe=recipe, status=status)
        return [one.document() for one in found]


def show_order(house: House, run: str | None) -> dict[str, Any]:
    """One order run, whole; without a name the newest. `run` may be a unique beginning of its id."""
    with closing(records_of(house)) as records:
        if run is None:
            newest = records.runs(limit=1, offset=0)
            if not newest:
                raise InvalidInput("nothing has run here yet", "`kitchen order run RECIPE`", code="no-run")
            run = newest[0].run
        return records.run(run).document()


def logs_of(house: House, run: str | None, node: str | None) -> Iterator[tuple[str, Path]]:
    """The log files of a run as pairs of node path and file, in the order in which the nodes stand; those of
    functional tests come last, as `tests/<recipe>`. A node that has not started has none yet, and a run that has
    not started knows no nodes yet."""
    document = show_order(house, run)
    logs = dict(_logs(document["nodes"], ""))
    logs |= {f"tests/{test['recipe']}": test["log"] for test in document["tests"]}
    chosen = [name for name in logs if node is None or name == node or name.startswith(f"{node}/")]
    if node is not None and not chosen and document["nodes"]:
        message = f"run {document['run']} has no node `{node}`"
        raise InvalidInput(message, *hints(node, logs), code="no-node")
    yield from ((name, Path(log)) for name in chosen if (log := logs[name]) is not None)


def _logs(nodes: Sequence[Mapping[str, Any]], above: str) -> Iterator[tuple[str, str | None]]:
    for node in nodes:
        path = f"{above}{node['name']}"
        yield path, node["log"]
        yield from _logs(node["nodes"], f"{path}/")


@contextmanager
def _checkout(house: House, plan: OrderPlan) -> Iterator[None]:
    """Hold the pooled checkout of a permanent kitchen for one order at a time, at the kitchen's tip."""
    if not plan.pooled:
        yield
        return
    plan.checkout.mkdir(parents=True, exist_ok=True)
    with held(
        house, plan.checkout.parent / "lock", f"another order run uses the checkout of `{plan.kitchen.name}`"
    ):
        refresh_checkout(house.repository, plan.checkout, plan.checkout.parent / "index", plan.kitchen.tip)
        yield

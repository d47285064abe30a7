"""A node fanned out over the items of a list: which instances it has, and what they give together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kitchens_engine.errors import InvalidInput
from kitchens_engine.outcome import NodeRecord, Status, fold
from kitchens_engine.recipe import Node
from kitchens_engine.retry import ONCE
from kitchens_engine.state.plan import Plan
from kitchens_engine.state.scope import Scope
from kitchens_engine.toml.types import type_name, with_article
from kitchens_engine.tuples import NamedTuple


class Item(NamedTuple):
    """One item of the list, and its place from 0."""

    number: int
    value: Any


def whole(node: Node) -> Node:
    """The node that stands for all instances. Tries, timeouts and tests are each instance's own."""
    return node._replace(tests=(), retry=ONCE, timeout=None, skip_on=())


def items(node: Node, scope: Scope) -> dict[str, Item]:
    """The instances by name, `clean[0]` and on. Raises `InvalidInput` for what is no list, or cannot be told."""
    assert node.each is not None
    if isinstance(node.each, str):
        found = scope.evaluate(node.name, node.each)
    else:
        found = scope.render(node.name, node.each)
    if not isinstance(found, list | tuple):
        # The value is not shown: it may be one that nobody is to see.
        raise InvalidInput(f"`{node.each}` is {with_article(type_name(found))}, not a list")
    return {f"{node.name}[{index}]": Item(index, value) for index, value in enumerate(found)}


def outputs(node: Node, plan: Plan | None, instances: Iterable[NodeRecord]) -> dict[str, list[Any]]:
    """Each output as the list of what the instances gave, in the order of the items.

    An instance that did not give it has null in its place. What is declared (by the node, or by the
    ingredient in `plan`) is there even when there were no items.
    """
    given = [instance.outputs for instance in instances]
    contract = plan.recipe.outputs if plan is not None else {}
    names = dict.fromkeys((*(node.outputs or ()), *contract, *(("rows",) if node.action == "sql" else ())))
    names |= dict.fromkeys(name for one in given for name in one)
    return {name: [one.get(name) for one in given] for name in names}


def verdict(instances: Sequence[NodeRecord]) -> tuple[Status, str | None]:
    """The status of all instances together, and why: all skipped are a skip, and no items are a pass."""
    if instances and all(instance.status is Status.SKIPPED for instance in instances):
        return Status.SKIPPED, instances[0].why
    status = fold(instance.status for instance in instances)
    if status is Status.PASSED:
        return status, None
    like = [instance for instance in instances if instance.status is status]
    what = f"`{like[0].name}` {status}" + (f": {like[0].why}" if like[0].why else "")
    return status, what if len(like) == 1 else f"{len(like)} of {len(instances)} {status}, first {what}"


def environment(item: Item) -> Mapping[str, Any]:
    """What a process knows of its item."""
    return {"KITCHEN_EACH_ITEM": item.value, "KITCHEN_EACH_INDEX": item.number}

"""`kitchen queue add`, `list` and `drop`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.landing.merging import clean, sides
from kitchens.model.names import KitchenName
from kitchens.model.queued import Queue, Queued
from kitchens.store.queues import Queues
from kitchens_engine.errors import InvalidInput
from kitchens_engine.toml.nearest import hints


def add(house: House, names: Iterable[str], into: str | None) -> list[dict[str, Any]]:
    """Put kitchens into the queue of `into` (default: each of its parent), behind those that wait. One that waits
    already keeps its place.

    Raises `InvalidInput` for a name that is no kitchen, and for modified tracked files in a checkout; nothing is
    queued then.
    """
    kitchens = Kitchens(house)
    pairs = [sides(kitchens, name, into) for name in names]
    for source, _ in pairs:
        clean(kitchens, source, "queued")
    queues = Queues(house.repository)
    for source, target in pairs:
        queued = Queued(source.name, str(house.identity), house.now())
        queues.change(
            target.name,
            partial(Queue.with_added, queued=queued),
            f"add {source.name}",
            house.identity,
            house.now(),
        )
    asked = {source.name for source, _ in pairs}
    return [row for row in list_queues(house) if row["kitchen"] in asked]


def list_queues(house: House) -> list[dict[str, Any]]:
    """Everything that waits, queue by queue, each in its order; `commit` is None for a kitchen that is gone."""
    queues = Queues(house.repository)
    branches = Kitchens(house).branches
    return [
        {
            "kitchen": one.kitchen,
            "into": into,
            "place": place,
            "commit": branches.get(one.kitchen),
            "who": one.who,
            "when": one.when.isoformat().replace("+00:00", "Z"),
        }
        for into in queues.names()
        for place, one in enumerate(queues.read(into).waiting, 1)
    ]


def drop(house: House, name: str, into: str | None) -> list[dict[str, Any]]:
    """Take a kitchen out of the queue of `into` (default: every one that it waits in); what left, as in the list."""
    rows = list_queues(house)
    gone = [row for row in rows if row["kitchen"] == name and into in (None, row["into"])]
    if not gone:
        where = f" of `{into}`" if into else ""
        elsewhere = [f"it waits in that of `{row['into']}`" for row in rows if row["kitchen"] == name]
        raise InvalidInput(
            f"`{name}` is not in the queue{where}",
            *(elsewhere[:1] or hints(name, {row["kitchen"] for row in rows})),
            code="not-queued",
        )
    for row in gone:
        leave(house, row["into"], name, "dropped")
    return gone


def leave(house: House, into: KitchenName, name: str, why: str, *, passed: int = 0, failed: int = 0) -> Queue:
    """A kitchen leaves a queue, counted as it ended."""
    return Queues(house.repository).change(
        into,
        lambda queue: queue.without(name, passed=passed, failed=failed),
        f"{why} {name}",
        house.identity,
        house.now(),
    )


def outcomes(house: House, into: str) -> tuple[bool, ...]:
    """Whether each change that left the queue of `into` by a verdict was bad, oldest first. Raises `InvalidInput` when
    none did."""
    target = Kitchens(house).get(into)
    found = Queues(house.repository).outcomes(target.name)
    if not found:
        raise InvalidInput(
            f"the queue of `{into}` has no history: no change has left it by a verdict",
            "`kitchen queue simulate` plays random queues",
            code="no-history",
        )
    return found


def queue_to_run(house: House, into: str | None) -> Kitchen | None:
    """The kitchen whose queue is meant: `into`, else the only one in which something waits; None when nothing does."""
    kitchens = Kitchens(house)
    if into is not None:
        return kitchens.get(into)
    busy = sorted({row["into"] for row in list_queues(house)})
    if len(busy) > 1:
        shown = ", ".join(f"`{name}`" for name in busy)
        raise InvalidInput(f"there are queues into {shown}", f"`kitchen queue run --into {busy[0]}` runs one")
    return kitchens.get(busy[0]) if busy else None

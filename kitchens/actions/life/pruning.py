"""`kitchen prune`: what has had its time goes; no work is lost."""

from __future__ import annotations

import fcntl
from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.life.deleting import delete, plan_delete
from kitchens.actions.life.upkeep import Finding, carry_out, removal
from kitchens.actions.services.noted import known
from kitchens.git import history
from kitchens.git.checkouts.folders import remove_folder
from kitchens.model.names import KitchenName
from kitchens_engine.errors import InvalidInput, KitchensError, Refused

#: How long the tip of a deleted kitchen is kept.
KEPT = timedelta(days=30)

#: What is made again when it is missed goes after so long without use.
UNUSED = timedelta(days=7)

#: A toolchain takes minutes to make, and others share it.
TOOLCHAIN_UNUSED = timedelta(days=30)


def prune(
    house: House, *, merged: bool = False, force: bool = False, dry_run: bool = False
) -> dict[str, Any]:
    """Find what has had its time, and remove it unless `dry_run`; tell of each."""
    return carry_out(plan_prune(house, merged=merged, force=force), dry_run=dry_run)


def plan_prune(house: House, *, merged: bool = False, force: bool = False) -> list[Finding]:
    """Expired sandboxes (with `merged` also those whose work has landed), services of kitchens that are idle, tips of
    kitchens that were deleted long ago, checkouts and toolchains that nobody used for long.

    A kitchen with work that is nowhere else is kept and told, and counts as refused, unless `force`.
    """
    kitchens = list(_kitchens(house, merged=merged, force=force))
    return [
        *kitchens,
        *_idle(house, {one.name for one in kitchens if one.act}),
        *_deleted(house),
        *_checkouts(house),
        *_toolchains(house),
    ]


def _kitchens(house: House, *, merged: bool, force: bool) -> Iterator[Finding]:
    kitchens = Kitchens(house)
    landed = _landed(house, kitchens) if merged else ()
    going: set[str] = set()
    # Children first: a kitchen whose children go may go too.
    for kitchen in sorted(kitchens.all(), key=lambda one: -len(kitchens.above(one))):
        why = _why(house, kitchen, landed)
        if why is None:
            continue
        children = [name for name in kitchens.children_of(kitchen.name) if name not in going]
        try:
            if children:
                raise Refused(f"`{kitchen.name}` is the parent of `{children[0]}`; nothing was deleted")
            plan_delete(house, kitchen.name, force=force, without=going, kitchens=kitchens)
        except (Refused, InvalidInput) as error:
            yield Finding("kitchen", kitchen.name, f"{why}, but {error.message}", refused=True)
            continue
        going.add(kitchen.name)
        yield Finding("kitchen", kitchen.name, why, "deleted", _deletion(house, kitchen.name, force=force))


def _deletion(house: House, name: str, *, force: bool) -> Any:
    return lambda: delete(house, name, force=force)


def _why(house: House, kitchen: Kitchen, landed: Collection[str]) -> str | None:
    registered = kitchen.registered
    if kitchen.permanent or registered is None:
        return None
    if registered.expires is not None and registered.expires < house.now():
        return f"its time ended at {registered.expires:%Y-%m-%d %H:%M} UTC"
    return f"its work is in `{kitchen.parent}`" if kitchen.name in landed else None


def _landed(house: House, kitchens: Kitchens) -> set[str]:
    """The sandboxes whose tip came into their parent with a landing. That of a new kitchen was there before."""
    sandboxes = [one for one in kitchens.all() if not one.permanent and one.parent in kitchens.branches]
    tips = {one.parent: kitchens.branches[str(one.parent)] for one in sandboxes}
    counts = history.ahead_behind(house.repository, [(one.tip, tips[one.parent]) for one in sandboxes])
    whole = [one for one, (ahead, _) in zip(sandboxes, counts, strict=True) if ahead == 0]
    found: set[str] = set()
    for parent in {one.parent for one in whole}:
        line = set(history.first_parents(house.repository, tips[parent]))
        landings = house.registrations.landings(KitchenName(str(parent)))
        # A merge adds a commit of its own; after a promotion the tip is one of the parent's line.
        promoted = {(each.commit, each.source) for each in landings}
        found |= {
            str(one.name)
            for one in whole
            if one.parent == parent and (one.tip not in line or (one.tip, str(one.name)) in promoted)
        }
    return found


def _idle(house: House, going: Collection[str]) -> Iterator[Finding]:
    """Services; those of kitchens that are `going` go with them."""
    if not known(house):
        return
    # What there is to know of containers is paid for by whoever has some.
    from kitchens.actions.services.idling import idle_homes, stop_idle
    from kitchens.containers.engine import connect

    for home in idle_homes(house):
        if home.kitchen in going:
            continue
        yield Finding(
            "services",
            home.kitchen,
            "nobody used them for longer than `[runtime] idle`",
            "stopped",
            lambda home=home: stop_idle(house, connect(house.environment), home),  # type: ignore[misc]
        )


def _deleted(house: House) -> Iterator[Finding]:
    now = house.now()
    for each in house.registrations.deleted():
        if now - each.when > KEPT:
            days = (now - each.when).days
            yield Finding(
                "deleted",
                each.ref,
                f"`{each.name}` was deleted {days} days ago",
                "forgotten",
                lambda each=each: house.registrations.forget(each),  # type: ignore[misc]
            )


def _checkouts(house: House) -> Iterator[Finding]:
    """Of gates, and of orders in permanent kitchens: both are made again."""
    pool = house.state / "pool"
    for folder in sorted(pool.iterdir()) if pool.is_dir() else ():
        if _unused(house, folder, UNUSED):
            yield Finding(
                "checkout", str(folder), "no gate used it for a week", "removed", removal(house, folder)
            )
    for lock in sorted((house.state / "checkouts").rglob("lock*")):
        which = lock.name.removeprefix("lock")
        tree, index = lock.with_name(f"tree{which}"), lock.with_name(f"index{which}")
        if tree.is_dir() and index.is_file() and _unused(house, index, UNUSED):
            yield Finding(
                "checkout",
                str(tree),
                "no order used it for a week",
                "removed",
                lambda lock=lock, tree=tree, index=index: _empty(lock, tree, index),  # type: ignore[misc]
            )


def _empty(lock: Path, tree: Path, index: Path) -> None:
    """Remove a checkout that no order holds. Cut off, the next order makes it whole."""
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KitchensError("an order uses it now") from None
        index.unlink(missing_ok=True)
        remove_folder(tree)


def _toolchains(house: House) -> Iterator[Finding]:
    """Virtual environments of the process runtime, which all cookbooks of this user share."""
    from kitchens.containers.toolchains.toolchain import remove_toolchain, toolchains

    for folder, used in toolchains(house.cache):
        if house.now().timestamp() - used > TOOLCHAIN_UNUSED.total_seconds():
            yield Finding(
                "toolchain",
                str(folder),
                "nobody used it for a month",
                "removed",
                lambda folder=folder: remove_toolchain(folder, house.note),  # type: ignore[misc]
            )


def _unused(house: House, path: Path, limit: timedelta) -> bool:
    try:
        return house.now().timestamp() - path.stat().st_mtime > limit.total_seconds()
    except FileNotFoundError:
        return False

"""`kitchen list`, `show`, `path` and `diff`: the kitchens as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.life.remembering import remembered
from kitchens.actions.services.noted import known, state_of
from kitchens.git import history
from kitchens_engine.errors import EnvironmentFailure, InvalidInput


def list_kitchens(house: House) -> list[dict[str, Any]]:
    """Every kitchen, the root first, then by name. What the refs alone decide is remembered until one of them moves."""
    kitchens = Kitchens(house)
    if not kitchens.registered and kitchens.cookbook is not None and kitchens.cookbook.remote:
        house.note(
            f"this clone has not joined the kitchens at `{kitchens.cookbook.remote}`: `kitchen init` fetches them"
        )

    def look() -> list[dict[str, Any]]:
        found = kitchens.all()
        found.sort(key=lambda one: (one.name != kitchens.root, not one.permanent, one.name))
        return _decided(house, kitchens, found)

    # Before anything is registered, HEAD decides too.
    refs = kitchens.refs if kitchens.registered else {}
    rows = remembered(house.state / "cache" / "list.json", refs, look)
    homes = known(house)
    return [_now(house, kitchens, row, homes) for row in rows]


def show_kitchen(house: House, name: str) -> dict[str, Any]:
    """One kitchen with its settings and folders."""
    kitchens = Kitchens(house)
    kitchen = kitchens.get(name)
    document = _now(house, kitchens, _decided(house, kitchens, [kitchen])[0], known(house))
    registered = kitchen.registered
    return document | {
        "protected": kitchen.protected,
        "created": registered.created.isoformat().replace("+00:00", "Z") if registered else None,
        "data": str(kitchens.data_folder(kitchen.name)),
        "settings": dict(registered.settings) if registered else {},
        "children": kitchens.children_of(kitchen.name),
        **_containers(house, kitchen),
    }


def _containers(house: House, kitchen: Kitchen) -> dict[str, Any]:
    """The kitchen's services and its warm toolchain as they are; services are None when no engine can tell."""
    if kitchen.name not in known(house):
        return {"services": [], "toolchain": None}
    from kitchens.actions.services.looking import containers_facts

    try:
        return containers_facts(house, kitchen)
    except EnvironmentFailure as failure:
        house.note(f"its services cannot be seen: {failure.message}")
        return {"services": None, "toolchain": None}


def diff_range(house: House, name: str) -> tuple[str, str, list[dict[str, str]]]:
    """What a kitchen changed since it left its parent: the two commits to compare, and the files."""
    kitchens = Kitchens(house)
    kitchen = kitchens.get(name)
    parent = kitchens.parent_of(kitchen)
    base = history.merge_base(house.repository, parent.tip, kitchen.tip)
    if base is None:
        raise InvalidInput(f"`{name}` and `{parent.name}` have no common commit")
    changes = history.diff_names(house.repository, base, kitchen.tip)
    return base, kitchen.tip, history.documents(changes)


def _decided(house: House, kitchens: Kitchens, found: list[Kitchen]) -> list[dict[str, Any]]:
    """What the refs say of kitchens."""
    pairs = [(one.tip, kitchens.branches.get(one.parent or one.name, one.tip)) for one in found]
    counts = history.ahead_behind(house.repository, pairs)
    documents = []
    for kitchen, (ahead, behind) in zip(found, counts, strict=True):
        registered = kitchen.registered
        expires = registered.expires if registered else None
        documents.append(
            {
                "name": kitchen.name,
                "parent": kitchen.parent,
                "kind": "permanent" if kitchen.permanent else "sandbox",
                "commit": kitchen.tip,
                "branch": kitchen.name,
                "path": None,
                "runtime": kitchens.cookbook.runtime.kind if kitchens.cookbook else "auto",
                "state": None,
                "ahead": ahead,
                "behind": behind,
                "owner": registered.owner if registered else None,
                "expires": expires.isoformat().replace("+00:00", "Z") if expires else None,
            }
        )
    return documents


def _now(house: House, kitchens: Kitchens, row: dict[str, Any], homes: Mapping[str, Path]) -> dict[str, Any]:
    """The row with what this machine and the clock say."""
    checkout = kitchens.checkout_of(row["name"])
    expired = row["expires"] is not None and datetime.fromisoformat(row["expires"]) < house.now()
    return row | {
        "path": str(checkout) if checkout else None,
        "state": _state(checkout is not None, expired, homes.get(row["name"])),
    }


def _state(checked_out: bool, expired: bool, home: Path | None) -> str:
    """Of one that has services, how the last command left them: no engine is asked."""
    if expired:
        return "expired"
    if home is not None and (state := state_of(home)):
        return state
    return "ready" if checked_out else "no checkout"

"""`kitchen list`, `show`, `path` and `diff`: the kitchens as they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.git import history
from kitchens_engine.errors import InvalidInput


def list_kitchens(house: House) -> list[dict[str, Any]]:
    """Every kitchen, the root first, then by name."""
    kitchens = Kitchens(house)
    found = kitchens.all()
    found.sort(key=lambda one: (one.name != kitchens.root, not one.permanent, one.name))
    return _documents(house, kitchens, found)


def show_kitchen(house: House, name: str) -> dict[str, Any]:
    """One kitchen with its settings and folders."""
    kitchens = Kitchens(house)
    kitchen = kitchens.get(name)
    document = _documents(house, kitchens, [kitchen])[0]
    registered = kitchen.registered
    return document | {
        "protected": kitchen.protected,
        "created": registered.created.isoformat().replace("+00:00", "Z") if registered else None,
        "data": str(kitchens.data_folder(kitchen.name)),
        "settings": dict(registered.settings) if registered else {},
        "children": kitchens.children_of(kitchen.name),
    }


def path_of(house: House, name: str) -> Path:
    """The kitchen's checkout; made when a crash or a user took it away."""
    from kitchens.git import worktrees

    kitchens = Kitchens(house)
    kitchen = kitchens.get(name)
    path = kitchens.worktree_path(kitchen.name)
    if kitchens.checkout_of(kitchen.name) is None:
        worktrees.ensure(house.repository, path, kitchen.name)
    return path


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


def _documents(house: House, kitchens: Kitchens, found: list[Kitchen]) -> list[dict[str, Any]]:
    pairs = [(one.tip, kitchens.branches.get(one.parent or one.name, one.tip)) for one in found]
    counts = history.ahead_behind(house.repository, pairs)
    now = house.now()
    documents = []
    for kitchen, (ahead, behind) in zip(found, counts, strict=True):
        registered = kitchen.registered
        checkout = kitchens.checkout_of(kitchen.name)
        expires = registered.expires if registered else None
        documents.append(
            {
                "name": kitchen.name,
                "parent": kitchen.parent,
                "kind": "permanent" if kitchen.permanent else "sandbox",
                "commit": kitchen.tip,
                "branch": kitchen.name,
                "path": str(checkout) if checkout else None,
                "runtime": kitchens.cookbook.runtime.kind if kitchens.cookbook else "auto",
                "state": _state(checkout is not None, expires is not None and expires < now),
                "ahead": ahead,
                "behind": behind,
                "owner": registered.owner if registered else None,
                "expires": expires.isoformat().replace("+00:00", "Z") if expires else None,
            }
        )
    return documents


def _state(checked_out: bool, expired: bool) -> str:
    if expired:
        return "expired"
    return "ready" if checked_out else "no checkout"

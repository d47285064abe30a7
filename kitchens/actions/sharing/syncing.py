"""`kitchen sync`: fetch, fold, and push what is ours. Done twice, the second time does nothing."""

from __future__ import annotations

from typing import Any

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchens
from kitchens.actions.landing.proving import unproved
from kitchens.actions.sharing.arriving import (
    HEADS,
    PROMOTED,
    Arrival,
    Came,
    Left,
    arrive_from,
    compare,
    rules_of,
)
from kitchens.actions.sharing.leaving import ATTEMPTS, registration_changes, went
from kitchens.git.history import is_ancestor
from kitchens.git.refs import Moved
from kitchens.git.sharing import remotes
from kitchens.store.attestations import REF as ATTESTATIONS
from kitchens_engine.errors import EnvironmentFailure, InvalidInput


def sync(house: House) -> dict[str, Any]:
    """Bring this clone and the cookbook's remote together; what came, what went, and what could not.

    Raises `InvalidInput` when the cookbook names no remote, `EnvironmentFailure` when it cannot be reached or refuses.
    """
    remote = rules_of(house).remote
    if remote is None:
        raise InvalidInput(
            "`kitchens.toml` names no remote at which kitchens are shared",
            'add `remote = "origin"` to its `[cookbook]`, and commit it in production',
            code="no-remote",
        )
    came: list[Came] = []
    for _ in range(ATTEMPTS):
        arrival = arrive_from(house, remote, everything=True)
        came += arrival.came
        changes, left = _outgoing(house, arrival)
        try:
            if changes:
                remotes.push(house.repository, remote, changes)
                compare(house, Arrival(remote, remotes.seen(house.repository, remote)))
        except Moved:
            continue
        return {
            "remote": remote,
            "status": "diverged" if left else "synced",
            "came": [one.document() for one in came],
            "went": [one.document() for one in went(changes)],
            "left": [one.document() for one in left],
        }
    raise EnvironmentFailure(f"others write to `{remote}` all the time", "try again", code="moved")


def _outgoing(house: House, arrival: Arrival) -> tuple[dict[str, remotes.Change], list[Left]]:
    """What the remote lacks: registrations, branches of kitchens, attestations, tags of promotions, deletions."""
    repository, there = house.repository, arrival.there
    kitchens = Kitchens(house)
    names = [*kitchens.registered, *remotes.known(repository, arrival.remote)]
    changes = registration_changes(house, arrival.remote, there, names)
    ours = repository.refs.refs(PROMOTED)
    changes |= {ref: (oid, None) for ref, oid in ours.items() if ref not in there}
    attestations = repository.refs.read(ATTESTATIONS)
    if attestations is not None and attestations != there.get(ATTESTATIONS):
        changes[ATTESTATIONS] = (attestations, there.get(ATTESTATIONS))
    left = [one for one in arrival.left if one.status != "ahead"]
    for name in kitchens.names:
        here, before = kitchens.branches[name], arrival.tip(name)
        if here == before or any(one.kitchen == name for one in left):
            continue
        if before is not None and not is_ancestor(repository, before, here):
            continue
        if (refused := _unproved(house, arrival, kitchens, name)) is None:
            changes[f"{HEADS}{name}"] = (here, before)
        else:
            left.append(refused)
    return changes, left


def _unproved(house: House, arrival: Arrival, kitchens: Kitchens, name: str) -> Left | None:
    """Why a protected kitchen may not move at the remote to where it is here."""
    kitchen = kitchens.get(name)
    before = arrival.tip(name)
    if not kitchen.protected or before is None:
        return None
    found = unproved(house, kitchens, kitchen, before)
    if not found:
        return None
    commit, why, untested = found[0]
    short = commit[:12]
    mended = f"`kitchen test --commit {short} --into {name}` attests what passes, then `kitchen sync`"
    said = f"`{name}` is protected, and commit `{short}` {why}"
    return Left(name, "unproved", said, mended if untested else None)

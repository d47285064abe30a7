"""A kitchen as the team has it at the remote, for whoever only looks: nothing of ours moves."""

from __future__ import annotations

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.sharing.arriving import HEADS, REGISTRATIONS, apart, fold_seen, remote_of
from kitchens.git.history import is_ancestor
from kitchens.git.sharing import remotes
from kitchens_engine.errors import EnvironmentFailure, InvalidInput


def as_shared(house: House, kitchens: Kitchens, kitchen: Kitchen) -> Kitchen:
    """The kitchen with the tip and the settings that a landing in it would find: those at the remote, where the
    cookbook has one and others were there since.

    Fetches, and takes up what others attested; branches, checkouts and registrations stay as they are. Where the remote
    cannot be asked, or what is here cannot follow it, a note says so, and the kitchen is taken as it is here.
    """
    remote = remote_of(house, kitchens)
    if remote is None:
        return kitchen
    try:
        there = remotes.fetch(house.repository, remote)
    except EnvironmentFailure as failure:
        house.note(f"`{kitchen.name}` as it is here, nothing new from others: {failure.message}")
        return kitchen
    except InvalidInput as fault:
        if fault.code != "no-remote":
            raise
        return kitchen
    fold_seen(house, there)
    tip = there.get(f"{HEADS}{kitchen.name}", kitchen.tip)
    if not is_ancestor(house.repository, kitchen.tip, tip):
        if (left := apart(house, remote, kitchen.name, kitchen.tip, tip)) is not None:
            house.note(f"{left.why}, so nothing lands in it: {left.hint}")
        return kitchen
    registered_at = there.get(f"{REGISTRATIONS}{kitchen.name}")
    if registered_at is None or not _newer(house, registered_at, kitchen.registered_at):
        return kitchen._replace(tip=tip)
    (registered,) = house.registrations.at([registered_at])
    return kitchen._replace(tip=tip, registered=registered, registered_at=registered_at)


def _newer(house: House, there: str, here: str | None) -> bool:
    return here is None or is_ancestor(house.repository, here, there)

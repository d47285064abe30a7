"""What is ours goes to the remote: a landing, with all that proves it, or a kitchen's registration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from kitchens.actions.house import House
from kitchens.actions.sharing.arriving import (
    HEADS,
    REGISTRATIONS,
    Arrival,
    Came,
    arrive_from,
    compare,
    remote_of,
)
from kitchens.actions.sharing.healing import PURPOSE
from kitchens.git.claims import Claim, claim
from kitchens.git.history import is_ancestor
from kitchens.git.refs import Moved
from kitchens.git.sharing import remotes
from kitchens.model.names import KitchenName
from kitchens.store.attestations import REF as ATTESTATIONS
from kitchens.store.folding import fold_registration
from kitchens.store.registrations import DELETED
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

#: How often a push starts again because somebody else was faster.
ATTEMPTS = 20


@contextmanager
def pushing(house: House, remote: str) -> Iterator[Claim]:
    """While something is pushed that must also be done here. Cut off in between, or when it is not known what came of
    it, the next command asks the remote."""
    held = claim(house.repository.claims, PURPOSE, remote=remote)
    try:
        yield held
    except (Moved, InvalidInput):
        # The remote has said no, or was not asked.
        held.release()
        raise
    except EnvironmentFailure as failure:
        if failure.code != "remote":
            held.release()
        raise
    held.release()


def push_landing(
    house: House,
    arrival: Arrival,
    branch: str,
    commit: str,
    registration: str,
    tag: tuple[str, str] | None,
    held: Claim,
) -> None:
    """Land `commit` in `branch` at the remote: the branch, its registration, those above that the remote lacks, the
    attestations, and the promotion's tag (ref, id), all or nothing. Raises `Moved` when somebody was faster."""
    refs, there = house.repository.refs, arrival.there
    changes: dict[str, remotes.Change] = {
        f"{HEADS}{branch}": (commit, arrival.tip(branch)),
        f"{REGISTRATIONS}{branch}": (registration, there.get(f"{REGISTRATIONS}{branch}")),
    }
    for name in _above(house, branch):
        ref = f"{REGISTRATIONS}{name}"
        if (ours := refs.read(ref)) != there.get(ref):
            changes[ref] = (ours, there.get(ref))
    attestations = refs.read(ATTESTATIONS)
    if attestations is not None and attestations != there.get(ATTESTATIONS):
        changes[ATTESTATIONS] = (attestations, there.get(ATTESTATIONS))
    if tag is not None:
        changes[tag[0]] = (tag[1], None)
    remotes.push(house.repository, arrival.remote, changes, held)


def landed_at(house: House, arrival: Arrival, branch: str, registration: str) -> None:
    """After a landing was pushed: the registration here contains it too, whatever was written here meanwhile."""
    fold_registration(
        house.repository, KitchenName(branch), registration, lambda: house.identity, house.now()
    )
    compare(house, Arrival(arrival.remote, remotes.seen(house.repository, arrival.remote)))


def share(house: House, names: Sequence[str], *, branches: bool = False) -> None:
    """Take the registrations of these kitchens to the remote at once (a deletion too), with `branches` also their
    branches where the remote has none. Without a remote nothing is done; when it cannot be reached, a note says so."""
    remote = remote_of(house)
    if remote is None:
        return
    if not remotes.has_remote(house.repository, remote):
        house.note(f"this repository has no remote `{remote}`, so nothing was shared")
        return
    try:
        _share(house, remote, names, branches=branches)
    except EnvironmentFailure as failure:
        house.note(f"not shared yet: {failure.message}; `kitchen sync` tries again")


def _share(house: House, remote: str, names: Sequence[str], *, branches: bool) -> None:
    there: Mapping[str, str] = remotes.seen(house.repository, remote)
    for _ in range(ATTEMPTS):
        changes = registration_changes(house, remote, there, names)
        if branches:
            for name in names:
                tip = house.repository.refs.branch(name)
                if tip is not None and f"{HEADS}{name}" not in there:
                    changes[f"{HEADS}{name}"] = (tip, None)
        if not changes:
            return
        try:
            remotes.push(house.repository, remote, changes)
        except Moved:
            there = arrive_from(house, remote).there
            continue
        compare(house, Arrival(remote, remotes.seen(house.repository, remote)))
        return
    raise EnvironmentFailure(f"others write to `{remote}` all the time", code="moved")


def registration_changes(
    house: House, remote: str, there: Mapping[str, str], names: Sequence[str]
) -> dict[str, remotes.Change]:
    """The changes at the remote that bring it the registrations of these kitchens, and of those above them; for one
    that was deleted here, its deletion."""
    refs, changes = house.repository.refs, dict[str, remotes.Change]()
    known = remotes.known(house.repository, remote)
    with_those_above = (each for one in names for each in (one, *_above(house, one)))
    for name in dict.fromkeys(with_those_above):
        ref, branch = f"{REGISTRATIONS}{name}", f"{HEADS}{name}"
        ours, theirs = refs.read(ref), there.get(ref)
        if ours == theirs:
            continue
        if ours is not None:
            if theirs is None or is_ancestor(house.repository, theirs, ours):
                changes[ref] = (ours, theirs)
        elif (
            name in known
            and known[name] == (theirs, there.get(branch))
            and _deleted(house, name, known[name][1])
        ):
            changes[ref] = (None, theirs)
            if there.get(branch) is not None:
                changes[branch] = (None, there[branch])
    return changes


def _deleted(house: House, name: str, tip: str | None) -> bool:
    """Whether `kitchen delete` took the kitchen away, which keeps its tip. Whoever only removes a branch with git says
    nothing about the remote."""
    return tip in house.repository.refs.refs(f"{DELETED}{name}/").values()


def went(changes: Mapping[str, remotes.Change]) -> tuple[Came, ...]:
    """Changes at the remote, as they are told."""
    found = []
    for ref, (new, old) in changes.items():
        if ref == ATTESTATIONS:
            found.append(Came("attestations", None, old, new))
        elif ref.startswith(REGISTRATIONS):
            what = "deletion" if new is None else "registration"
            found.append(Came(what, ref.removeprefix(REGISTRATIONS), old, new))
        elif ref.startswith("refs/tags/"):
            found.append(Came("tag", ref.removeprefix("refs/tags/"), old, new))
        elif new is not None:
            found.append(Came("branch", ref.removeprefix(HEADS), old, new))
    return tuple(found)


def _above(house: House, name: str) -> list[str]:
    """The kitchens above one, as far as they are registered: what is proved of it needs theirs too."""
    found: list[str] = []
    read = house.registrations.read(KitchenName(name))
    while read is not None and read[0].parent is not None and read[0].parent not in found:
        found.append(read[0].parent)
        read = house.registrations.read(read[0].parent)
    return found

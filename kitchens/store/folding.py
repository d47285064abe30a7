"""What others wrote, folded into what was written here: both stay.

A registration is a chain of commits: the longer one is taken, and two that parted become one again. Attestations are a
union. The refs move by compare-and-swap, so writers of this clone lose nothing meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kitchens.git.history import is_ancestor, merge_base
from kitchens.git.refs import Moved
from kitchens.git.repository import Repository
from kitchens.model.kitchen import Identity, Landing, Registration
from kitchens.model.names import KitchenName
from kitchens.store.attestations import REF, is_whole
from kitchens.store.registrations import PREFIX, Registrations

if TYPE_CHECKING:
    from kitchens.git.formats import Entry
    from kitchens.git.pack import Written

_TREE = "tree"

#: Says who folds; asked only where a commit is made: whoever just takes what others wrote needs no name.
Who = Callable[[], Identity]


def fold_registration(
    repository: Repository, name: KitchenName, theirs: str, who: Who, when: datetime
) -> bool:
    """Fold the version `theirs` of a kitchen's registration into ours; whether ours moved."""
    ref = f"{PREFIX}{name}"
    while True:
        ours = repository.refs.read(ref)
        new = theirs if ours is None else _joined(repository, ours, theirs, who, when)
        if new == ours:
            return False
        try:
            repository.refs.move(ref, new, ours, "kitchen: fold")
        except Moved:
            continue
        return True


def fold_attestations(repository: Repository, theirs: str, who: Who, when: datetime) -> bool:
    """Fold the attestations at the commit `theirs` into ours; whether ours moved."""
    from kitchens.git.pack import commit

    objects = repository.objects
    while True:
        ours = repository.refs.read(REF)
        if ours is None or is_ancestor(repository, ours, theirs):
            new = theirs
        elif is_ancestor(repository, theirs, ours):
            return False
        else:
            tree = union(repository, ours, theirs)
            if tree == objects.commit(theirs).tree:
                # Theirs hold all of ours: two clones that fold at once agree at last.
                new = theirs
            else:
                made = commit(tree, [ours, theirs], "fold", who(), when, objects.width)
                objects.write([made])
                new = made.oid
        if new == ours:
            return False
        try:
            repository.refs.move(REF, new, ours, "kitchen: fold")
        except Moved:
            continue
        return True


def union(repository: Repository, one: str, other: str) -> str:
    """The id of the tree (stored) with all that the trees of two commits hold. Where both have a file of one name, the
    one that is what it was named for stays, else that of `one`."""
    made: dict[str, Written] = {}
    objects = repository.objects
    found = _Union(repository, made).trees(objects.commit(one).tree, objects.commit(other).tree)
    if made:
        objects.write(list(made.values()))
    return found


class _Union:
    def __init__(self, repository: Repository, made: dict[str, Written]) -> None:
        self._objects = repository.objects
        self._made = made

    def trees(self, one: str, other: str) -> str:
        from kitchens.git.pack import tree

        if one == other:
            return one
        entries = {entry.name: entry for entry in self._objects.entries(one)}
        for entry in self._objects.entries(other):
            before = entries.get(entry.name)
            entries[entry.name] = entry if before is None else self._both(before, entry)
        made = tree([(each.mode, each.oid, name) for name, each in entries.items()], self._objects.width)
        if made.oid not in (one, other):
            self._made[made.oid] = made
        return made.oid

    def _both(self, one: Entry, other: Entry) -> Entry:
        if one.oid == other.oid or one.kind != other.kind:
            return one
        if one.kind == _TREE:
            return one._replace(oid=self.trees(one.oid, other.oid))
        first, second = self._objects.read_all([one.oid, other.oid])
        return other if is_whole(one.name, second) and not is_whole(one.name, first) else one


def _joined(repository: Repository, ours: str, theirs: str, who: Who, when: datetime) -> str:
    """The version that both are part of: one of them, or a new one on top of both."""
    if is_ancestor(repository, theirs, ours):
        return ours
    if is_ancestor(repository, ours, theirs):
        return theirs
    registrations = Registrations(repository)
    base = merge_base(repository, ours, theirs)
    one, other = registrations.at([ours, theirs])
    before = None if base is None else registrations.at([base])[0]
    return registrations.draft(merged(before, one, other), [ours, theirs], "fold", who(), when)


def merged(base: Registration | None, ours: Registration, theirs: Registration) -> Registration:
    """Both versions in one. What only one side changed is as that side has it; where both did, theirs counts (it was
    shared first), but the newest landing stays the newest, and settings are merged one by one."""
    if base is None:
        return _met(ours, theirs)
    fields: dict[str, Any] = {
        field: getattr(ours if getattr(theirs, field) == getattr(base, field) else theirs, field)
        for field in Registration._fields
    }
    fields["landing"] = _newest(base.landing, ours.landing, theirs.landing)
    fields["settings"] = _settings(base.settings, ours.settings, theirs.settings)
    return Registration(**fields)


def _met(ours: Registration, theirs: Registration) -> Registration:
    """A kitchen that was registered twice, each time without knowing of the other."""
    first = min(ours, theirs, key=lambda one: one.created)
    return theirs._replace(
        owner=first.owner,
        created=first.created,
        baseline=theirs.baseline or ours.baseline,
        settings=_settings({}, ours.settings, theirs.settings),
        landing=_newest(None, ours.landing, theirs.landing),
    )


def _newest(base: Landing | None, *sides: Landing | None) -> Landing | None:
    new = [one for one in sides if one is not None and one != base]
    return max(new, key=lambda one: one.when, default=base)


_ABSENT = object()


def _settings(base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in sorted({*ours, *theirs}):
        before, one, other = (side.get(name, _ABSENT) for side in (base, ours, theirs))
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            value: Any = _settings(before if isinstance(before, Mapping) else {}, one, other)
        else:
            value = one if other == before else other
        if value is not _ABSENT:
            found[name] = value
    return found

"""The merge certificate: a second computation, independent of git's merge, of what two sides add up to.

It looks at the trees alone, path by path. A path that one side only changed has that side's content; a path that
neither changed is as it was. Content that is in neither side may stand only where both changed the same path, or
where one side moved a file that the other changed; there the tree of a second run of the merge decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Protocol

from kitchens.model.kitchen import Certificate
from kitchens_engine.tuples import NamedTuple

#: Raised when a certificate's hash comes to cover something else.
FORMAT = 1

TREE = "040000"


class Line(Protocol):
    """A line of a tree."""

    @property
    def mode(self) -> str:
        """Six digits; `040000` is a folder."""

    @property
    def oid(self) -> str:
        """The id of what it names."""

    @property
    def name(self) -> str:
        """The name in its folder."""


class Trees(Protocol):
    """Where trees are read from."""

    def entries(self, treeish: str) -> Sequence[Line]:
        """The lines of the tree with this id."""


class Uncertified(Exception):
    """The tree is not what its sides add up to. The message says where, and why."""


class Thing(NamedTuple):
    """A file, link, submodule or folder at a path; where there is none, None stands."""

    mode: str
    oid: str


class Place(NamedTuple):
    """A path that is more than one side's word: what each merge base, both sides and the result have there."""

    path: str
    bases: tuple[Thing | None, ...]
    ours: Thing | None
    theirs: Thing | None
    result: Thing | None

    @property
    def settled(self) -> bool:
        """Whether the result is what the sides agree on, or what the only side that changed it made of it."""
        if self.ours == self.theirs:
            return self.result == self.ours
        return (self.kept(self.ours) and self.result == self.theirs) or (
            self.kept(self.theirs) and self.result == self.ours
        )

    def kept(self, side: Thing | None) -> bool:
        """Whether a side has what every merge base has."""
        return all(side == base for base in self.bases)

    @property
    def new(self) -> bool:
        """Whether some merge base has nothing here."""
        return None in self.bases


class Sides(NamedTuple):
    """The trees of a merge: of its merge bases, of the target's tip, of what was merged into it."""

    bases: tuple[str, ...]
    ours: str
    theirs: str


def certify(
    merged: Sequence[Place], commits: tuple[tuple[str, ...], str, str], tree: str, again: str | None
) -> Certificate:
    """The certificate that `tree` is exactly what its sides add up to.

    `merged` are the paths that no side alone explains (`mixed`); `commits` the merge bases (computed, not claimed),
    our commit and theirs; `again` is the tree of a second run of the merge, None to look at the paths alone.
    Raises `Uncertified`.
    """
    if again is not None and again != tree:
        raise Uncertified(
            f"its tree is `{tree[:12]}`, and merged once more the sides add up to `{again[:12]}`"
        )
    for place in merged:
        if (why := _objection(place, merged)) is not None:
            raise Uncertified(f"`{place.path}` {why}")
    bases, ours, theirs = commits
    return Certificate(bases, (ours, theirs), tree, _digest(bases, (ours, theirs), tree, merged))


def mixed(trees: Trees, sides: Sides, tree: str) -> list[Place]:
    """The paths whose content no side alone explains, sorted."""
    things = [Thing(TREE, each) for each in (*sides.bases, sides.ours, sides.theirs, tree)]
    return sorted(_unsettled(trees, _place("", things)), key=lambda place: place.path)


def _unsettled(trees: Trees, place: Place) -> Iterator[Place]:
    """The files at and below a path that are not settled. A settled folder is settled in all its parts."""
    if place.settled:
        return
    things = [*place.bases, place.ours, place.theirs, place.result]
    if not _is_folder(things):
        yield place
        return
    if place.path:
        files = _place(place.path, [None if _is_folder([thing]) else thing for thing in things])
        if not files.settled:
            yield files
    folders = [_inside(trees, thing) for thing in things]
    *_, ours, theirs, result = folders
    for name in {name: None for folder in folders for name in folder}:
        if ours.get(name) == theirs.get(name) == result.get(name):
            # Settled, as nearly all are.
            continue
        path = f"{place.path}/{name}" if place.path else name
        yield from _unsettled(trees, _place(path, [folder.get(name) for folder in folders]))


def _is_folder(things: Sequence[Thing | None]) -> bool:
    return any(thing is not None and thing.mode == TREE for thing in things)


def _inside(trees: Trees, thing: Thing | None) -> dict[str, Thing]:
    if thing is None or thing.mode != TREE:
        return {}
    return {line.name: Thing(line.mode, line.oid) for line in trees.entries(thing.oid)}


def _place(path: str, things: Sequence[Thing | None]) -> Place:
    return Place(path, tuple(things[:-3]), *things[-3:])


def _objection(place: Place, merged: Sequence[Place]) -> str | None:
    """Why the result at a path is nothing that an honest merge makes; None when it may be."""
    ours, theirs, result = place.ours, place.theirs, place.result
    if place.new and (ours or theirs) and result and _moved_files(place, merged):
        return None
    if ours == theirs:
        return "is the same on both sides, and something else in the merge"
    if place.kept(ours):
        return "was changed by the merged side alone, and is something else in the merge"
    if place.kept(theirs):
        return "was changed by the target alone, and is something else in the merge"
    if len(set(place.bases)) > 1:
        # The merge bases were themselves merged first: the second run has the word.
        return None
    if (ours is None or theirs is None) and result is not None:
        return "was removed by one side and changed by the other, and is still there in the merge"
    if ours is not None and theirs is not None and result is None:
        return "was changed by both sides, and is gone in the merge"
    return None


def _moved_files(place: Place, merged: Sequence[Place]) -> bool:
    """Whether a side that has something new at this path removed a file that the other side changed: then the new
    one may be that file, moved, with the other's change in it."""
    return any(
        (place.ours is not None and other.ours is None and _changed(other, other.theirs))
        or (place.theirs is not None and other.theirs is None and _changed(other, other.ours))
        for other in merged
    )


def _changed(place: Place, side: Thing | None) -> bool:
    """Whether a side has a file here that is another than before. Where the merge bases disagree, nobody can tell from
    the trees what was before: they were merged first, and may have been at other paths."""
    before = set(place.bases)
    return side is not None and (len(before) > 1 or any(base is not None and base != side for base in before))


def _digest(bases: Sequence[str], sides: Sequence[str], tree: str, merged: Sequence[Place]) -> str:
    """SHA-256 over the certificate and over each path at which content was mixed."""
    lines = [
        f"certificate {FORMAT}",
        *(f"base {each}" for each in bases),
        *(f"side {each}" for each in sides),
    ]
    lines.append(f"tree {tree}")
    lines += [
        f"mixed {f'{place.result.mode} {place.result.oid}' if place.result else 'nothing'} {place.path}"
        for place in merged
    ]
    return hashlib.sha256("\0".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

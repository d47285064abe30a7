"""A landing: one compare-and-swap of a branch, and every checkout of it brought along.

Each checkout's `index.lock` is held across the move: a branch that moved under a checkout
would make the next plain `git commit` there revert the landing. Of the steps

    lock, check, make files beside  →  write pending  →  move the branch  →  files, index

only the third one counts. Killed before it, `heal` removes what was made; killed after
it, `heal` finishes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kitchens.git.checkouts.folders import flush
from kitchens.git.checkouts.worktrees import checkouts
from kitchens.git.claims import Claim, claim
from kitchens.git.moving.arriving import (
    Place,
    amended_index,
    finish_few,
    finish_index,
    left_out,
    look,
    next_index,
    place,
    put,
    stage,
    take_lock,
    withdraw,
)
from kitchens.git.moving.changes import SUBMODULE, Change, changes
from kitchens.git.moving.healing import PURPOSE, heal
from kitchens.git.moving.obstacles import check, plain, refuse_under_way
from kitchens.git.refs import Moved, RefMove
from kitchens.git.repository import Repository, git_directory

#: Seconds for which we try again when somebody else's git holds an index.
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class LandingPlan:
    """A landing that was checked: `branch` goes from `old` to `new`, and with it the checkouts at `places`.

    `changes` is what differs between the two.
    """

    repository: Repository
    branch: str
    old: str
    new: str
    places: tuple[Path, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class _Arrival:
    """What waits beside a checkout for the branch to move."""

    place: Place
    staged: Path
    index: Path
    wanted: tuple[Change, ...]
    seen: dict[str, tuple[int, ...] | None]
    #: What the files that were made look like, where nothing of the index but these needs a look.
    made: dict[str, tuple[int, ...] | None] | None = None


def plan_landing(
    repository: Repository, branch: str, old: str, new: str, *, at_once: bool = False
) -> LandingPlan:
    """Check that `branch` may go from `old` to `new` in every checkout of it. Changes nothing.

    What is to be carried out `at_once` is checked only then, so that nobody waits for the same check twice.
    Finishes first what a killed landing left. Raises `Moved` when the branch is not at `old`, `InvalidInput` with the paths when files in
    a checkout are in the way, and when a merge or rebase of the branch is under way.
    """
    heal(repository)
    if (found := repository.refs.branch(branch)) != old:
        # A git that outlived its killed landing may have moved it just now.
        raise Moved(f"refs/heads/{branch}", old, found)
    plan = LandingPlan(
        repository, branch, old, new, _places(repository, branch), changes(repository, old, new)
    )
    if at_once:
        return plan
    places, held = _claimed(plan, moves=False)
    try:
        for each in places:
            check(each, plan.changes, old, new)
    finally:
        _withdraw(places, held)
    return plan


def carry_out(
    plan: LandingPlan, write_pending: Callable[[], RefMove | None], reason: str = "kitchen: landed"
) -> list[Path]:
    """Land: `write_pending` is called last before the branch moves, when only the move can still fail. It may leave one
    move to be made just before that of the branch.

    Gives the files that somebody edited in that very moment, which were left as they are.
    Raises `Moved` when the branch is not at `old` any more, or is not checked out where the
    plan saw it. Whatever it raises before the branch moved, nothing has changed.
    """
    repository, ref = plan.repository, f"refs/heads/{plan.branch}"
    width = repository.objects.width
    places, held = _claimed(plan, moves=True)
    try:
        arrivals = [_prepare(plan, each) for each in places]
        if _places(repository, plan.branch) != plan.places:
            raise Moved(ref, plan.old, plan.old)
        pending = write_pending()
    except BaseException:
        _withdraw(places, held)
        raise
    try:
        moves = [RefMove(ref, plan.new, plan.old, reason)]
        repository.refs.move_in_turn([pending, *moves] if pending else moves, keep=(held.descriptor,))
    except BaseException:
        # Interrupted in that moment, the branch may have moved, and then it counts.
        if repository.refs.read(ref) != plan.new:
            _withdraw(places, held)
        else:
            _arrive(arrivals, held, width)
        raise
    try:
        left = _arrive(arrivals, held, width)
    except KeyboardInterrupt:
        # The branch has moved: what follows is short, and stopping here would help nobody.
        _arrive(arrivals, held, width)
        raise
    # Whoever hears that it landed may pull the plug.
    flush([repository.claims])
    return left


def _prepare(plan: LandingPlan, place: Place) -> _Arrival:
    """Lock the checkout, check again, and make everything that will be put into place."""
    take_lock(place, PATIENCE)
    # Looked at before the check: an edit that comes after it is then seen by one or the other.
    seen = {change.path: look(place, change.path) for change in plan.changes}
    simple = plain(place, plan.changes, plan.repository.objects.width)
    wanted = plan.changes if simple else check(place, plan.changes, plan.old, plan.new)
    objects = plan.repository.objects
    index = (
        amended_index(place, objects, wanted, plan.old, plan.new)
        if simple
        else next_index(place, plan.old, plan.new)
    )
    if not simple and (out := left_out(place, index)):
        wanted = tuple(each for each in wanted if each.after is None or each.path not in out)
    fresh = [change.path for change in wanted if change.after not in (None, SUBMODULE)]
    staged = stage(place, index, fresh, "new")
    made = {path: look(place, path, staged) for path in fresh}
    return _Arrival(place, staged, index, wanted, seen, made if simple else None)


def _arrive(arrivals: list[_Arrival], held: Claim, width: int) -> list[Path]:
    left = []
    for each in arrivals:
        place = each.place
        if place.folder.exists():
            left += [place.path / path for path in put(place, each.staged, each.wanted, each.seen)]
            if each.index.exists():
                there = [one for one in each.wanted if one.after is not None]
                if each.made is None:
                    finish_index(place, each.index)
                else:
                    finish_few(place, each.index, there, each.made, width)
        withdraw(place)
    held.release()
    return left


def _withdraw(places: list[Place], held: Claim) -> None:
    for each in places:
        withdraw(each)
    held.release()


def _claimed(plan: LandingPlan, *, moves: bool) -> tuple[list[Place], Claim]:
    """The checkouts, and the claim that names what we make in them. `moves` is False for a mere check."""
    held = claim(
        plan.repository.claims,
        PURPOSE,
        branch=plan.branch,
        old=plan.old,
        new=plan.new,
        moves=moves,
        token=os.urandom(8).hex(),
        places=[str(path) for path in plan.places],
        directories=[str(git_directory(path)) for path in plan.places],
    )
    places = [place(plan.repository, path, held) for path in plan.places]
    return places, held


def _places(repository: Repository, branch: str) -> tuple[Path, ...]:
    """Every checkout of the branch whose folder is there. Refuses while one is in the middle of something."""
    known = [each for each in checkouts(repository) if each[0].is_dir()]
    refuse_under_way([path for path, _ in known if path != repository.common], branch)
    return tuple(path for path, held in known if held == branch)

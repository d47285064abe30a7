"""A rollback that comes down into a kitchen must not take that kitchen's work away, as git alone would: the kitchen
contains what was rolled back, so to git the rollback is the newer word.

What the rollback undid is kept, and what else the kitchen above did comes down. Before the merge the kitchen's tip is
replaced by a *stand-in*: a commit that contains each rollback and has the kitchen's tree, to which only what the rollback
restored was merged (where the kitchen lacks it). It is the same on every machine, so that anybody can compute it anew.
"""

from __future__ import annotations

from datetime import UTC, datetime

from kitchens.git.history import NEAR, common_ancestors, first_parents, is_ancestor
from kitchens.git.merging import Conflict, Merge, commit_tree, merge_commits
from kitchens.git.moving.rollbacks import RESTORES, restored
from kitchens.git.repository import Repository
from kitchens.model.kitchen import Identity
from kitchens_engine.tuples import NamedTuple

_NOBODY = Identity("kitchens", "kitchens@localhost")
_EVER = datetime(2000, 1, 1, tzinfo=UTC)


class StandIn(NamedTuple):
    """What takes the place of a kitchen's tip in a merge: a commit, or the conflicts on the way to it, and the
    `rollbacks` that it contains and does not follow, oldest first."""

    commit: str
    rollbacks: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


def stand_in(repository: Repository, ours: str, theirs: str) -> StandIn:
    """The stand-in for `ours` when `theirs`, from a kitchen above, is merged into it; `ours` itself when nothing was
    rolled back there that `ours` has not seen yet."""
    commit = ours
    found = _rollbacks(repository, ours, theirs)
    for rollback, earlier in found:
        tree = repository.objects.commit(commit).tree
        if not is_ancestor(repository, earlier, commit):
            merged = merge_commits(repository, commit, earlier)
            if merged.tree is None:
                return StandIn(ours, tuple(each for each, _ in found), merged.conflicts)
            tree = merged.tree
        commit = commit_tree(repository, tree, (commit, rollback), "Stand-in\n", _NOBODY, _EVER)
    return StandIn(commit, tuple(each for each, _ in found))


def merge_down(repository: Repository, ours: str, theirs: str) -> tuple[Merge, tuple[str, ...]]:
    """Merge `theirs`, from a kitchen above, into `ours`, and the rollbacks whose effect was kept out of it."""
    kept = stand_in(repository, ours, theirs)
    plain = merge_commits(repository, ours, theirs)
    if not kept.rollbacks:
        return plain, ()
    if kept.conflicts:
        return Merge(None, kept.conflicts, None), kept.rollbacks
    merged = merge_commits(repository, kept.commit, theirs).named({kept.commit: "HEAD"})
    # A rollback of what never came down here takes nothing away.
    return (plain, ()) if merged.tree == plain.tree is not None else (merged, kept.rollbacks)


def taken_out(repository: Repository, ours: str, theirs: str) -> str | None:
    """The rollback by which `ours` lost work that `theirs` has: git takes it for settled, so a merge of `theirs` does not
    bring it back. None without one, also when `ours` went back to where it had that work; looked for among the last
    `NEAR` steps of `ours`.
    """
    bases = common_ancestors(repository, ours, theirs)
    found: list[tuple[str, str]] = []
    read, commit = repository.objects.walker(), ours
    for _ in range(NEAR):
        made = read([commit])[0]
        if RESTORES in made.message:
            if is_ancestor(repository, commit, theirs):
                break
            if (earlier := restored(repository, commit)) is not None:
                found.append((commit, earlier))
        if commit in bases or not made.parents:
            break
        commit = made.parents[0]
    lost: str | None = None
    for rollback, earlier in reversed(found):
        had = [base for base in bases if is_ancestor(repository, base, rollback)]
        if not all(is_ancestor(repository, base, earlier) for base in had):
            lost = rollback
        elif lost is not None and not is_ancestor(repository, lost, earlier):
            lost = None
    return lost


def _rollbacks(repository: Repository, ours: str, theirs: str) -> list[tuple[str, str]]:
    """The rollbacks that `theirs` made and `ours` lacks, each with what it restored, oldest first. Those that came to
    `theirs` by a merge were settled there."""
    new = first_parents(repository, theirs, ours)
    claiming = [
        oid
        for oid, commit in zip(new, repository.objects.commits(new), strict=True)
        if RESTORES in commit.message
    ]
    found = ((oid, restored(repository, oid)) for oid in reversed(claiming))
    return [(oid, earlier) for oid, earlier in found if earlier is not None]

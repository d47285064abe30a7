"""Before a merge lands, and whenever it is verified: is it exactly what its two sides add up to?"""

from __future__ import annotations

from kitchens.actions.landing.reconciling import stand_in
from kitchens.gate.ancestry import Ancestry, merge_bases
from kitchens.gate.certificate import Sides, Uncertified, certify, mixed
from kitchens.git.merging import merge_again
from kitchens.git.repository import Repository
from kitchens.model.kitchen import Certificate
from kitchens_engine.errors import EnvironmentFailure


def certify_merge(
    repository: Repository,
    commit: str,
    ours: str,
    claimed: str | None = None,
    reconciled: tuple[str, ...] = (),
) -> Certificate:
    """The certificate of a merge commit whose first parent must be `ours`, with the merge run once more.

    `claimed` is the merge base that it was made by, `reconciled` the rollbacks that it kept out. Raises `EnvironmentFailure`, which says nothing about the
    change, when the two computations disagree.
    """
    try:
        return recompute(repository, commit, ours, claimed, again=True, reconciled=reconciled)
    except Uncertified as reason:
        raise EnvironmentFailure(
            f"the merge `{commit[:12]}` is not what its sides add up to: {reason}; nothing has moved",
            "`git fsck` says whether the repository is damaged; merge again",
            code="certificate",
        ) from reason


def recompute(
    repository: Repository,
    commit: str,
    ours: str,
    claimed: str | None = None,
    *,
    again: bool,
    ancestry: Ancestry | None = None,
    reconciled: tuple[str, ...] = (),
) -> Certificate:
    """The certificate, from the objects alone. The merge is run once more with `again`, and wherever content was
    mixed; `ancestry` spares a walk through history. A merge that kept `reconciled` rollbacks out is one with the
    stand-in for `ours`. Raises `Uncertified`."""
    objects = repository.objects
    made = objects.commit(commit)
    if len(made.parents) != 2 or made.parents[0] != ours:
        raise Uncertified(f"its parents are not `{ours[:12]}` and one other commit")
    theirs = made.parents[1]
    side = _reconciled(repository, ours, theirs, reconciled) if reconciled else ours
    known = ancestry.merge_bases(side, theirs) if ancestry else None
    bases = known or merge_bases(side, theirs, objects.walker())
    if not bases or (claimed is not None and claimed not in bases):
        raise Uncertified(f"`{str(claimed)[:12]}` is no merge base of its sides")
    *below, our_tree, their_tree = (each.tree for each in objects.commits([*bases, side, theirs]))
    merged = mixed(objects, Sides(tuple(below), our_tree, their_tree), made.tree)
    rerun = _merged_again(repository, side, theirs, bases) if again or merged else None
    return certify(merged, (bases, ours, theirs), made.tree, rerun)._replace(reconciled=reconciled)


def _reconciled(repository: Repository, ours: str, theirs: str, reconciled: tuple[str, ...]) -> str:
    """The stand-in for `ours`, made anew."""
    kept = stand_in(repository, ours, theirs)
    if kept.conflicts or kept.rollbacks != reconciled:
        raise Uncertified("the rollbacks that it kept out are not those that its sides show")
    return kept.commit


def _merged_again(repository: Repository, ours: str, theirs: str, bases: tuple[str, ...]) -> str:
    tree = merge_again(repository, ours, theirs, bases)
    if tree is None:
        raise Uncertified("merged once more, its sides are in conflict")
    return tree

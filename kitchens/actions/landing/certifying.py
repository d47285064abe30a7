"""Before a merge lands, and whenever it is verified: is it exactly what its two sides add up to?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from kitchens.actions.landing.reconciling import stand_in
from kitchens.gate.ancestry import Ancestry, merge_bases
from kitchens.gate.certificate import Sides, Uncertified, certify, mixed
from kitchens.git.merging import merging_again
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
    with certifying(repository, commit, ours, claimed, reconciled) as certificate:
        return certificate()


@contextmanager
def certifying(
    repository: Repository,
    commit: str,
    ours: str,
    claimed: str | None = None,
    reconciled: tuple[str, ...] = (),
) -> Iterator[Callable[[], Certificate]]:
    """The same, with the merge run once more beside what is done inside; what it yields waits for it."""
    with _told(commit):
        made = _made(repository, commit, ours, claimed, None, reconciled)
    with merging_again(repository, made.side, made.theirs, made.bases) as again:

        def certificate() -> Certificate:
            with _told(commit):
                return _certificate(repository, made, again)

        yield certificate


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
    made = _made(repository, commit, ours, claimed, ancestry, reconciled)
    with (
        merging_again(repository, made.side, made.theirs, made.bases) if again else nullcontext()
    ) as merged_again:
        return _certificate(repository, made, merged_again)


@dataclass(frozen=True, slots=True)
class _Made:
    """A merge commit by its parts: `side` is what stands for `ours` where rollbacks were kept out."""

    tree: str
    ours: str
    side: str
    theirs: str
    bases: tuple[str, ...]
    reconciled: tuple[str, ...]


def _made(
    repository: Repository,
    commit: str,
    ours: str,
    claimed: str | None,
    ancestry: Ancestry | None,
    reconciled: tuple[str, ...],
) -> _Made:
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
    return _Made(made.tree, ours, side, theirs, tuple(bases), reconciled)


def _certificate(repository: Repository, made: _Made, again: Callable[[], str | None] | None) -> Certificate:
    """What the merge adds up to. `again` waits for a second run; without one, it is run where content was mixed."""
    objects = repository.objects
    *below, ours, theirs = (each.tree for each in objects.commits([*made.bases, made.side, made.theirs]))
    merged = mixed(objects, Sides(tuple(below), ours, theirs), made.tree)
    rerun = None
    if again is not None:
        rerun = _merged_again(again)
    elif merged:
        with merging_again(repository, made.side, made.theirs, made.bases) as now:
            rerun = _merged_again(now)
    certificate = certify(merged, (made.bases, made.ours, made.theirs), made.tree, rerun)
    return certificate._replace(reconciled=made.reconciled)


@contextmanager
def _told(commit: str) -> Iterator[None]:
    """What is not certified is this machine's failure, and no verdict on the change."""
    try:
        yield
    except Uncertified as reason:
        raise EnvironmentFailure(
            f"the merge `{commit[:12]}` is not what its sides add up to: {reason}; nothing has moved",
            "`git fsck` says whether the repository is damaged; merge again",
            code="certificate",
        ) from reason


def _reconciled(repository: Repository, ours: str, theirs: str, reconciled: tuple[str, ...]) -> str:
    """The stand-in for `ours`, made anew."""
    kept = stand_in(repository, ours, theirs)
    if kept.conflicts or kept.rollbacks != reconciled:
        raise Uncertified("the rollbacks that it kept out are not those that its sides show")
    return kept.commit


def _merged_again(again: Callable[[], str | None]) -> str:
    tree = again()
    if tree is None:
        raise Uncertified("merged once more, its sides are in conflict")
    return tree

"""Before a merge lands, a second computation must agree with it."""

from __future__ import annotations

import pytest

from kitchens.actions.landing.certifying import certify_merge
from kitchens.actions.landing.reconciling import stand_in
from kitchens.git.merging import merge_commits
from kitchens_engine.errors import EnvironmentFailure


def merged(checkout, repository, base: str | None = None) -> tuple[str, str, str]:
    """Our tip, theirs, and an honest merge of them."""
    checkout.git("branch", "side")
    ours = checkout.commit("ours", a="1\n")
    checkout.git("switch", "-q", "side")
    theirs = checkout.commit("theirs", b="1\n")
    tree = merge_commits(repository, ours, theirs).tree
    return ours, theirs, checkout.git("commit-tree", "-m", "m", "-p", ours, "-p", theirs, tree)


def test_an_honest_merge_is_certified(checkout, repository):
    """By its sides, their merge base and its tree."""
    ours, theirs, commit = merged(checkout, repository)
    found = certify_merge(repository, commit, ours, checkout.tip("main~1"))
    assert found[:3] == ((checkout.tip("main~1"),), (ours, theirs), checkout.tip(f"{commit}^{{tree}}"))


def test_a_merge_base_that_was_only_claimed_is_refused(checkout, repository):
    """Even when the tree happens to be right."""
    ours, _, commit = merged(checkout, repository)
    with pytest.raises(
        EnvironmentFailure, match="is no merge base of its sides; nothing has moved"
    ) as refused:
        certify_merge(repository, commit, ours, ours)
    assert refused.value.code == "certificate"


def test_parents_must_be_the_sides(checkout, repository):
    """A merge into another tip than the one that moves, or of no second side, is none."""
    ours, theirs, commit = merged(checkout, repository)
    with pytest.raises(EnvironmentFailure, match="its parents are not"):
        certify_merge(repository, commit, theirs)
    with pytest.raises(EnvironmentFailure, match="its parents are not"):
        certify_merge(repository, ours, checkout.tip("main~1"))


def test_another_tree_is_refused(checkout, repository):
    """Named by what it is, and what it should be."""
    ours, theirs, _ = merged(checkout, repository)
    forged = checkout.git("commit-tree", "-m", "m", "-p", ours, "-p", theirs, f"{ours}^{{tree}}")
    with pytest.raises(EnvironmentFailure, match="merged once more the sides add up to"):
        certify_merge(repository, forged, ours)


def test_a_reconcile_is_certified_only_as_one(checkout, repository):
    """It keeps our tree although the other side rolled it back; taken for a plain merge, or for that of another
    rollback, it is refused."""
    earlier = checkout.tip("main")
    ours = checkout.commit("ours", a="1\n")
    words = ("-m", f"back\n\nRestores: {earlier}")
    rollback = checkout.git("commit-tree", *words, "-p", ours, f"{earlier}^{{tree}}")
    commit = checkout.git("commit-tree", "-m", "m", "-p", ours, "-p", rollback, f"{ours}^{{tree}}")
    assert certify_merge(repository, commit, ours, reconciled=(rollback,)).reconciled == (rollback,)
    with pytest.raises(EnvironmentFailure, match="merged once more the sides add up to"):
        certify_merge(repository, commit, ours)
    with pytest.raises(EnvironmentFailure, match="are not those that its sides show"):
        certify_merge(repository, commit, ours, reconciled=(earlier,))


def test_a_commit_that_only_says_that_it_restores_is_no_rollback(checkout, repository):
    """Its tree must be the one that it names: otherwise anybody could keep a change out of a merge by words."""
    earlier = checkout.tip("main")
    ours = checkout.commit("ours", a="1\n")
    words = ("-m", f"back\n\nRestores: {earlier}")
    false = checkout.git("commit-tree", *words, "-p", ours, f"{ours}^{{tree}}")
    assert stand_in(repository, ours, false) == (ours, (), ())

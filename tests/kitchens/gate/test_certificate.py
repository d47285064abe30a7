"""The merge certificate: honest merges pass, whatever people did; trees made by a wrong merge base do not."""

from __future__ import annotations

import random

import pytest

from kitchens.gate.ancestry import Ancestry, contains, merge_bases
from kitchens.gate.certificate import Sides, Uncertified, certify, mixed
from kitchens.git.merging import merge_commits
from kitchens.model.kitchen import Certificate

from ..histories import History, changed, first_tree, series, sides


def certificate(repository, ours: str, theirs: str, tree: str, again: str | None) -> Certificate:
    """The certificate of a merge that made `tree`."""
    objects = repository.objects
    bases = merge_bases(ours, theirs, objects.commits)
    *below, one, other = (each.tree for each in objects.commits([*bases, ours, theirs]))
    merged = mixed(objects, Sides(tuple(below), one, other), tree)
    return certify(merged, (bases, ours, theirs), tree, again)


@pytest.mark.parametrize("number", range(12))
def test_honest_merges_are_never_refused(checkout, repository, number):
    """Whatever both sides did, also when they had merged each other crosswise before; and twice is the same."""
    dice, history = random.Random(number), History(checkout)
    clean = 0
    for _ in range(6):
        base = history.commit(first_tree(dice))
        ours = history.commit(changed(dice, history.trees[base], 3), base)
        theirs = history.commit(changed(dice, history.trees[base], 3), base)
        merge = merge_commits(repository, ours, theirs)
        if merge.tree is not None:
            clean += 1
            found = certificate(repository, ours, theirs, merge.tree, merge.tree)
            assert found == certificate(repository, ours, theirs, merge.tree, None)
            assert (found.bases, found.sides) == ((base,), (ours, theirs))
    assert clean


@pytest.mark.parametrize("number", range(6))
def test_crosswise_merges_are_never_refused(checkout, repository, number):
    """Several merge bases, which git merges first."""
    dice, history = random.Random(number), History(checkout)
    base = history.commit(first_tree(dice))
    one = history.commit(changed(dice, history.trees[base], 2), base)
    other = history.commit(changed(dice, history.trees[base], 2), base)
    ours = history.commit(changed(dice, history.trees[one], 2), one, other)
    theirs = history.commit(changed(dice, history.trees[one], 2), other, one)
    assert merge_bases(ours, theirs, repository.objects.commits) == tuple(sorted((one, other)))
    merge = merge_commits(repository, ours, theirs)
    if merge.tree is not None:
        certificate(repository, ours, theirs, merge.tree, merge.tree)


def test_a_move_that_the_merge_bases_tell_differently_is_not_refused(checkout, repository):
    """One merge base has the link at its old path, the other one moved it: merged first, they have it at a third."""
    dice, history = random.Random(10018), History(checkout)
    ours, theirs = sides(dice, history, {})
    assert len(merge_bases(ours, theirs, repository.objects.commits)) == 2
    merge = merge_commits(repository, ours, theirs)
    assert merge.tree is not None
    certificate(repository, ours, theirs, merge.tree, merge.tree)


MANY = (pytest.mark.soak, pytest.mark.timeout(3600))


@pytest.mark.parametrize("rounds", [4, pytest.param(200, marks=MANY)], ids=["few", "many"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_a_wrong_merge_base_is_refused(checkout, repository, size, rounds):
    """In a single merge, and for each of a group of stale branches that are merged one after the other."""
    dice, history = series(size), History(checkout)
    refused = 0
    for _ in range(rounds):
        line = [history.commit(first_tree(dice))]
        for _ in range(3):
            line.append(history.commit(changed(dice, history.trees[line[-1]], 2), line[-1]))
        branches = [history.commit(changed(dice, history.trees[line[1]], 2), line[1]) for _ in range(size)]
        tip = line[-1]
        for branch in branches:
            right = merge_commits(repository, tip, branch)
            for wrong in (line[0], line[2], line[3]):
                tree = history.merged_by(wrong, tip, branch)
                if tree is None or tree == right.tree:
                    continue
                with pytest.raises(Uncertified):
                    certificate(repository, tip, branch, tree, right.tree or "0" * 40)
                refused += 1
            if right.tree is not None:
                tip = checkout.git("commit-tree", "-m", "m", "-p", tip, "-p", branch, right.tree)
    assert refused >= rounds


def test_the_paths_alone_tell_a_lost_change(checkout, repository):
    """Without git's second word: what only one side changed must have that side's content, and is named."""
    base = checkout.tip()
    ours = checkout.commit("ours", a="1\n")
    checkout.git("switch", "-q", "-c", "side", base)
    theirs = checkout.commit("theirs", b="1\n", README__md="new\n")
    lost = checkout.git("rev-parse", f"{ours}^{{tree}}")
    with pytest.raises(Uncertified, match="was changed by the merged side alone"):
        certificate(repository, ours, theirs, lost, None)
    lost = checkout.git("rev-parse", f"{theirs}^{{tree}}")
    with pytest.raises(Uncertified, match="`a` was changed by the target alone"):
        certificate(repository, ours, theirs, lost, None)


def test_a_moved_file_takes_the_others_change_along(checkout, repository):
    """New content at a new path is the second run's word only where the other side changed what was moved."""
    checkout.git("branch", "side")
    checkout.git("mv", "lines.txt", "moved.txt")
    ours = checkout.commit("move")
    checkout.git("switch", "-q", "side")
    theirs = checkout.commit("edit", lines__txt="".join(f"{n}\n" for n in range(21)))
    tree = merge_commits(repository, ours, theirs).tree
    assert tree is not None
    assert certificate(repository, ours, theirs, tree, tree).tree == tree


@pytest.mark.parametrize("number", range(8))
def test_merge_bases_are_gits(checkout, repository, number):
    """In any graph, whatever the clocks said."""
    dice = random.Random(number)
    tree = checkout.tip("HEAD^{tree}")
    commits: list[str] = []
    for count in range(30):
        parents = dice.sample(
            commits[-6:], min(len(commits), dice.choice((0, 1, 1, 1, 2, 2, 3)) if count else 0)
        )
        date = f"{1700000000 + dice.randrange(10)} +0000"
        data = [f"tree {tree}", *(f"parent {each}" for each in parents)]
        data += [f"author A <a@b> {date}", f"committer A <a@b> {date}", "", str(count)]
        commits.append(
            checkout.git("hash-object", "-t", "commit", "-w", "--stdin", input="\n".join(data).encode())
        )
    for _ in range(15):
        one, other = dice.choice(commits), dice.choice(commits)
        gits = checkout.git("merge-base", "--all", one, other, status=(0, 1)).split()
        found = merge_bases(one, other, repository.objects.commits)
        assert list(found) == sorted(gits)
        assert contains(one, other, repository.objects.commits) == (gits == [other])
        for since in (commits, commits[10:]):
            lines = [(oid, repository.objects.commit(oid).parents) for oid in reversed(since)]
            assert Ancestry(lines).merge_bases(one, other) in (
                None,
                found if since != commits or found else None,
            )

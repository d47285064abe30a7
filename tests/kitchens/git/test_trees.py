"""Trees compared without a process, and many merges by one: both say what git says of each alone."""

from __future__ import annotations

import random
from itertools import pairwise

from kitchens.git.history import diff_names
from kitchens.git.merging import merge_commits, merge_many
from kitchens.git.trees import compare, folders_that_differ
from kitchens_engine.errors import InvalidInput

from ..histories import History, changed, first_tree


def test_what_changed_is_what_git_says(checkout, repository):
    """Of any trees: renames, modes, links, submodules, names that are no UTF-8, and git's order."""
    for seed in range(4):
        dice = random.Random(seed)
        history, tree = History(checkout), first_tree(random.Random(seed))
        commits = [history.commit(tree)]
        for _ in range(12):
            tree = changed(dice, tree, dice.randint(1, 4))
            commits.append(history.commit(tree, commits[-1]))
        trees = [repository.objects.tree(commit) for commit in commits]
        pairs = [(dice.choice(trees), dice.choice(trees)) for _ in range(10)]
        pairs += list(pairwise(trees))
        assert compare(repository, pairs) == [diff_names(repository, *pair) for pair in pairs]


def test_many_merges_are_each_as_alone(checkout, repository):
    """Clean, in conflict, contained, and one with no commit in common, wherever it stands."""
    dice = random.Random(7)
    history, tree = History(checkout), first_tree(random.Random(7))
    base = history.commit(tree)
    ours = history.commit(changed(dice, tree, 6), base)
    others = [history.commit(changed(dice, tree, 5), base) for _ in range(12)]
    others[3:3] = [history.commit(tree), base, ours]
    alone = []
    for each in others:
        try:
            found = merge_commits(repository, ours, each)
            alone.append((found.tree, found.conflicts))
        except InvalidInput:
            alone.append(None)
    before = repository.git.tally.calls
    together = merge_many(repository, ours, others)
    assert [each and (each.tree, each.conflicts) for each in together] == alone
    assert alone.count(None) == 1
    assert any(each and each[1] for each in alone) and any(each and each[0] for each in alone)
    assert repository.git.tally.calls - before <= 4


def test_only_folders_that_differ_are_looked_at(checkout, repository):
    """The top always; what is the same in all trees is not read."""
    one = checkout.commit("one", a__b="1\n", **{"same/deep/file": "1\n", "x/y/file": "1\n"})
    two = checkout.commit("two", **{"x/y/file": "2\n"})
    trees = [repository.objects.tree(each) for each in (one, two)]
    assert [path for path, _ in folders_that_differ(repository.objects, trees)] == ["", "x/", "x/y/"]
    assert [path for path, _ in folders_that_differ(repository.objects, trees[:1] * 2)] == [""]

"""Trees compared without a process, and many merges by one: both say what git says of each alone."""

from __future__ import annotations

import random
from itertools import pairwise

from kitchens.git.history import diff_names
from kitchens.git.merging import merge_commits, merge_many
from kitchens.git.moving.changes import Change, changes
from kitchens.git.trees import compare, files_on_the_way
from kitchens_engine.errors import InvalidInput

from ..histories import History, changed, first_tree

RAW = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-commit-id", "--no-abbrev")


def lines_of(found: tuple[Change, ...]) -> str:
    """Changes as git writes them."""
    letters = {each.path: "A" if not each.before else "D" if not each.after else "M" for each in found}
    letters |= {
        each.path: "T" for each in found if each.before and each.after and each.before[:3] != each.after[:3]
    }
    zero = "0" * 6
    return "".join(
        f":{each.before or zero} {each.after or zero} {each.was} {each.oid} {letters[each.path]}\0{each.path}\0"
        for each in found
    )


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
        for old, new in pairwise(commits[:5]):
            assert lines_of(changes(repository, old, new)) == checkout.git(*RAW, old, new)


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


def test_files_on_the_way_are_those_in_folders_that_differ(checkout, repository):
    """The top always; a folder that is the same in all trees is not looked at, nor a link of that name."""
    texts = {f"{folder}/.gitattributes": f"{folder}\n" for folder in ("same", "x", "x/y", "z")}
    (checkout.path / "linked").mkdir()
    (checkout.path / "linked" / ".gitattributes").symlink_to("elsewhere")
    one = checkout.commit(
        "one", **texts, **{".gitattributes": "top\n", "x/y/file": "1\n", "linked/file": "1\n"}
    )
    two = checkout.commit("two", **{"x/y/file": "2\n", "linked/file": "2\n", "z/.gitattributes": "other\n"})
    trees = [repository.objects.tree(each) for each in (one, two)]
    for tree, files in zip(
        (one, two), files_on_the_way(repository.objects, trees, ".gitattributes"), strict=True
    ):
        assert list(files) == [".gitattributes", "x/.gitattributes", "z/.gitattributes", "x/y/.gitattributes"]
        assert all(oid == checkout.tip(f"{tree}:{path}") for path, oid in files.items())
    same = files_on_the_way(repository.objects, trees[:1] * 2, ".gitattributes")
    assert [list(files) for files in same] == [[".gitattributes"]] * 2

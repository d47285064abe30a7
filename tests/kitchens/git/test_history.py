"""How far apart commits are, and what changed between them."""

from __future__ import annotations

import random

import pytest

from kitchens.git.history import (
    ahead_behind,
    diff_names,
    first_parents,
    is_ancestor,
    merge_base,
    objects_of,
    since,
)


def random_history(checkout, commits: int, luck: int) -> list[str]:
    """Commits with one or two earlier ones as parents, some without; by plumbing alone."""
    chance = random.Random(luck)
    tree = checkout.tip("HEAD^{tree}")
    made: list[str] = []
    for number in range(commits):
        earlier = chance.sample(made, min(len(made), chance.choice((0, 1, 1, 1, 2))))
        parents = [word for parent in earlier for word in ("-p", parent)]
        made.append(checkout.git("commit-tree", "-m", str(number), *parents, tree))
    return made


@pytest.mark.parametrize("luck", range(3))
def test_ahead_and_behind_are_what_git_counts(checkout, repository, luck):
    """In any history, the counts are those of `rev-list --left-right --count`."""
    made = random_history(checkout, 25, luck)
    chance = random.Random(luck)
    pairs = [(chance.choice(made), chance.choice(made)) for _ in range(30)]
    expected = [
        tuple(map(int, checkout.git("rev-list", "--left-right", "--count", f"{tip}...{base}").split()))
        for tip, base in pairs
    ]
    assert ahead_behind(repository, pairs) == expected


def test_many_pairs_need_two_processes(checkout, repository):
    """The number of git processes does not grow with the number of pairs."""
    base = checkout.tip()
    tips = [checkout.commit(str(number)) for number in range(10)]
    before = repository.git.tally.calls
    assert ahead_behind(repository, [(tip, base) for tip in tips]) == [(n + 1, 0) for n in range(10)]
    assert repository.git.tally.calls - before == 2
    assert ahead_behind(repository, []) == []
    assert ahead_behind(repository, [(base, base)]) == [(0, 0)]


def test_ancestors(checkout, repository):
    """Who contains whom, and where two lines part."""
    old = checkout.tip()
    new = checkout.commit("next")
    lone = checkout.git("commit-tree", "-m", "lone", "HEAD^{tree}")
    assert is_ancestor(repository, old, new)
    assert is_ancestor(repository, old, old)
    assert not is_ancestor(repository, new, old)
    assert merge_base(repository, new, old) == old
    assert merge_base(repository, new, lone) is None
    assert first_parents(repository, new) == [new, old]
    assert first_parents(repository, new, old) == [new]
    assert first_parents(repository, old, old) == []


def test_what_changed(checkout, repository):
    """Added, modified, deleted, renamed and changed types are told apart, whatever the user configured."""
    old = checkout.tip()
    checkout.git("config", "diff.renames", "false")
    checkout.git("mv", "lines.txt", "moved\nlines.txt")
    checkout.write("README.md", "# new\n")
    checkout.write("added", "")
    (checkout.path / "recipes/delays/clean.sql").unlink()
    (checkout.path / "recipes/delays/recipe.toml").unlink()
    (checkout.path / "recipes/delays/recipe.toml").symlink_to("../../README.md")
    new = checkout.commit()
    assert set(diff_names(repository, old, new)) == {
        ("moved\nlines.txt", "R", "lines.txt"),
        ("README.md", "M", None),
        ("added", "A", None),
        ("recipes/delays/clean.sql", "D", None),
        ("recipes/delays/recipe.toml", "T", None),
    }


def test_grafts_are_not_followed(checkout, repository):
    """A commit has the parents that it says, for git's own walks too; a graft would hide what came before it."""
    first = checkout.tip()
    second, third = (checkout.commit(name) for name in ("second", "third"))
    checkout.write(".git/info/grafts", f"{third}\n")
    assert since(repository, third, first) == [third, second]
    assert first_parents(repository, third, first) == [third, second]


def test_replacements_are_not_followed(checkout, repository):
    """What git shows everybody else under a commit's id is not what was committed."""
    first, tree = checkout.tip(), checkout.tip("HEAD^{tree}")
    second = checkout.commit("second", a="1\n")
    checkout.git("replace", first, second)
    assert checkout.git("rev-parse", f"{first}^{{tree}}") != tree
    assert repository.git.run("rev-parse", f"{first}^{{tree}}").text == tree
    assert repository.objects.commit(first).tree == tree
    assert diff_names(repository, first, second) == [("a", "A", None)]


def test_objects_have_any_name(checkout, repository):
    """Each is listed once by its id, whatever ends a line in other places."""
    names = ["a\u2028b", "form\ffeed", "new\nline", "next\x85line", "two words"]
    base = checkout.tip()
    tip = checkout.commit("odd", **{name: name for name in names})
    found = objects_of(repository, [tip], base)
    blobs = [checkout.git("rev-parse", f"{tip}:{name}") for name in names]
    assert set(found) == {tip, checkout.tip(f"{tip}^{{tree}}"), *blobs}

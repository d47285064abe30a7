"""A landing that only edits files changes the index in place, and git finds in it what it would have written."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from kitchens.git.moving.landing import carry_out, plan_landing
from kitchens.git.repository import open_repository

from ..conftest import Checkout

NAMES = [
    f"{folder}{name}" for folder in ("", "a/", "a/b/", "TREE/", "z\udcff/") for name in ("TREES", "x", "y")
]


def edited(checkout: Checkout, old: str, contents: dict[str, str]) -> str:
    """A commit on top of `old` with other files; the checkout is as it was."""
    for path, content in contents.items():
        checkout.write(path, content)
    new = checkout.commit("edited")
    checkout.git("reset", "-q", "--hard", old)
    return new


def land(repository, old: str, new: str) -> int:
    """Land, and count the git processes that it took."""
    repository.objects.resolve("HEAD")
    before = repository.git.tally.calls
    assert carry_out(plan_landing(repository, "main", old, new, at_once=True), lambda: None) == []
    return repository.git.tally.calls - before


def as_git_has_it(checkout: Checkout, commit: str) -> None:
    """Files, index, what the index knows of files and of trees: all as after `git merge --ff-only`."""
    assert checkout.tip() == commit
    # Before git refreshes anything.
    assert checkout.git("diff-files") == ""
    assert checkout.git("diff-index", "--cached", commit) == ""
    assert checkout.git("write-tree") == checkout.tip(f"{commit}^{{tree}}")
    assert (
        checkout.git("ls-files", "-s").split()
        == checkout.git("ls-tree", "-r", "--format=%(objectmode) %(objectname) 0%x09%(path)", commit).split()
    )
    assert checkout.status() == ""
    assert checkout.sound()


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_edits_of_any_files_are_landed_in_place(tmp_path: Path, environment, form: str) -> None:
    """At the top, in folders, with names that look like the index's own marks; content, and whether it can be run."""
    checkout = Checkout(tmp_path / "x", environment)
    checkout.path.mkdir()
    checkout.git("init", "-q", "-b", "main", f"--object-format={form}")
    for name in NAMES:
        checkout.write(name, f"{name!a}\n")
    tip = checkout.commit("first")
    dice = random.Random(form)
    with open_repository(checkout.path, environment) as repository:
        for turn in range(6):
            chosen = dice.sample(NAMES, dice.randint(1, 6))
            (checkout.path / chosen[0]).chmod(dice.choice((0o644, 0o755)))
            new = edited(checkout, tip, {name: f"{turn}\n" * dice.randint(1, 3) for name in chosen})
            age = (checkout.path / ".git" / "index").stat().st_mtime_ns
            # The files, and the branch.
            assert land(repository, tip, new) == 2
            assert (checkout.path / ".git" / "index").stat().st_mtime_ns == age
            as_git_has_it(checkout, new)
            tip = new


@pytest.mark.parametrize("odd", ["version 4", "in parts", "untracked cache", "no trees", "added"])
def test_an_index_that_is_not_plain_is_gits(checkout: Checkout, repository, odd: str) -> None:
    """Another version, another file in the way of a name, parts that are not there: the outcome is the same."""
    checkout.commit("more", **{"a/x": "1\n", "a/y": "1\n"})
    match odd:
        case "version 4":
            checkout.git("update-index", "--index-version", "4")
        case "in parts":
            checkout.git("update-index", "--split-index")
        case "untracked cache":
            checkout.git("update-index", "--untracked-cache")
            checkout.status()
    old = checkout.tip()
    new = edited(checkout, old, {"a/x": "2\n"} | ({"new/x": "3\n"} if odd == "added" else {}))
    if odd == "no trees":
        (checkout.path / ".git" / "index").unlink()
        checkout.git("read-tree", "--reset", "-i", f"{old}~1")
        checkout.git("add", "--all")
    land(repository, old, new)
    as_git_has_it(checkout, new)


def test_what_its_user_staged_beside_stays_staged(checkout: Checkout, repository) -> None:
    """The trees that the index knew are forgotten where they are not the commit's."""
    old = checkout.commit("more", **{"a/x": "1\n", "a/y": "1\n", "b/z": "1\n"})
    new = edited(checkout, old, {"a/x": "2\n"})
    checkout.write("a/y", "mine\n")
    checkout.git("add", "a/y")
    staged = checkout.git("write-tree")
    land(repository, old, new)
    assert checkout.status() == "M  a/y"
    assert checkout.git("diff", "--cached", "--name-only") == "a/y"
    assert checkout.git("write-tree") not in (staged, checkout.tip(f"{new}^{{tree}}"))
    assert checkout.git("show", ":a/x") == "2"


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_a_file_that_git_must_not_look_at_is_not_taken_for_plain(
    checkout: Checkout, repository, flag: str
) -> None:
    """Its flag stays, as with git."""
    old = checkout.commit("more", **{"a/x": "1\n"})
    new = edited(checkout, old, {"a/x": "2\n"})
    checkout.git("update-index", flag, "a/x")
    land(repository, old, new)
    assert checkout.git("show", ":a/x") == "2"
    assert checkout.tip() == new

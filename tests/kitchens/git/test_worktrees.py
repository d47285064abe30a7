"""Worktrees are there whole or not at all, and nobody's files are touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kitchens.git.checkouts.folders import remove_folder
from kitchens.git.checkouts.worktrees import add, checkouts, clear, dirty, ensure, remove, worktrees
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

from ..conftest import Checkout
from ..crash import every_step, killed_after, together


@pytest.fixture
def place(checkout: Checkout) -> Path:
    """Where the kitchen's worktree shall be; its branch `x` exists."""
    checkout.git("branch", "x")
    return checkout.path.parent / "flights.kitchens" / "x"


def test_a_worktree_is_made_and_found(checkout, repository, place):
    """The worktree has the branch's files, is clean, and leaves nothing beside."""
    assert ensure(repository, place, "x") == place
    here = Checkout(place, checkout.environment)
    assert here.status() == ""
    assert here.git("branch", "--show-current") == "x"
    assert os.listdir(place.parent) == ["x"]
    assert [(each.path, each.branch) for each in worktrees(repository)] == [
        (checkout.path, "main"),
        (place, "x"),
    ]
    assert ensure(repository, place, "x") == place


def test_checkouts_are_found_without_a_process(checkout, repository, place):
    """Branches, detached ones, locked ones, one in the middle of a rebase, one whose folder is gone: as git lists
    them."""
    ensure(repository, place, "x")
    for number, words in enumerate((["--detach"], ["--lock", "-b", "y/z"], ["-b", "gone"], ["-b", "busy"])):
        checkout.git("worktree", "add", "-q", *words, place.with_name(f"w{number}"))
    remove_folder(place.with_name("w2"))
    busy = Checkout(place.with_name("w3"), checkout.environment)
    busy.commit("edit", new="1\n")
    busy.git("rebase", "--force-rebase", "--exec", "false", "HEAD~1", status=(1,))
    (checkout.path / ".git" / "worktrees" / "half").mkdir()
    before = repository.git.tally.calls
    found = checkouts(repository)
    assert repository.git.tally.calls == before
    assert sorted(found[1:]) == sorted((one.path, one.branch) for one in worktrees(repository)[1:])
    assert found[0] == (checkout.path, "main")
    (checkout.path / ".git" / "HEAD").unlink()
    (checkout.path / ".git" / "HEAD").symlink_to("refs/heads/main")
    assert checkouts(repository)[0] == (checkout.path, "main")


def test_a_branch_that_is_checked_out_keeps_its_place(checkout, repository, tmp_path, place):
    """A branch has one checkout: the one that is there is the answer."""
    assert ensure(repository, tmp_path / "other", "main") == checkout.path
    checkout.git("worktree", "add", "-q", tmp_path / "mine", "x")
    assert ensure(repository, place, "x") == tmp_path / "mine"


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_in_the_way_stays(checkout, repository, place, kind):
    """A file, a folder with something in it or a link at the place is refused and left alone."""
    place.parent.mkdir()
    match kind:
        case "file":
            place.write_text("mine")
        case "folder":
            place.mkdir()
            (place / "note").write_text("mine")
        case "link":
            place.symlink_to("nowhere")
    with pytest.raises(InvalidInput, match="in the way"):
        ensure(repository, place, "x")
    assert kind != "folder" or (place / "note").read_text() == "mine"
    assert os.listdir(place.parent) == ["x"]
    assert len(worktrees(repository)) == 1


def test_an_empty_folder_is_not_in_the_way(repository, place):
    """An empty folder may become the worktree."""
    place.mkdir(parents=True)
    assert ensure(repository, place, "x") == place


def test_killed_while_making(checkout, repository, place):
    """Killed at any step, the next call finds or makes the whole worktree and leaves nothing beside."""
    steps = 0
    for steps in every_step(lambda: ensure(repository, place, "x")):
        checkout.git("fsck", "--strict", "--no-dangling", "--no-progress")
        assert not place.exists() or Checkout(place, checkout.environment).status() == ""
        assert ensure(repository, place, "x") == place
        assert Checkout(place, checkout.environment).status() == ""
        assert os.listdir(place.parent) == ["x"]
        assert len(worktrees(repository)) == 2
        assert list(repository.claims.glob("*.claim")) == []
        assert checkout.git("worktree", "prune", "--dry-run", "--verbose") == ""
        remove(repository, place)
    assert steps > 5


def test_killed_while_removing(checkout, repository, place):
    """Killed at any step, the worktree is whole, or the next call removes the rest."""
    ensure(repository, place, "x")
    for _ in every_step(lambda: remove(repository, place)):
        checkout.git("fsck", "--strict", "--no-dangling", "--no-progress")
        if not place.exists():
            clear(repository)
            assert os.listdir(place.parent) == []
            assert len(worktrees(repository)) == 1
        assert ensure(repository, place, "x") == place
        assert Checkout(place, checkout.environment).status() == ""
        assert os.listdir(place.parent) == ["x"]
        assert list(repository.claims.glob("*.claim")) == []


@pytest.mark.parametrize("with_git", [True, False])
@pytest.mark.parametrize("milliseconds", range(0, 24, 3))
def test_killed_at_any_time(checkout, repository, place, milliseconds, with_git):
    """Killed at any time, with the git that it runs or without, the next call heals."""
    killed_after(milliseconds / 1000, lambda: ensure(repository, place, "x"), group=with_git)
    assert ensure(repository, place, "x") == place
    assert Checkout(place, checkout.environment).status() == ""
    assert os.listdir(place.parent) == ["x"]
    assert len(worktrees(repository)) == 2
    assert checkout.sound()


def test_a_half_made_worktree_of_gits_own_is_completed(checkout, repository, place):
    """What a killed `git worktree add` left is filled, and files that somebody put there stay.

    With its lock still there, that git may still be running.
    """
    checkout.git("worktree", "add", "-q", "--no-checkout", "--lock", "--reason=initializing", place, "x")
    (place / "README.md").write_text("mine\n")
    (place / "new").write_text("mine\n")
    lock = checkout.write(".git/worktrees/x/index.lock", "")
    with pytest.raises(EnvironmentFailure, match="still running"):
        ensure(repository, place, "x")
    lock.unlink()
    assert ensure(repository, place, "x") == place
    here = Checkout(place, checkout.environment)
    assert here.status().split() == ["M", "README.md", "??", "new"]
    assert (place / "README.md").read_text() == "mine\n"
    assert worktrees(repository)[1].locked is None


def test_a_worktree_whose_folder_is_gone_is_made_again(checkout, repository, place):
    """`rm -rf` of the folder is undone by the next call."""
    ensure(repository, place, "x")
    remove_folder(place)
    assert ensure(repository, place, "x") == place
    assert Checkout(place, checkout.environment).status() == ""


def test_a_locked_worktree_on_a_disk_that_is_not_here_stays(checkout, repository, place):
    """A worktree that its owner locked is not forgotten when its folder is not there."""
    checkout.git("worktree", "add", "-q", "--lock", "--reason=usb", place, "x")
    remove_folder(place)
    with pytest.raises(InvalidInput, match="locked"):
        ensure(repository, place, "x")
    assert worktrees(repository)[1].locked == "usb"


def test_another_branch_in_the_worktree_is_said(checkout, repository, place):
    """Somebody switched the worktree to another branch: it is theirs until they switch back."""
    ensure(repository, place, "x")
    Checkout(place, checkout.environment).git("switch", "-q", "-c", "y")
    with pytest.raises(InvalidInput, match="has `y` checked out"):
        ensure(repository, place, "x")


def test_several_at_once_make_one(checkout, repository, place):
    """Processes that want the same worktree at once get the same one."""
    assert together(3, lambda _: ensure(repository, place, "x")) == [0, 0, 0]
    assert os.listdir(place.parent) == ["x"]
    assert len(worktrees(repository)) == 2


def test_remove_takes_only_what_is_ours(checkout, repository, place):
    """A linked worktree goes with its record; the main checkout and foreign folders are refused."""
    ensure(repository, place, "x")
    place.joinpath("new").write_text("unsaved")
    remove(repository, place)
    assert not place.exists()
    assert len(worktrees(repository)) == 1
    remove(repository, place)
    place.mkdir()
    for path in (place, checkout.path):
        with pytest.raises(InvalidInput, match="not a worktree"):
            remove(repository, path)
        assert path.exists()


def test_dirty_tells_tracked_from_untracked(checkout, repository):
    """Edited, staged and deleted files are modified, new ones untracked, ignored ones neither."""
    assert dirty(repository, checkout.path) == ((), ())
    checkout.write("README.md", "edited")
    checkout.write("staged", "x")
    checkout.git("add", "staged")
    (checkout.path / "lines.txt").unlink()
    checkout.write("odd\nname", "x")
    checkout.write("folder/a", "x")
    checkout.write(".git/info/exclude", "ignored\n")
    checkout.write("ignored", "x")
    modified, untracked = dirty(repository, checkout.path)
    assert set(modified) == {"README.md", "staged", "lines.txt"}
    assert set(untracked) == {"odd\nname", "folder/"}


def test_a_branch_that_is_not_there(repository, place):
    """A branch that does not exist is said before anything is made."""
    with pytest.raises(InvalidInput, match="no branch `nothing`"):
        add(repository, place, "nothing")
    assert not place.parent.exists()

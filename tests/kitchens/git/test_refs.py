"""Refs move by compare-and-swap only."""

from __future__ import annotations

import os
import time

import pytest

from kitchens.git.claims import claim
from kitchens.git.ref_files import FEW
from kitchens.git.refs import Moved
from kitchens_engine.errors import EnvironmentFailure, InvalidInput


def test_a_ref_moves_from_where_it_was(checkout, repository):
    """A move names where the ref was; anything else raises and changes nothing."""
    old = checkout.tip()
    new = checkout.commit("next")
    repository.refs.move("refs/kitchens/x", old, None, "made")
    repository.refs.move("refs/kitchens/x", new, old, "moved")
    before = checkout.refs()
    for expected in (old, None):
        with pytest.raises(Moved) as caught:
            repository.refs.move("refs/kitchens/x", old, expected, "late")
        assert caught.value.found == new
    assert checkout.refs() == before


def test_a_ref_goes_whose_object_is_gone(checkout, repository):
    """As after `git gc --prune=now` beside a gate; git calls the repository damaged until then."""
    gone = checkout.git("commit-tree", "-m", "gone", checkout.tip("HEAD^{tree}"))
    repository.refs.move("refs/candidates/x", gone, None, "made")
    checkout.path.joinpath(".git/objects", gone[:2], gone[2:]).unlink()
    repository.refs.drop("refs/candidates/x")
    assert not checkout.path.joinpath(".git/refs/candidates/x").exists()
    checkout.git("fsck", "--connectivity-only")


def test_a_ref_is_deleted_from_where_it_was(checkout, repository):
    """A deletion is a compare-and-swap too."""
    old = checkout.tip()
    new = checkout.commit("next")
    repository.refs.move("refs/heads/x", new, None, "made")
    with pytest.raises(Moved):
        repository.refs.delete("refs/heads/x", old)
    repository.refs.delete("refs/heads/x", new)
    assert repository.refs.branch("x") is None
    with pytest.raises(Moved):
        repository.refs.delete("refs/heads/x", new)


def test_names_are_exact(checkout, repository):
    """A tag that is called like a branch is not that branch."""
    checkout.git("update-ref", "refs/tags/refs/heads/x", "HEAD")
    assert repository.refs.branch("x") is None
    repository.refs.move("refs/heads/x", checkout.tip(), None, "made")
    assert repository.refs.branch("x") == checkout.tip()


def test_refs_by_prefix(checkout, repository):
    """All refs below a prefix come with their ids."""
    for name in ("a", "b/c"):
        repository.refs.move(f"refs/kitchens/{name}", checkout.tip(), None, "made")
    assert list(repository.refs.refs("refs/kitchens/")) == ["refs/kitchens/a", "refs/kitchens/b/c"]
    assert repository.refs.refs("refs/nothing/") == {}


def git_says(checkout) -> dict[str, str]:
    """The branches and kitchens, as git lists them."""
    listed = checkout.git(
        "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/", "refs/kitchens/"
    )
    return dict(line.split(" ") for line in listed.split("\n"))


def test_refs_are_listed_without_a_process(checkout, repository):
    """Loose ones, packed ones, and those that moved after they were packed."""
    for name in ("heads/a", "heads/b/c.d", "kitchens/main", "kitchens/b/c.d", "tags/no"):
        checkout.git("update-ref", f"refs/{name}", "HEAD")
    checkout.git("pack-refs", "--all")
    checkout.commit("next")
    checkout.git("update-ref", "refs/heads/new/deep/x", "HEAD")
    checkout.git("update-ref", "-d", "refs/heads/a")
    before = repository.git.tally.calls
    found = repository.refs.refs("refs/heads/", "refs/kitchens/")
    assert repository.git.tally.calls == before
    assert list(found.items()) == list(git_says(checkout).items())


@pytest.mark.parametrize("odd", ["symbolic", "name", "cut off", "many", "linked"])
def test_what_is_odd_among_refs_git_judges(checkout, repository, odd):
    """A symbolic ref, a name that is none, a file that was cut off, a link, more than some: git's answer counts."""
    heads = checkout.path / ".git" / "refs" / "heads"
    match odd:
        case "symbolic":
            checkout.git("symbolic-ref", "refs/heads/also", "refs/heads/main")
        case "name":
            (heads / "x~").write_text(checkout.tip() + "\n")
        case "cut off":
            (heads / "x").write_text(checkout.tip()[:12])
        case "linked":
            (heads / "x").symlink_to("main")
        case "many":
            for number in range(FEW + 1):
                checkout.write(f".git/refs/heads/k{number}", checkout.tip() + "\n")
    assert repository.refs.refs("refs/heads/", "refs/kitchens/") == git_says(checkout)


@pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a/b", "a")])
def test_a_file_and_a_folder_of_one_name(checkout, repository, first, second):
    """`a` and `a/b` cannot both be refs, and the answer names the other."""
    repository.refs.move(f"refs/heads/{first}", checkout.tip(), None, "made")
    with pytest.raises(InvalidInput, match=f"beside `refs/heads/{first}`"):
        repository.refs.move(f"refs/heads/{second}", checkout.tip(), None, "made")


def test_several_at_once(checkout, repository):
    """Several changes are all refused when one is out of date."""
    tip = checkout.tip()
    repository.refs.update({"refs/k/a": (tip, None), "refs/k/b": (tip, None)}, "made")
    with pytest.raises(Moved):
        repository.refs.update({"refs/k/a": (None, tip), "refs/k/c": (tip, tip)}, "late")
    repository.refs.update({"refs/k/a": (None, tip), "refs/k/c": (tip, None)}, "again")
    assert list(repository.refs.refs("refs/k/")) == ["refs/k/b", "refs/k/c"]


def test_a_lock_of_somebody_else_is_reported(checkout, repository, monkeypatch):
    """A lock that is not ours stays, and the message names it."""
    monkeypatch.setattr("kitchens.git.refs.PATIENCE", 0.2)
    lock = checkout.write(".git/refs/heads/main.lock", "")
    with pytest.raises(EnvironmentFailure, match=r"main\.lock"):
        repository.refs.move(
            "refs/heads/main", checkout.git("commit-tree", "-m", "x", "HEAD^{tree}"), checkout.tip(), "test"
        )
    assert lock.exists()


def test_a_lock_that_a_dead_process_of_ours_left_is_removed(checkout, repository):
    """A lock that was written down first goes with its dead owner, and the move succeeds."""
    ref, tip = "refs/heads/x", checkout.tip()
    child = os.fork()
    if child == 0:
        lock = repository.common / f"{ref}.lock"
        claim(repository.claims, "ref", files=[str(lock)])
        lock.write_bytes(b"")
        os._exit(0)
    os.waitpid(child, 0)
    assert (repository.common / f"{ref}.lock").exists()
    repository.refs.move(ref, tip, None, "after")
    assert repository.refs.branch("x") == tip
    assert os.listdir(repository.claims) == []


def test_a_lock_under_a_living_claim_stays(checkout, repository, monkeypatch):
    """While its owner lives, a claimed lock is somebody else's."""
    monkeypatch.setattr("kitchens.git.refs.PATIENCE", 0.2)
    lock = repository.common / "refs/heads/x.lock"
    held = claim(repository.claims, "ref", files=[str(lock)])
    lock.write_bytes(b"")
    time.sleep(0.1)
    with pytest.raises(EnvironmentFailure):
        repository.refs.move("refs/heads/x", checkout.tip(), None, "test")
    assert lock.exists()
    held.release()

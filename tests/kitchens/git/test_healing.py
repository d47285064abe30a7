"""What dead processes left: temporary folders and refs go, a deletion that was cut off is finished."""

from __future__ import annotations

import os

from kitchens.git.checkouts.worktrees import ensure, worktrees
from kitchens.git.claims import claim
from kitchens.git.moving.deletion import deletion
from kitchens.git.moving.healing import TEMPORARY, heal
from tests.kitchens.crash import every_step, together


def test_what_a_dead_process_kept_for_itself_is_removed(checkout, repository):
    """A gate's folder and a candidate's ref, each named by a claim."""
    folder = repository.common / "kitchens" / "gates" / "one"

    def left(_):
        folder.mkdir(parents=True)
        claim(repository.claims, TEMPORARY, folder=str(folder))
        claim(repository.claims, TEMPORARY, ref="refs/candidates/one")
        repository.refs.move("refs/candidates/one", checkout.tip(), None, "test")

    assert together(1, left) == [0]
    heal(repository)

    assert not folder.exists()
    assert repository.refs.read("refs/candidates/one") is None
    assert list(repository.claims.glob("*.claim")) == []


def test_what_a_living_process_keeps_for_itself_stays(repository, tmp_path):
    """Its gate goes on."""
    folder = tmp_path / "gate"
    folder.mkdir()
    held = claim(repository.claims, TEMPORARY, folder=str(folder))

    heal(repository)

    assert folder.is_dir()
    held.release()


def test_a_deletion_that_is_cut_off_anywhere_is_finished_once_the_branch_is_gone(
    checkout, repository, tmp_path
):
    """Before that, everything stays."""
    place, data = tmp_path / "house" / "flights.kitchens" / "x", tmp_path / "data"
    tip = checkout.tip()

    def delete():
        with deletion(repository, "x", ref="refs/kitchens/x", worktree=place, folders=[data]):
            repository.refs.delete("refs/heads/x", tip)

    def made():
        for ref in ("refs/heads/x", "refs/kitchens/x"):
            if repository.refs.read(ref) is None:
                repository.refs.move(ref, tip, None, "test")
        ensure(repository, place, "x")
        data.mkdir(exist_ok=True)
        (data / "rows").write_text("1")

    made()
    for _ in every_step(delete):
        heal(repository)
        there = repository.refs.branch("x") is not None
        assert (data / "rows").exists() == place.exists() == there
        assert (repository.refs.read("refs/kitchens/x") is not None) == there
        assert len(worktrees(repository)) == 1 + there
        assert list(repository.claims.glob("*.claim")) == []
        made()
    assert not place.exists()


def test_who_did_not_delete_the_branch_removes_nothing(checkout, repository, tmp_path):
    """Of several who delete at once, one does; what the others then see is somebody else's."""
    tip = checkout.tip()
    repository.refs.move("refs/heads/x", tip, None, "test")

    def delete(_):
        with deletion(repository, "x", ref="refs/kitchens/x", worktree=None, folders=[tmp_path / "none"]):
            repository.refs.delete("refs/heads/x", tip)

    assert sorted(together(4, delete)) == [0, 1, 1, 1]
    assert [name for name in os.listdir(repository.claims) if name.endswith(".claim")] == []

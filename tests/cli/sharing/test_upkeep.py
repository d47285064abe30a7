"""`repair` in a clone leaves alone what others have."""

from __future__ import annotations

from tests.cli.sharing.conftest import Team, change


def test_repair_takes_nothing_that_others_have(team: Team) -> None:
    """A registration without a branch is usual in a clone; a kitchen that others deleted is not registered anew."""
    bob = team.clone("bob")
    change(team.ada, "idea")
    bob.json("sync")
    bob.git("worktree", "remove", "--force", str(bob.path("dev")))
    bob.git("update-ref", "-d", "refs/heads/dev")
    before = bob.refs()
    assert {one["did"] for one in bob.json("repair")["findings"]} <= {"kept"}
    assert bob.refs() == before
    there = team.refs()
    team.ada.json("repair")
    assert team.refs() == there

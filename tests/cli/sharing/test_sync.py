"""`kitchen sync` brings a clone and the remote together, and `kitchen init` in a clone joins."""

from __future__ import annotations

import os
from typing import Any

from tests.cli.sharing.conftest import Team, change


def told(document: dict[str, Any], key: str) -> set[tuple[str, str | None]]:
    """What came or went, and of what."""
    return {(one["what"], one["name"]) for one in document[key]}


def test_what_is_ours_goes_and_what_is_theirs_comes_once(team: Team) -> None:
    """Branches, registrations and attestations, each told; the second time there is nothing to do."""
    bob = team.clone("bob")
    change(bob, "one")
    bob.json("test", "one", "--all")
    team.ada.commit("plain.txt", "plain\n", "dev")
    went = told(team.ada.json("sync"), "went")
    assert went == {("branch", "dev")}
    document = bob.json("sync")
    assert (document["remote"], document["status"]) == ("origin", "synced")
    assert told(document, "came") == {("branch", "dev")}
    assert told(document, "went") == {("branch", "one"), ("attestations", None)}
    assert (bob.path("dev") / "plain.txt").exists()
    again = bob.json("sync")
    assert (again["came"], again["went"], again["left"]) == ([], [], [])
    assert "nothing to do" in bob.kitchen("sync").out


def test_a_clone_joins_and_changes_no_setting(team: Team) -> None:
    """Before, `list` says how; afterwards the permanent kitchens are kitchens, and git's configuration is as it was."""
    bob = team.clone("bob", join=False)
    answer = bob.kitchen("list")
    assert answer.status == 0
    assert "this clone has not joined the kitchens at `origin`: `kitchen init` fetches them" in answer.err
    before = (bob.folder / ".git" / "config").read_bytes()
    document = bob.json("init")
    assert (document["joined"], document["added"]) == ("origin", [])
    assert (bob.folder / ".git" / "config").read_bytes() == before
    assert [row["name"] for row in bob.json("list")] == ["production", "dev"]
    assert bob.git("rev-parse", "refs/kitchens/dev") == team.at_hub("rev-parse", "refs/kitchens/dev")
    assert bob.json("verify")["status"] != "broken"


def test_what_was_written_on_both_sides_is_folded(team: Team) -> None:
    """Settings of one kitchen and attestations, made without the remote: none of it is lost on either side."""
    bob = team.clone("bob")
    gone = team.top / "gone"
    team.hub.rename(gone)
    answer = team.ada.kitchen("set", "dev", "top=5")
    assert answer.status == 0
    assert "not shared yet: `origin` cannot be reached" in answer.err
    bob.kitchen("set", "production", "top=6")
    bob.kitchen("test", "dev", "--all")
    team.ada.kitchen("test", "dev", "--all")
    gone.rename(team.hub)
    listed = ("ls-tree", "-r", "--name-only", "refs/attestations/gate")
    made = [set(desk.git(*listed).splitlines()) for desk in (team.ada, bob)]
    assert made[0].isdisjoint(made[1])
    for desk in (team.ada, bob, team.ada):
        assert desk.json("sync")["left"] == []
    for desk in (team.ada, bob):
        assert desk.json("settings", "dev")["settings"] == {"top": 5}
        assert desk.json("settings", "production")["settings"] == {"top": 6}
        for ref in ("kitchens/dev", "kitchens/production", "attestations/gate"):
            assert desk.git("rev-parse", f"refs/{ref}") == team.at_hub("rev-parse", f"refs/{ref}")
    assert set(team.at_hub(*listed).splitlines()) == made[0] | made[1]


def test_commits_on_both_sides_are_left_to_their_user(team: Team) -> None:
    """Exit 3, with what settles it; nothing of the kitchen moves, everything else does."""
    bob = team.clone("bob")
    team.ada.commit("ada.txt", "ada\n", "dev")
    team.ada.json("sync")
    here = bob.commit("bob.txt", "bob\n", "dev")
    document = bob.json("sync", status=3)
    assert [(one["kitchen"], one["status"]) for one in document["left"]] == [("dev", "diverged")]
    assert bob.tip("dev") == here
    bob.git("merge", "--quiet", "refs/kitchens-remote/origin/heads/dev", folder=bob.path("dev"))
    assert told(bob.json("sync"), "went") == {("branch", "dev")}


def test_a_deletion_travels_and_takes_no_work(team: Team) -> None:
    """What nobody changed since goes at the remote; in other clones the branch stays, and is no kitchen any more."""
    bob = team.clone("bob")
    team.ada.json("create", "one", "--from", "dev", "--no-test")
    bob.git("branch", "one", "origin/dev")
    bob.json("sync")
    assert "one" in [row["name"] for row in bob.json("list")]
    team.hub.rename(team.top / "gone")
    answer = team.ada.kitchen("delete", "one")
    (team.top / "gone").rename(team.hub)
    assert (answer.status, "not shared yet" in answer.err) == (0, True)
    assert told(team.ada.json("sync"), "went") == {("deletion", "one")}
    assert "refs/kitchens/one" not in team.refs()
    assert "refs/heads/one" not in team.refs()
    assert ("deletion", "one") in told(bob.json("sync"), "came")
    assert "one" not in [row["name"] for row in bob.json("list")]
    assert bob.tip("one")


def test_a_name_may_become_a_folder_of_names(team: Team) -> None:
    """Git has no `x` beside `x/y`: what is gone at the remote is in nobody's way, not even as a tracking branch."""
    team.ada.json("create", "x", "--from", "dev", "--no-test")
    bob = team.clone("bob")
    team.ada.json("delete", "x")
    team.ada.json("create", "x/y", "--from", "dev", "--no-test")
    assert bob.json("sync")["left"] == []
    assert bob.git("rev-parse", "refs/kitchens-remote/origin/heads/x/y") == team.tip("x/y")


def test_a_name_that_others_use_is_taken(team: Team) -> None:
    """A sandbox of somebody else is not made a second time; whoever wants to adopt it hears what brings it here."""
    bob = team.clone("bob")
    bob.json("create", "one", "--from", "dev", "--no-test")
    answer = team.ada.kitchen("create", "one", "--from", "dev")
    assert answer.status == 2
    assert "`one` exists already at `origin`" in answer.err
    error = team.ada.json("create", "one", "--adopt", status=2)["error"]
    assert error["hint"].startswith("`git branch one refs/kitchens-remote/origin/heads/one`")


def test_a_clone_of_a_repository_whose_head_names_another_branch_joins(team: Team) -> None:
    """A new bare repository says `main`; git checks nothing out then, and joining does."""
    team.at_hub("symbolic-ref", "HEAD", "refs/heads/main")
    bob = team.clone("bob", join=False)

    answer = bob.kitchen("init")

    assert (answer.status, "joined" in answer.out) == (0, True), answer
    assert bob.git("symbolic-ref", "--short", "HEAD") == "production"
    assert (bob.folder / "kitchens.toml").exists()
    assert bob.git("status", "--porcelain") == ""
    assert [one["name"] for one in bob.json("list")] == ["production", "dev"]


def test_a_remote_may_be_a_relative_path(team: Team) -> None:
    """It begins where git begins it: at the top of the checkout, wherever one types."""
    hub = os.path.relpath(team.hub, team.ada.folder)
    team.ada.git("remote", "set-url", "origin", hub)

    answer = team.ada.kitchen("sync", folder=team.ada.folder / "recipes")

    assert answer.status == 0, answer.err


def test_a_remote_that_is_gone_is_told(team: Team) -> None:
    """One sentence and exit 5; nothing has changed."""
    before = team.ada.refs()
    team.hub.rename(team.top / "gone")
    answer = team.ada.kitchen("sync")
    assert answer.status == 5
    assert answer.err.count("\n") == 2
    assert team.ada.refs() == before

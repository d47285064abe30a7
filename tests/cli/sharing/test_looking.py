"""A preview where the cookbook names a remote: what a merge would find there, and nothing here moves."""

from __future__ import annotations

from tests.cli.sharing.conftest import Team, change


def moved(desk) -> str:
    """Branches, kitchens and checkouts: what a look must leave as it is."""
    return desk.git("for-each-ref", "refs/heads/", "refs/kitchens/") + desk.git(
        "status", "--porcelain", folder=desk.path("dev")
    )


def test_a_preview_shows_the_merge_on_top_of_what_others_landed(team: Team) -> None:
    """Their files in the way, their settings and their verdicts; no branch or checkout here comes along."""
    bob = team.clone("bob")
    change(team.ada, "one", top=5)
    change(bob, "two", top=6)
    change(bob, "same", top=5)
    assert bob.json("preview", "two")["conflicts"] == []
    team.ada.json("merge", "one")
    before = moved(bob)

    document = bob.json("preview", "two", status=3)
    assert [one["path"] for one in document["conflicts"]] == ["recipes/counts/recipe.toml"]
    same = bob.json("preview", "same")
    assert [one["path"] for one in same["files"]] == ["same.txt"]
    assert not any(one["gated"] for one in same["recipes"])
    rows = {row["kitchen"]: row for row in bob.json("preview", "--all", "--into", "dev")}
    assert (len(rows["two"]["conflicts"]), len(rows["same"]["conflicts"])) == (1, 0)
    assert moved(bob) == before
    assert bob.json("merge", "same")["gate"]["recipes"] == []


def test_a_preview_goes_by_the_settings_that_are_there(team: Team) -> None:
    """What somebody set for the target meanwhile decides what must be run."""
    bob = team.clone("bob")
    change(bob, "two", top=6)
    bob.json("test", "two")
    assert [one["gated"] for one in bob.json("preview", "two")["recipes"]] == [False]
    team.ada.json("set", "dev", "top=9")
    assert [one["gated"] for one in bob.json("preview", "two")["recipes"]] == [True]


def test_without_the_remote_a_preview_shows_what_is_here(team: Team) -> None:
    """And says so; so it does where commits of the target's are only here."""
    bob = team.clone("bob")
    change(bob, "two")
    team.hub.rename(team.top / "gone")
    answer = bob.kitchen("preview", "two")
    assert (answer.status, "nothing new from others" in answer.err) == (0, True)
    (team.top / "gone").rename(team.hub)
    bob.commit("mine.txt", "mine\n", "dev")
    answer = bob.kitchen("preview", "two")
    assert (answer.status, "`kitchen sync` takes them there" in answer.err) == (0, True)

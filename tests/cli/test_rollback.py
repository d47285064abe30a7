"""An earlier tree comes back as a new commit."""

from __future__ import annotations

import os

import pytest

from kitchens.cli.run import run
from tests.cli.conftest import RECIPE, Desk
from tests.kitchens.crash import every_step


def landed(desk: Desk, *tops: int) -> list[str]:
    """Where production was at first, and after each change of `top` was promoted to it."""
    if "dev" not in desk.refs():
        desk.json("create", "dev")
    tips = [desk.tip("production")]
    for top in tops:
        desk.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", f"top = {top}"), "dev")
        desk.json("promote", "dev")
        tips.append(desk.tip("production"))
    return tips


def tree(desk: Desk, revision: str) -> str:
    """The id of a tree."""
    return desk.git("rev-parse", f"{revision}^{{tree}}")


def test_the_last_landing_is_undone_by_a_new_commit(desk: Desk) -> None:
    """The tree before it is back, in the checkout too; it was attested, so nothing runs, and it verifies."""
    first, second, third = landed(desk, 4, 5)
    document = desk.json("rollback", "production", "-m", "late rows")
    assert (document["status"], document["restored"]) == ("rolled-back", second)
    assert document["kitchen"] == document["into"] == "production"
    assert {one["status"] for one in document["gate"]["recipes"]} == {"attested"}
    assert desk.git("rev-parse", "production~1") == third
    assert tree(desk, "production") == document["tree"] == tree(desk, second)
    assert desk.git("status", "--porcelain") == ""
    assert desk.git("log", "-1", "--format=%s") == "late rows"
    assert desk.json("history", "production")[0]["status"] == "rolled-back"
    assert desk.json("verify", "production")["faults"] == []
    assert first != second


def test_rolled_back_again_it_goes_further_back(desk: Desk) -> None:
    """It never brings back what was wrong; when no landing is left, it says so."""
    first, *_ = landed(desk, 4, 5)
    desk.json("rollback", "production")
    assert desk.json("rollback", "production")["restored"] == first
    before = desk.refs()
    answer = desk.kitchen("rollback", "production")
    assert answer.status == 2
    assert "`production` has no landing left to roll back" in answer.err
    assert desk.refs() == before


def test_any_commit_of_its_history_may_come_back(desk: Desk) -> None:
    """Also what a rollback undid; the tree that is there already is nothing to do."""
    first, _, third = landed(desk, 4, 5)
    assert desk.json("rollback", "production", "--to", first[:10])["restored"] == first
    assert desk.json("rollback", "production", "--to", first)["status"] == "unchanged"
    assert desk.json("rollback", "production", "--to", third)["tree"] == tree(desk, third)
    assert desk.json("verify", "production")["faults"] == []


@pytest.mark.parametrize(
    ("to", "said"),
    [("nowhere", "there is no commit `nowhere`"), ("dev", "`dev` is not in the history of `production`")],
)
def test_a_commit_that_is_not_in_its_history_is_refused(desk: Desk, to: str, said: str) -> None:
    """It was never what this kitchen was; nothing moves."""
    landed(desk, 4)
    desk.commit("notes.txt", "x\n", "dev")
    before = desk.refs()
    answer = desk.kitchen("rollback", "production", "--to", to)
    assert answer.status == 2
    assert said in answer.err
    assert desk.refs() == before


def test_an_edited_file_in_the_way_refuses_it(desk: Desk) -> None:
    """Before any ref moves; local edits elsewhere stay."""
    landed(desk, 4)
    desk.write("recipes/counts/recipe.toml", "# mine\n")
    before = desk.refs()
    answer = desk.kitchen("rollback", "production")
    assert answer.status == 2
    assert "recipes/counts/recipe.toml" in answer.err
    assert desk.refs() == before
    desk.git("checkout", "--", "recipes")
    desk.write("README.md", "Mine.\n")
    assert desk.json("rollback", "production")["status"] == "rolled-back"
    assert (desk.folder / "README.md").read_text() == "Mine.\n"


def test_a_tree_that_does_not_pass_does_not_come_back(desk: Desk) -> None:
    """What landed by a plain commit was never attested: it is run, and red it moves nothing."""
    bad = desk.commit("recipes/counts/recipe.toml", RECIPE.replace("above = 0", "above = 9"))
    desk.commit("recipes/counts/recipe.toml", RECIPE)
    before = desk.tip("production")
    document = desk.json("rollback", "production", "--to", bad, status=1)
    assert (document["status"], document["gate"]["status"]) == ("red", "red")
    assert desk.tip("production") == before
    assert "did not pass the gate" in desk.kitchen("rollback", "production", "--to", bad).out


def test_rules_that_cannot_be_read_are_rolled_back(desk: Desk) -> None:
    """Those that were in force before let it land; whoever meets the broken ones is told so."""
    desk.json("create", "dev")
    good = desk.tip("production")
    desk.commit("kitchens.toml", "[cookbook\n")
    error = desk.json("merge", "dev", status=2)["error"]
    assert (error["file"], error["line"]) == ("kitchens.toml", 1)
    assert error["message"].startswith("at the tip of `production`, whose rules count: ")
    assert f"`kitchen rollback production --to {good[:12]}`" in error["hint"]
    assert desk.json("rollback", "production", "--to", good)["status"] == "rolled-back"
    assert desk.json("verify", "production")["faults"] == []
    assert desk.json("merge", "dev")["status"] == "unchanged"


def test_cut_after_any_step_the_next_rollback_completes_it(desk: Desk) -> None:
    """The branch is old or new; nothing half-done is in the way, and git calls the repository sound."""
    first, second = landed(desk, 4)
    registered = desk.git("rev-parse", "refs/kitchens/production")
    seen = []

    def act() -> None:
        os.chdir(desk.folder)
        assert run(["rollback", "production", "--to", first]) == 0

    for _ in every_step(act):
        moved = desk.tip("production") != second
        seen.append(moved)
        assert desk.json("rollback", "production", "--to", first)["status"] in ("rolled-back", "unchanged")
        assert tree(desk, "production") == tree(desk, first)
        assert desk.git("status", "--porcelain") == ""
        desk.git("update-ref", "refs/heads/production", second)
        desk.git("update-ref", "refs/kitchens/production", registered)
        desk.git("reset", "--quiet", "--hard")
    assert seen == sorted(seen)
    assert {True, False} == set(seen)
    desk.git("fsck", "--strict")

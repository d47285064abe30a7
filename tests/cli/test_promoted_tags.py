"""Every promotion is told by a tag that counts up."""

from __future__ import annotations

import os

from kitchens.cli.run import run
from tests.cli.conftest import RECIPE, Desk
from tests.cli.test_rollback import landed
from tests.kitchens.crash import every_step


def tags(desk: Desk) -> list[str]:
    """The tags there are."""
    return desk.git("tag", "--list", "--sort=v:refname").split()


def test_a_promotion_gets_an_annotated_tag(desk: Desk) -> None:
    """It counts up for each kitchen, and says where the kitchen was before and what was gated."""
    first, second, third = landed(desk, 4, 5)
    assert tags(desk) == ["promoted/production/1", "promoted/production/2"]
    assert desk.git("cat-file", "-t", "promoted/production/1") == "tag"
    assert [desk.git("rev-parse", f"{tag}^{{commit}}") for tag in tags(desk)] == [second, third]
    said = desk.git("cat-file", "tag", "promoted/production/1")
    assert "Promote dev to production" in said
    assert f"From: {first}" in said
    assert "Gated: counts test " in said
    desk.git("fsck", "--strict")


def test_only_what_was_promoted_is_tagged(desk: Desk) -> None:
    """A merge, a rollback, a red gate and nothing to do make none; the answer names the one that was made."""
    landed(desk, 4)
    desk.git("tag", "promoted/production/latest")
    assert "tag" not in desk.json("promote", "dev")["stages"][0]
    desk.commit("recipes/counts/recipe.toml", RECIPE.replace("above = 0", "above = 9"), "dev")
    desk.json("promote", "dev", status=1)
    desk.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 6"), "dev")
    assert desk.json("promote", "dev")["stages"][0]["tag"] == "promoted/production/2"
    desk.json("rollback", "production")
    assert tags(desk) == ["promoted/production/1", "promoted/production/2", "promoted/production/latest"]


def test_the_tag_of_a_killed_promotion_is_made_by_the_next_command(desk: Desk) -> None:
    """Cut after any step: production has moved and is tagged once, or neither."""
    first, second = landed(desk, 4)
    desk.git("tag", "--delete", "promoted/production/1")
    desk.git("update-ref", "refs/heads/production", first)
    desk.git("reset", "--quiet", "--hard")
    registered = desk.git("rev-parse", "refs/kitchens/production")
    seen = []

    def act() -> None:
        os.chdir(desk.folder)
        assert run(["promote", "dev"]) == 0

    for _ in every_step(act):
        desk.json("list")
        seen.append(desk.tip("production") == second)
        assert tags(desk) == (["promoted/production/1"] if seen[-1] else [])
        desk.git("update-ref", "refs/heads/production", first)
        desk.git("update-ref", "refs/kitchens/production", registered)
        desk.git("update-ref", "-d", "refs/tags/promoted/production/1")
        desk.git("reset", "--quiet", "--hard")
    assert seen == sorted(seen)
    assert {True, False} == set(seen)

"""The first data of a kitchen."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Desk

LOAD = """
[variables]
day = 1
[nodes.load]
run = "echo day-{{ variables.day }} > $KITCHEN_DATA/raw.txt"
"""


def data(desk: Desk, name: str) -> Path:
    """A kitchen's data folder."""
    return Path(desk.json("show", name)["data"])


def test_a_recipe_fills_the_data_before_the_gate(desk: Desk) -> None:
    """An order run in the new kitchen, under its own settings."""
    desk.commit("recipes/load/recipe.toml", LOAD)
    document = desk.json("create", "dev", "--data", "recipe:load", "--set", "day=2")
    assert (document["order"]["status"], document["order"]["kitchen"]) == ("passed", "dev")
    assert (data(desk, "dev") / "raw.txt").read_text() == "day-2\n"
    assert document["gate"]["status"] == "green"


def test_a_recipe_that_fails_leaves_the_kitchen_and_says_so(desk: Desk) -> None:
    """Exit 1; the gate is run all the same."""
    desk.commit("recipes/load/recipe.toml", LOAD.replace("echo", "test ! -e $KITCHEN_DATA/../dev; echo"))
    document = desk.json("create", "dev", "--data", "recipe:load", status=1)
    assert document["order"]["status"] == "failed"
    assert document["gate"]["status"] == "green"
    assert desk.json("show", "dev")["name"] == "dev"


def test_a_recipe_that_cannot_run_is_refused_before_anything_is_made(desk: Desk) -> None:
    """Unknown or broken: exit 2, and no kitchen."""
    desk.commit("recipes/load/recipe.toml", "[nodes.x]\nrunn = 'true'\n")
    before = desk.refs()
    assert "counts" in desk.json("create", "dev", "--data", "recipe:cuonts", status=2)["error"]["hint"]
    assert desk.json("create", "dev", "--data", "recipe:load", status=2)["error"]["line"] == 2
    assert desk.refs() == before


def test_the_data_of_the_parent_is_copied(desk: Desk) -> None:
    """The copy is the kitchen's own; nothing is left when it is deleted."""
    desk.commit("recipes/load/recipe.toml", LOAD)
    desk.json("order", "run", "load")
    desk.json("create", "team/idea", "--data", "copy")
    copy = data(desk, "team/idea")
    assert (copy / "raw.txt").read_text() == "day-1\n"
    desk.json("order", "run", "load", "--kitchen", "team/idea", "--set", "day=3")
    assert (data(desk, "production") / "raw.txt").read_text() == "day-1\n"
    desk.json("delete", "team/idea")
    assert not list(copy.parent.glob("*"))

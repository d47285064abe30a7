"""The first data of a kitchen."""

from __future__ import annotations

import os
import time
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


def test_the_cookbook_says_what_is_usual(desk: Desk) -> None:
    """`[cookbook] data` of the parent holds where `--data` says nothing else."""
    desk.commit("recipes/load/recipe.toml", LOAD)
    desk.json("order", "run", "load")
    settings = (desk.folder / "kitchens.toml").read_text()
    desk.commit("kitchens.toml", settings.replace('production = "production"', 'data = "copy"', 1))
    desk.json("create", "like", "--no-test")
    desk.json("create", "unlike", "--no-test", "--data", "empty")
    assert (data(desk, "like") / "raw.txt").exists()
    assert not (data(desk, "unlike") / "raw.txt").exists()


def test_nothing_of_the_parents_data_is_written_from_a_copy(desk: Desk) -> None:
    """Through links, however they are written, hard links and databases: the parent's data stays to the byte."""
    desk.commit("recipes/load/recipe.toml", LOAD + "[nodes.rows]\nsql = 'create table t as select 1 as x'\n")
    desk.json("order", "run", "load")
    theirs = data(desk, "production")
    (theirs / "deep").mkdir()
    os.link(theirs / "raw.txt", theirs / "twin.txt")
    (theirs / "absolute").symlink_to(theirs / "raw.txt")
    (theirs / "deep/around").symlink_to("../../production/raw.txt")
    (theirs / "deep/within").symlink_to("../raw.txt")
    before = {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in theirs.rglob("*") if path.is_file()
    }
    harm = "for f in raw.txt twin.txt absolute deep/around deep/within; do echo mine > $KITCHEN_DATA/$f; done"
    desk.json("create", "idea", "--data", "copy", "--no-test")
    desk.commit(
        "recipes/load/recipe.toml",
        f"[nodes.harm]\nrun = '{harm}'\n[nodes.rows]\nsql = 'insert into t values (2)'\n",
        "idea",
    )
    document = desk.json("order", "run", "load", "--kitchen", "idea")
    assert document["status"] == "passed"
    assert (data(desk, "idea") / "deep/around").read_text() == "mine\n"
    assert before == {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in theirs.rglob("*") if path.is_file()
    }


def test_a_copy_waits_for_the_run_that_writes(desk: Desk) -> None:
    """Made while an order run is half through, the copy holds what the whole run left."""
    slow = "[nodes.load]\nrun = 'echo half > $KITCHEN_DATA/raw.txt; sleep 1; echo whole > $KITCHEN_DATA/raw.txt'\n"
    desk.commit("recipes/load/recipe.toml", slow)
    desk.json("order", "run", "load", "--detach")
    raw = data(desk, "production") / "raw.txt"
    while not raw.exists():
        time.sleep(0.02)
    answer = desk.kitchen("create", "idea", "--data", "copy", "--no-test")
    assert answer.status == 0
    assert "uses the data of `production`" in answer.err
    assert (data(desk, "idea") / "raw.txt").read_text() == "whole\n"

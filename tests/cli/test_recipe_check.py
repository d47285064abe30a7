"""`kitchen recipe check`, as people, programs and workflows read it."""

from __future__ import annotations

import json
import os

import pytest

from tests.cli.conftest import COOKBOOK, RECIPE, Desk

FAULTY = """
[nodes.a]
run = "true"
nedes = []
[nodes.b]
noop = true
when = "1 > 2"
"""


def test_a_sound_cookbook_has_no_faults(desk: Desk) -> None:
    """Exit 0, and one line."""
    answer = desk.kitchen("recipe", "check")
    assert (answer.status, answer.out) == (0, "no faults\n")
    assert desk.json("recipe", "check") == []


def test_people_read_places_sentences_and_hints(desk: Desk) -> None:
    """With a count at the end; exit 2 for an error."""
    desk.write("recipes/bad/recipe.toml", FAULTY)
    answer = desk.kitchen("recipe", "check")
    assert answer.status == 2
    assert answer.out.splitlines() == [
        "recipes/bad/recipe.toml:4:1: error: unknown key `nedes` in `nodes.a`",
        "    did you mean `needs`?",
        "recipes/bad/recipe.toml:7:1: warning: this condition is always false: node `b` never runs",
        "1 error, 1 warning",
    ]


def test_warnings_alone_are_no_failure(desk: Desk) -> None:
    """They are doubts."""
    desk.write("recipes/bad/recipe.toml", FAULTY.replace("nedes", "needs"))
    assert [fault["severity"] for fault in desk.json("recipe", "check")] == ["warning"]


def test_programs_read_a_list_of_faults(desk: Desk) -> None:
    """The same with `--json` and `--format json`."""
    desk.write("recipes/bad/recipe.toml", FAULTY)
    document = desk.json("recipe", "check", status=2)
    assert json.loads(desk.kitchen("recipe", "check", "--format", "json").out) == document
    assert document[0] == {
        "severity": "error",
        "file": "recipes/bad/recipe.toml",
        "line": 4,
        "column": 1,
        "key": "nodes.a.nedes",
        "message": "unknown key `nedes` in `nodes.a`",
        "hint": "did you mean `needs`?",
    }


def test_workflows_read_annotations(desk: Desk) -> None:
    """One line each, with what GitHub would misread escaped."""
    desk.write("recipes/bad/recipe.toml", FAULTY.replace("1 > 2", "100% , x"))
    answer = desk.kitchen("recipe", "check", "--format", "github")
    assert answer.status == 2
    assert answer.out.splitlines()[0] == (
        "::error file=recipes/bad/recipe.toml,line=4,col=1,title=nodes.a.nedes::"
        "unknown key `nedes` in `nodes.a`%0Adid you mean `needs`?"
    )
    assert all(line.startswith("::") for line in answer.out.splitlines())


def test_one_recipe_is_checked_with_what_it_reaches(desk: Desk) -> None:
    """The faults of others are no concern of it; an unknown name is a usage fault."""
    desk.write("recipes/bad/recipe.toml", FAULTY)
    assert desk.json("recipe", "check", "counts") == []
    assert len(desk.json("recipe", "check", "bad", status=2)) == 2
    answer = desk.kitchen("recipe", "check", "conts")
    assert answer.status == 2
    assert "did you mean `counts`?" in answer.err


def test_settings_are_held_against_the_recipes_and_the_kitchens(desk: Desk) -> None:
    """All their faults at once, beside those of the recipes; a registered kitchen may be a parent."""
    desk.json("create", "stage", "--permanent")
    settings = COOKBOOK.replace(
        'kind = "process"', 'kind = "process"\nmemory = "2x"\nrequirements = "no.txt"'
    )
    settings += '[kitchens.a]\nparent = "stage"\n[kitchens.b]\nparent = "staeg"\n'
    settings += '[gate]\nvariation = "tset"\n[connections.lake]\nurl = "postgresql://warehose/app"\n'
    settings += '[services.warehouse]\nimage = "postgres:17"\n[services.cache]\nimage = "redis:7"\n'
    desk.write("kitchens.toml", settings)
    desk.write("recipes/counts/recipe.toml", RECIPE.replace("above = 0", "above = 'x'"))
    found = desk.json("recipe", "check", status=2)
    told = [(fault["severity"], fault["message"], fault["hint"]) for fault in found]
    assert told == [
        ("error", "`runtime.memory`: `2x` is no size; write one such as `512m` or `2g`", None),
        ("error", "`runtime.requirements` names `no.txt`, which does not exist", None),
        ("warning", "the parent of `b` is `staeg`, and there is no such kitchen", "did you mean `stage`?"),
        (
            "warning",
            "no recipe has the variation `tset`, so a gate runs each as it is",
            "did you mean `test`?",
        ),
        ("warning", "no node uses connection `lake`", None),
        (
            "warning",
            "connection `lake` goes to `warehose`, which is no service of this cookbook",
            "did you mean `warehouse`?",
        ),
        (
            "warning",
            "nothing uses service `cache`: no connection goes there, and no recipe speaks of it",
            None,
        ),
        ("error", "test `some rows` cannot pass: it holds an integer against a string", None),
    ]


@pytest.mark.parametrize("section", ["services", "connections", "pools", "gate", "kitchens", "runtime"])
def test_a_section_of_a_wrong_type_is_a_fault(desk: Desk, section: str) -> None:
    """And hides none of the recipes'."""
    desk.write("kitchens.toml", f'{section} = 3\n[cookbook]\nname = "shop"\n')
    desk.write("recipes/bad/recipe.toml", FAULTY)
    messages = [fault["message"] for fault in desk.json("recipe", "check", status=2)]
    assert messages[0] == f"`{section}` must be a table, not an integer"
    assert "unknown key `nedes` in `nodes.a`" in messages


def test_a_service_that_a_script_speaks_to_is_used(desk: Desk) -> None:
    """By its name, as a word of its own."""
    desk.write("kitchens.toml", COOKBOOK + '[services.cache]\nimage = "redis:7"\n')
    desk.write("recipes/counts/load.py", "redis.connect('cache')")
    found = desk.json("recipe", "check")
    assert not [fault for fault in found if "nothing uses service" in fault["message"]]


def test_a_recipe_that_is_a_link_is_none(desk: Desk) -> None:
    """No gate follows a link out of a recipe's folder, so what is behind it was never tested: it does not run either."""
    desk.write("elsewhere/recipe.toml", '[nodes.n]\nrun = "true"\n')
    desk.write("recipes/other/sql/a.sql", "select 1\n")
    desk.write("recipes/other/recipe.toml", '[nodes.n]\nsql = "a.sql"\n')
    (desk.folder / "recipes/other/a.sql").symlink_to("sql/a.sql")
    (desk.folder / "recipes/linked").symlink_to("../elsewhere")
    (desk.folder / "recipes/hollow").mkdir()
    (desk.folder / "recipes/hollow/recipe.toml").symlink_to("../../elsewhere/recipe.toml")
    desk.save("links")
    found = desk.json("recipe", "check")
    assert {one["severity"] for one in found} == {"warning"}
    assert [one["file"] for one in found] == ["recipes/hollow/recipe.toml", "recipes/linked"]
    gated = desk.json("test", "production", "--all")["gate"]["recipes"]
    assert [one["recipe"] for one in gated] == ["counts", "other"]
    assert [one["recipe"] for one in desk.json("recipe", "list")] == ["counts", "other"]
    for name in ("linked", "hollow"):
        assert desk.json("order", "run", name, status=2)["error"]["code"] == "no-recipe"
    assert desk.json("order", "run", "other")["status"] == "passed"


def test_a_folder_in_the_place_of_a_recipe_is_a_fault(desk: Desk) -> None:
    """So is a pipe; whoever asks for it by name is told the same."""
    desk.write("recipes/odd/recipe.toml/note", "\n")
    desk.save("odd")
    (desk.folder / "ingredients/piped").mkdir(parents=True)
    os.mkfifo(desk.folder / "ingredients/piped/recipe.toml")
    found = desk.json("recipe", "check", status=2)
    assert [one["message"] for one in found] == [
        "`ingredients/piped/recipe.toml` is no file",
        "`recipes/odd/recipe.toml` is no file",
    ]
    error = desk.json("order", "run", "odd", status=2)["error"]
    assert error["message"] == "recipe `odd`: `recipes/odd/recipe.toml` is no file"
    assert desk.json("recipe", "list")[1]["fault"] == error["message"]


def test_what_a_broken_recipe_may_use_is_not_called_unused(desk: Desk) -> None:
    """Nobody knows; the one fault is told, and how to mend it."""
    desk.write("kitchens.toml", COOKBOOK + '[connections.lake]\nurl = "sqlite:///lake"\n')
    desk.write("recipes/counts/recipe.toml", '[nodes.größe]\nsql = "select 1"\nconnection = "lake"\n')
    (found,) = desk.json("recipe", "check", status=2)
    assert (found["line"], found["column"]) == (1, 10)
    assert found["hint"] == "a key with other letters than those of ASCII stands in quotes"

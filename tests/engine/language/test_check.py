"""How the recipes and ingredients of a cookbook fit together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from kitchens_engine.errors import InvalidFiles, InvalidInput
from kitchens_engine.language.check import check, checked
from kitchens_engine.language.shelf import Shelf

MakeShelf = Callable[[Mapping[str, str]], Shelf]

FINE = "[nodes.a]\nnoop = true\n"
SCORING = """\
[inputs]
table = { type = "string" }
limit = { type = "float", default = 1.0 }
[outputs]
rows = { type = "integer", value = "{{ outputs.a.rows }}" }
[nodes.a]
run = "echo {{ inputs.table }}"
"""


def _messages(shelf: Shelf, **more: object) -> list[str]:
    return [f"{fault.file}:{fault.line} {fault.message}" for fault in check(shelf, **more)]  # type: ignore[arg-type]


def test_a_sound_cookbook_has_no_faults(shelf: MakeShelf) -> None:
    """Recipes, nested recipes, ingredients and required recipes that exist and fit."""
    main = """\
    requires = ["base"]
    [nodes.score]
    ingredient = "scoring"
    inputs = { table = "flights", limit = 2 }
    [nodes.report]
    needs = ["score"]
    recipe = "report"
    variation = "daily"
    variables = { year = "{{ outputs.score.rows }}" }
    """
    report = "[variables]\nyear = 2013\n[variations.daily]\n" + FINE
    files = {
        "recipes/main": main,
        "recipes/base": FINE,
        "recipes/report": report,
        "ingredients/scoring": SCORING,
    }
    assert check(shelf({f"{folder}/recipe.toml": text for folder, text in files.items()})) == ()


def test_what_one_recipe_says_of_another_is_held_against_it(shelf: MakeShelf) -> None:
    """Missing recipes, ingredients, variations, variables, inputs and outputs are named with their lines."""
    main = """\
    requires = ["bas"]
    [nodes.score]
    ingredient = "scoring"
    inputs = { tabel = "x", limit = "high" }
    [nodes.show]
    needs = ["score"]
    run = "echo {{ outputs.score.rosw }}"
    [nodes.report]
    recipe = "report"
    variation = "dayly"
    variables = { yaer = 1, year = "x" }
    [nodes.other]
    ingredient = "scorign"
    [[nodes.score.tests]]
    output = "rosw"
    equals = 1
    """
    files = {
        "recipes/main/recipe.toml": main,
        "recipes/base/recipe.toml": FINE,
        "recipes/report/recipe.toml": "[variables]\nyear = 2013\n[variations.daily]\n" + FINE,
        "ingredients/scoring/recipe.toml": SCORING,
    }
    faults = check(shelf(files))
    assert [(fault.line, fault.message, fault.hint) for fault in faults] == [
        (1, "there is no recipe `bas` in this cookbook", "did you mean `base`?"),
        (3, "node `score` gives ingredient `scoring` no input `table`", "add it to `nodes.score.inputs`"),
        (4, "ingredient `scoring` has no input `tabel`", "did you mean `table`?"),
        (
            4,
            "node `score` gives input `limit` of ingredient `scoring` a string, and it wants a float",
            "wanted in ingredients/scoring/recipe.toml:3",
        ),
        (
            7,
            "`outputs.score.rosw` is not there: ingredient `scoring` has no output `rosw`",
            "did you mean `rows`?",
        ),
        (10, "recipe `report` has no variation `dayly`", "did you mean `daily`?"),
        (11, "no variable `yaer` is declared in recipe `report`", "did you mean `year`?"),
        (11, "variable `year` is an integer, not a string (`x`) in recipe `report`", None),
        (13, "there is no ingredient `scorign` in this cookbook", "did you mean `scoring`?"),
        (
            15,
            "test `rosw equals 1` measures output `rosw`, which ingredient `scoring` does not have",
            "did you mean `rows`?",
        ),
    ]


def test_a_recipe_that_reaches_itself_is_shown_as_the_way_around(shelf: MakeShelf) -> None:
    """By nesting, by requirement, through an ingredient, or directly."""
    files = {
        "recipes/a/recipe.toml": "[nodes.x]\nrecipe = 'b'",
        "recipes/b/recipe.toml": "requires = ['c']\n" + FINE,
        "recipes/c/recipe.toml": "[nodes.x]\ningredient = 'i'",
        "ingredients/i/recipe.toml": "[nodes.y]\nnoop = true\n[nodes.x]\nrecipe = 'a'",
        "recipes/self/recipe.toml": "[nodes.x]\nrecipe = 'self'",
    }
    assert _messages(shelf(files)) == [
        "recipes/a/recipe.toml:2 `a` reaches itself: `a` → `b` → `c` → `i` → `a`",
        "recipes/self/recipe.toml:2 `self` reaches itself: `self` → `self`",
    ]


def test_recipes_lie_in_each_other_to_a_depth_that_everything_can_walk(shelf: MakeShelf) -> None:
    """Told once, where it begins to be too much, whoever is asked about."""
    files = {f"recipes/r{n}/recipe.toml": f"[nodes.x]\nrecipe = 'r{n + 1}'\n" for n in range(300)}
    found = _messages(shelf(files | {"recipes/r300/recipe.toml": FINE}))
    assert found == ["recipes/r100/recipe.toml:2 more than 200 recipes lie in each other below `r100`"]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("copy = { from = 'a', to = 'b' }", "`copy` nodes are not supported by this version"),
        ("notebook = 'a.ipynb'", "`notebook` nodes are not supported by this version"),
        ("run = 'x'\n[[nodes.a.tests]]\noutput = 'x'\ncontrol = true", "`control` rules are not supported by this version"),
    ],
)  # fmt: skip
def test_what_this_version_does_not_run_is_said_aloud(shelf: MakeShelf, key: str, message: str) -> None:
    """Nothing that a recipe asks for is passed over in silence."""
    (fault,) = check(shelf({"recipes/r/recipe.toml": f"[nodes.a]\n{key}"}))
    assert (fault.severity, fault.message) == ("error", message)


def test_a_connection_that_nobody_declared_is_a_fault(shelf: MakeShelf) -> None:
    """When the names of `kitchens.toml` are known."""
    files = {"recipes/r/recipe.toml": "[nodes.a]\nnoop = true\nconnection = 'warehose'"}
    (fault,) = check(shelf(files), connections=["warehouse"])
    assert fault.message == "node `a` uses connection `warehose`, which `kitchens.toml` does not have"
    assert fault.hint == "did you mean `warehouse`?"


def test_only_what_is_reached_is_checked(shelf: MakeShelf) -> None:
    """A broken recipe stands in the way of those that reach it, and of nobody else."""
    files = {
        "recipes/a/recipe.toml": "[nodes.x]\nrecipe = 'broken'",
        "recipes/b/recipe.toml": FINE,
        "recipes/broken/recipe.toml": "[nodes.x]\nrnu = 'true'",
    }
    assert check(shelf(files), ["b"]) == ()
    assert [fault.file for fault in check(shelf(files), ["a"])] == ["recipes/broken/recipe.toml"]
    with pytest.raises(InvalidFiles, match="unknown key `rnu`"):
        checked(shelf(files), ["a"])
    assert checked(shelf(files), ["b"]) == ()
    with pytest.raises(InvalidInput, match="no recipe named `c`"):
        check(shelf(files), ["c"])


def test_a_pool_that_nobody_declared_is_a_fault(shelf: MakeShelf) -> None:
    """The recipe's own count, and those of `kitchens.toml` when they are known."""
    text = "[pools]\nown = 1\n[nodes.a]\nnoop = true\npool = '{}'"
    assert check(shelf({"recipes/r/recipe.toml": text.format("own")}), pools=["api"]) == ()
    assert check(shelf({"recipes/r/recipe.toml": text.format("api")}), pools=["api"]) == ()
    assert check(shelf({"recipes/r/recipe.toml": text.format("apo")})) == ()
    (fault,) = check(shelf({"recipes/r/recipe.toml": text.format("apo")}), pools=["api"])
    assert (fault.line, fault.hint) == (5, "did you mean `api`?")
    assert fault.message == "node `a` uses pool `apo`, which neither this recipe nor `kitchens.toml` has"

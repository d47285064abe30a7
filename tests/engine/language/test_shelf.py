"""Recipes are read when they are asked for, once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from kitchens_engine.errors import InvalidFiles, InvalidInput
from kitchens_engine.language.reach import Reach, reach
from kitchens_engine.language.shelf import FolderSource, Shelf

MakeShelf = Callable[[Mapping[str, str]], Shelf]

FINE = "[nodes.a]\nnoop = true\n"


def test_a_folder_on_disk_is_a_source(tmp_path: Path) -> None:
    """Files and folders by their path in the cookbook; what is not there, or outside, is None or empty."""
    (tmp_path / "recipes" / "r").mkdir(parents=True)
    (tmp_path / "recipes" / "r" / "recipe.toml").write_text(FINE)
    (tmp_path / "recipes" / "notes.md").write_text("")
    os.mkfifo(tmp_path / "pipe")
    source = FolderSource(tmp_path)
    assert source.read("recipes/r/recipe.toml") == FINE.encode()
    for path in ("nothing", "recipes", "recipes/notes.md/x", "../x", "pipe"):
        assert source.read(path) is None
    assert list(source.names("recipes")) == ["notes.md", "r"]
    assert [list(source.names(path)) for path in ("nothing", "recipes/notes.md")] == [[], []]
    assert Shelf(source).recipe_names() == ("r",)


def test_recipes_are_parsed_once_and_only_when_asked_for(shelf: MakeShelf) -> None:
    """A broken neighbour is no obstacle."""
    made = shelf({"recipes/good/recipe.toml": FINE, "recipes/bad/recipe.toml": "nodes"})
    assert made.recipe_names() == ("bad", "good")
    assert made.recipe("good") is made.recipe("good")
    with pytest.raises(InvalidFiles) as raised:
        made.recipe("bad")
    assert (raised.value.file, raised.value.line) == ("recipes/bad/recipe.toml", 1)


@pytest.mark.parametrize("name", ["delay", "", "../recipes/delays", "delays/tests", "recipes/delays/"])
def test_an_unknown_name_is_told_with_the_nearest(shelf: MakeShelf, name: str) -> None:
    """No name leads outside the folder of recipes."""
    with pytest.raises(InvalidInput, match="no recipe named") as raised:
        shelf({"recipes/delays/recipe.toml": FINE}).recipe(name)
    assert "`delays`" in raised.value.hints[0]


def test_reach_is_everything_that_a_recipe_touches(shelf: MakeShelf) -> None:
    """Nested recipes, ingredients, required recipes and what those touch; requirements come in running order."""
    files = {
        "recipes/main": "requires = ['late', 'base']\n[nodes.x]\nrecipe = 'report'\n[nodes.y]\ningredient = 'score'",
        "recipes/report": "requires = ['early']\n" + FINE,
        "recipes/late": "requires = ['base']\n" + FINE,
        "recipes/base": FINE,
        "recipes/early": "[nodes.x]\nrecipe = 'part'",
        "recipes/part": "requires = ['base']\n" + FINE,
        "recipes/apart": FINE,
        "ingredients/score": "[nodes.x]\ningredient = 'deeper'",
        "ingredients/deeper": FINE,
    }
    made = shelf({f"{folder}/recipe.toml": text for folder, text in files.items()})
    assert reach(made, "main") == Reach(
        recipes=("base", "early", "late", "main", "part", "report"),
        ingredients=("deeper", "score"),
        requires=("base", "late", "early"),
    )


def test_reaching_oneself_is_refused(shelf: MakeShelf) -> None:
    """With the way around."""
    files = {
        "recipes/a/recipe.toml": "requires = ['b']\n" + FINE,
        "recipes/b/recipe.toml": "requires = ['a']\n" + FINE,
    }
    with pytest.raises(InvalidInput, match="`a` → `b` → `a`"):
        reach(shelf(files), "a")

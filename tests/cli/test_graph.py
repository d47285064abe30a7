"""`kitchen recipe graph` as a user types it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.cli.conftest import RECIPE, Desk


def test_a_recipe_is_drawn_in_the_terminal(desk: Desk) -> None:
    """Its name, its nodes, its tests."""
    assert desk.kitchen("recipe", "graph", "counts").out.splitlines() == [
        "counts",
        "●  count  run",
        "     1 test: some rows",
    ]


def test_the_last_run_colours_the_picture(desk: Desk) -> None:
    """Under the variation that it ran, and by its mark without any colour."""
    run = desk.json("order", "run", "counts", "--variation", "test")["run"]
    shown = desk.kitchen("recipe", "graph", "counts", "--last").out
    assert shown.startswith("counts (test): passed")
    assert "✓  count  run  passed" in shown
    assert desk.json("recipe", "graph", "counts", "--run", run[:20])["nodes"][0]["status"] == "passed"


@pytest.mark.parametrize(
    ("file", "begins"),
    [
        ("a.svg", "<svg"),
        ("a.mmd", "flowchart LR"),
        ("a.dot", 'digraph "counts"'),
        ("a.json", "{"),
        ("a.txt", "●"),
    ],
)
def test_the_name_of_the_file_decides_how_it_is_drawn(desk: Desk, file: str, begins: str) -> None:
    """Unless `--format` does."""
    assert desk.kitchen("recipe", "graph", "counts", "-o", file).out == f"wrote {file}\n"
    text = (desk.folder / file).read_text()
    assert text.startswith(begins)
    if file == "a.svg":
        ElementTree.fromstring(text)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("counst",), "did you mean `counts`?"),
        (("counts", "--variation", "tset"), "did you mean `test`?"),
        (("counts", "--last"), "recipe `counts` has not run in kitchen `production` yet"),
        (("counts", "--run", "01ZZ"), "no order run `01ZZ`"),
        (("counts", "--last", "--run", "01"), "exclude each other"),
        (("counts", "--open", "--depth", "1"), "exclude each other"),
        (("counts", "-o", "none/a.svg"), "there is no folder"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(desk: Desk, words: tuple[str, ...], says: str) -> None:
    """Exit 2."""
    answer = desk.kitchen("recipe", "graph", *words)
    assert answer.status == 2, answer.err
    assert says in answer.err


def test_a_run_of_another_recipe_is_refused(desk: Desk) -> None:
    """With the command that would draw it."""
    desk.commit("recipes/other/recipe.toml", RECIPE)
    run = desk.json("order", "run", "other")["run"]
    answer = desk.kitchen("recipe", "graph", "counts", "--run", run)
    assert answer.status == 2
    assert f"`kitchen recipe graph other --run {run}`" in answer.err

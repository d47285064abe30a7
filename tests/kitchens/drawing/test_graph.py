"""What is drawn: nested recipes as deep as asked, variations, runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kitchens.drawing.document import document
from kitchens.drawing.graph import graph_of
from kitchens_engine.errors import InvalidInput
from kitchens_engine.language.shelf import FolderSource, Shelf
from kitchens_engine.outcome import NodeRecord, RunRecord, Status

SHOP = """
[variations.part]
nodes = ["+load"]
[nodes.get]
run = "true"
[nodes.load]
needs = ["get"]
recipe = "inner"
[nodes.tell]
needs = ["load"]
run = "true"
"""
INNER = '[nodes.a]\nrun = "true"\n[nodes.b]\nrecipe = "innermost"\n'
INNERMOST = '[nodes.x]\nrun = "true"\n'


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A cookbook with recipes inside recipes."""
    for name, text in (("shop", SHOP), ("inner", INNER), ("innermost", INNERMOST)):
        folder = tmp_path / "recipes" / name
        folder.mkdir(parents=True)
        (folder / "recipe.toml").write_text(text)
    return Shelf(FolderSource(tmp_path))


@pytest.mark.parametrize(
    ("depth", "paths"),
    [
        (0, ["get", "load", "tell"]),
        (1, ["get", "load", "load/a", "load/b", "tell"]),
        (9, ["get", "load", "load/a", "load/b", "load/b/x", "tell"]),
    ],
)
def test_nested_recipes_open_as_deep_as_asked(shelf: Shelf, depth: int, paths: list[str]) -> None:
    """A folded one says how many nodes it holds at every depth."""
    graph = graph_of(shelf, "shop", depth=depth)
    assert [step.path for step in graph.walk()] == paths
    assert next(step.size for step in graph.walk() if step.name == "load") == (2 if depth == 1 else 3)


def test_a_variation_leaves_nodes_out(shelf: Shelf) -> None:
    """They are drawn, and say so."""
    graph = graph_of(shelf, "shop", "part")
    assert {step.name: step.left_out for step in graph.steps} == {"get": False, "load": False, "tell": True}


def test_a_run_is_told_from_every_node(shelf: Shelf) -> None:
    """Inside nested recipes too; a folded one counts."""
    inner = (
        NodeRecord("a", "load/a", Status.FAILED, why="exit status 1", seconds=2.0),
        NodeRecord("b", "load/b", Status.PASSED),
    )
    record = RunRecord(
        run="R",
        order="R",
        status=Status.FAILED,
        kitchen="dev",
        recipe="shop",
        variation=None,
        started=datetime(2026, 1, 1, tzinfo=UTC),
        nodes=(
            NodeRecord("get", "get", Status.PASSED),
            NodeRecord("load", "load", Status.FAILED, nodes=inner),
        ),
    )
    opened = {step.path: step.status for step in graph_of(shelf, "shop", depth=1, run=record).walk()}
    assert opened == {
        "get": "passed",
        "load": "failed",
        "load/a": "failed",
        "load/b": "passed",
        "tell": None,
    }
    assert dict(graph_of(shelf, "shop", run=record).steps[1].counts) == {"failed": 1, "passed": 1}


def test_a_fanned_out_recipe_shows_the_worst_of_its_instances(tmp_path: Path) -> None:
    """Node by node, because there is one picture for all of them."""
    for name, text in (("fan", '[nodes.a]\neach = [1, 2]\nrecipe = "inner"\n'), ("inner", INNERMOST)):
        folder = tmp_path / "recipes" / name
        folder.mkdir(parents=True)
        (folder / "recipe.toml").write_text(text)
    instances = tuple(
        NodeRecord(f"a[{n}]", f"a[{n}]", status, nodes=(NodeRecord("x", f"a[{n}]/x", status, seconds=1.0),))
        for n, status in enumerate((Status.PASSED, Status.FAILED))
    )
    record = RunRecord(
        run="R",
        order="R",
        status=Status.FAILED,
        kitchen="dev",
        recipe="fan",
        variation=None,
        started=datetime(2026, 1, 1, tzinfo=UTC),
        nodes=(NodeRecord("a", "a", Status.FAILED, nodes=instances),),
    )
    step = graph_of(Shelf(FolderSource(tmp_path)), "fan", depth=1, run=record).steps[0]
    assert step.marks == ("each 2 items",)
    assert step.inside is not None
    assert [(inner.status, inner.seconds) for inner in step.inside.steps] == [("failed", 2.0)]


def test_a_recipe_inside_itself_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    """With the circle and the place."""
    (tmp_path / "recipes/innermost/recipe.toml").write_text('[nodes.x]\nrecipe = "shop"\n')
    with pytest.raises(InvalidInput, match="recipe shop → recipe inner → recipe innermost → recipe shop"):
        graph_of(Shelf(FolderSource(tmp_path)), "shop")


def test_recipes_that_double_at_every_level_are_refused(tmp_path: Path) -> None:
    """Before the machine is out of memory; folded they are a picture like any other."""
    for level in range(40):
        folder = tmp_path / "recipes" / f"r{level}"
        folder.mkdir(parents=True)
        body = 'run = "true"' if level == 39 else f'recipe = "r{level + 1}"'
        (folder / "recipe.toml").write_text(f"[nodes.a]\n{body}\n[nodes.b]\n{body}\n")
    shelf = Shelf(FolderSource(tmp_path))
    with pytest.raises(InvalidInput, match="more than 20,000 nodes"):
        graph_of(shelf, "r0", depth=99)
    assert graph_of(shelf, "r0").steps[0].size == 2**40 - 2


def test_the_document_holds_the_whole_graph(shelf: Shelf) -> None:
    """Open nodes hold their nodes."""
    nodes = document(graph_of(shelf, "shop", depth=1))["nodes"]
    assert nodes[1]["needs"] == ["get"]
    assert [inner["path"] for inner in nodes[1]["nodes"]] == ["load/a", "load/b"]

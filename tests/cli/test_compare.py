"""What an order would do, and what was different about two."""

from __future__ import annotations

from typing import Any

from tests.cli.conftest import RECIPE, Desk

GRAPH = """
[nodes.a]
run = "test -e $KITCHEN_DATA/go"
[nodes.b]
needs = ["a"]
when = "1 > 0"
run = "true"
[nodes.c]
run = "true"
"""


def foreseen(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What becomes of each node."""
    return [(node["path"], node["does"], node["why"]) for node in document["nodes"]]


def test_a_dry_run_shows_what_would_run_and_why(desk: Desk) -> None:
    """And leaves nothing behind: no run, no data, no ref."""
    desk.commit("recipes/graph/recipe.toml", GRAPH)
    before = desk.refs()

    document = desk.json("order", "run", "graph", "--dry-run")
    words = desk.kitchen("order", "run", "graph", "--node", "+b", "--dry-run").out.splitlines()

    assert foreseen(document) == [
        ("a", "run", "at once"),
        ("c", "run", "at once"),
        ("b", "run", "after `a`, when 1 > 0"),
    ]
    assert words[0].endswith("; nothing was run")
    assert words[1:] == [
        "  run       a  at once",
        "  run       b  after `a`, when 1 > 0",
        "  left out  c  not selected",
    ]
    assert desk.json("order", "list") == []
    assert desk.refs() == before
    assert not (desk.folder / ".git/kitchens/checkouts").exists()


def test_a_dry_run_of_a_resume_shows_what_is_kept(desk: Desk) -> None:
    """And refuses what the resume itself would refuse."""
    desk.commit("recipes/graph/recipe.toml", GRAPH)
    run = desk.json("order", "run", "graph", status=1)["run"]

    document = desk.json("order", "resume", run, "--dry-run")
    error = desk.json("order", "run", "graph", "--skip", "a", "--dry-run", status=2)["error"]

    assert foreseen(document) == [
        ("a", "run", "at once"),
        ("c", "kept", f"kept from order run {run}"),
        ("b", "run", "after `a`, when 1 > 0"),
    ]
    assert "has never passed in kitchen `production`" in error["message"]


def test_two_runs_are_compared(desk: Desk) -> None:
    """Files of the recipe, variables, measures and outputs; what was equal, and other recipes, are left out."""
    one = desk.json("order", "run", "counts")
    desk.commit("recipes/other/recipe.toml", '[nodes.x]\nrun = "true"\n')
    desk.commit("recipes/counts/recipe.toml", RECIPE.replace("Counts", "Counts better"))
    two = desk.json("order", "run", "counts", "--set", "top=5")

    document = desk.json("order", "diff", one["run"], two["run"])
    words = desk.kitchen("order", "diff", one["run"], two["run"]).out

    assert document["code"] == {
        "commits": [one["commit"], two["commit"]],
        "files": [{"path": "recipes/counts/recipe.toml", "change": "M"}],
        "why": None,
    }
    assert document["variables"] == [{"name": "top", "values": [3, 5]}]
    assert document["measures"] == [{"name": "count: some rows", "values": [3, 5]}]
    assert document["nodes"] == [
        {"node": "count", "status": None, "outputs": [{"name": "rows", "values": [3, 5]}]}
    ]
    assert document["toolchain"] is None
    assert "variable top: 3 → 5" in words
    assert "output count.rows: 3 → 5" in words


def test_a_run_is_equal_to_itself(desk: Desk) -> None:
    """Nothing differs."""
    run = desk.json("order", "run", "counts")["run"]

    document = desk.json("order", "diff", run, run)

    assert document["code"]["commits"] is None
    assert [document[key] for key in ("variables", "measures", "nodes", "seconds")] == [[], [], [], []]

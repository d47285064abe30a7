"""The demo, whole: the main job on real data."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DEMO = Path(__file__).resolve().parents[2] / "docs" / "tour" / "demo.py"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("demo")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo ran."""
    return tmp_path_factory.mktemp("demo") / "demo"


@pytest.fixture(scope="module")
def screen(folder: Path) -> str:
    """What the demo showed."""
    return demo(folder)


@pytest.fixture(scope="module")
def cookbook(folder: Path, screen: str) -> Path:
    """The cookbook that the demo leaves."""
    assert screen
    return folder / "flights"


def demo(folder: Path, expected: int = 0) -> str:
    ended = subprocess.run(
        [sys.executable, DEMO, "--into", folder],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ended.returncode == expected, ended.stdout
    return ended.stdout


def git(cookbook: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=cookbook, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def kitchen(cookbook: Path, *words: str) -> Any:
    ended = subprocess.run(
        ["kitchen", *words, "--json"], cwd=cookbook, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(ended.stdout)


def test_a_red_merge_says_what_failed_where(screen: str) -> None:
    """Recipe, node, test, measured value and limit of what git would have merged without a word."""
    red = screen.partition("$ kitchen merge late-evenings")[2].partition("`dev` has not moved.")[0]
    assert "delays" in red
    assert "parts" in red
    assert "every flight is in exactly one part of the day" in red
    assert "log:" in red


def test_production_is_the_commit_that_passed(cookbook: Path) -> None:
    """A fast-forward: `dev` and production are one commit, checked out and clean."""
    assert git(cookbook, "rev-parse", "production") == git(cookbook, "rev-parse", "dev")
    assert git(cookbook, "status", "--porcelain") == ""
    assert "21, 24" in (cookbook / "recipes" / "delays" / "parts.sql").read_text(encoding="utf-8")


def test_the_history_tells_how_it_came_there(cookbook: Path) -> None:
    """Production's newest entry is the promotion, and everything in it is attested."""
    newest = kitchen(cookbook, "history", "production")[0]
    assert newest["status"] == "promoted"
    assert newest["from"] == "dev"
    assert newest["commit"] == git(cookbook, "rev-parse", "production")
    assert kitchen(cookbook, "verify", "production")["status"] in ("verified", "unsigned")


def test_the_report_is_a_chart_and_a_table_of_all_flights(cookbook: Path) -> None:
    """The full run counted every flight of 2013."""
    report = Path(kitchen(cookbook, "show", "production")["data"]) / "report"
    assert (report / "delays.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    with (report / "carriers.csv").open(newline="", encoding="utf-8") as file:
        assert sum(int(row["flights"]) for row in csv.DictReader(file)) == 336776


def test_the_demo_never_removes_what_a_user_went_on_with(folder: Path, cookbook: Path) -> None:
    """A cookbook with new work in it stops the next demo; nothing in it changes."""
    note = cookbook / "idea.txt"
    note.write_text("mine", encoding="utf-8")
    try:
        answer = demo(folder, expected=1)
        assert "you have gone on with" in answer
        assert note.read_text(encoding="utf-8") == "mine"
    finally:
        note.unlink()


def test_the_demo_refuses_a_folder_that_it_did_not_make(tmp_path: Path) -> None:
    """Somebody else's folder stays as it is."""
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    assert "this demo did not make it" in demo(tmp_path, expected=1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]

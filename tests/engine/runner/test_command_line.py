"""`python -m kitchens_engine`: the engine alone, as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

import kitchens_engine
from kitchens_engine.records import Records
from tests.processes import gone, runs

ENGINE = Path(kitchens_engine.__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = '[variables]\nn = 1\n[nodes.a]\nrun = "echo {{ variables.n }}; exit $(({{ variables.n }} - 1))"\n'
    for name, recipe in (("r", text), ("long", '[nodes.a]\nrun = "sleep 600"\n')):
        (tmp_path / "recipes" / name).mkdir(parents=True)
        (tmp_path / "recipes" / name / "recipe.toml").write_text(recipe)
    return tmp_path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "kitchens_engine", "run", *map(str, arguments)]


def engine(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), env=environment(), capture_output=True, text=True, timeout=120, check=False
    )


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ENGINE)}


def test_it_runs_a_recipe_of_a_folder(folder: Path) -> None:
    """Without git; the answer is the contract's document."""
    done = engine(folder, "r", "--json")

    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert (document["status"], document["recipe"], document["nodes"][0]["status"]) == (
        "passed",
        "r",
        "passed",
    )


def test_a_red_run_is_exit_1(folder: Path) -> None:
    """And says which node."""
    done = engine(folder, "r", "--set", "n=3")

    assert done.returncode == 1
    assert "failed    a  exit status 2" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none",), "error: no recipe named `none`"),
        (("r", "--set", "m=3"), "error: no variable `m` is declared"),
        (("r", "--node", "b"), "error: recipe `r` has no node `b`"),
    ],
)
def test_wrong_input_is_exit_2(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    """One sentence, no traceback, nothing ran."""
    done = engine(folder, *arguments)

    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / ".kitchen/runs").exists()


def started(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """A running engine, and the process of its node."""
    process = subprocess.Popen(command(folder, "long"), env=environment(), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for children in Path(f"/proc/{process.pid}/task").glob("*/children"):
            for child in children.read_text().split():
                return process, int(child)
        time.sleep(0.02)
    raise AssertionError("the node never started")


def statuses(records: Records) -> list[str]:
    return [str(node.status) for run in records.runs() for node in records.run(run.run).nodes]


def test_an_interrupt_cancels_the_run(folder: Path) -> None:
    """Exit 130, nothing left running, and the record says so."""
    process, child = started(folder)
    process.send_signal(signal.SIGINT)

    assert process.wait(30) == 130
    assert not runs(child)
    with closing(Records(folder / ".kitchen/records.sqlite")) as records:
        assert [str(run.status) for run in records.runs()] == ["cancelled"]


def test_a_killed_engine_leaves_a_record_that_reads_interrupted(folder: Path) -> None:
    """The next run ends what it left behind before it touches the same data."""
    process, child = started(folder)
    records = Records(folder / ".kitchen/records.sqlite")
    deadline = time.monotonic() + 30
    while "running" not in statuses(records) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait(30)

    assert [str(run.status) for run in records.runs()] == ["interrupted"]
    assert statuses(records) == ["cancelled"]
    records.close()

    assert engine(folder, "r").returncode == 0
    gone(child)

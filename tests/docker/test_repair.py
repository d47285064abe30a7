"""What kitchens that are gone left on the engine is found by its labels, and goes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kitchens.containers.engine import Engine
from tests.desk import desk, empty
from tests.docker.conftest import BUSYBOX, PYTHON
from tests.docker.services import NOTHING, Processes, census, web
from tests.docker.test_services import begin, book

__all__ = ["book", "desk", "empty"]

pytestmark = pytest.mark.docker

SERVICES = web("front", more='volumes = ["/data"]\n')


def test_what_kitchens_left_that_are_gone_is_removed(
    book: Processes, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refs that vanished, a deletion while no engine answered; and nothing of a kitchen that is there."""
    name = begin(book, SERVICES)
    for kitchen in ("dev", "stays"):
        book.json("create", kitchen, "--no-test")
        book.json("up", kitchen)
    before = {kind: len(found) for kind, found in census(engine, name).items()}
    shutil.rmtree(book.path("dev"))
    book.git("worktree", "prune")
    for ref in ("refs/heads/dev", "refs/kitchens/dev"):
        book.git("update-ref", "-d", ref)
    found = {(one["kind"], one["did"]) for one in book.json("repair")["findings"]}
    removed = {(kind, "removed") for kind in ("container", "network", "volume")}
    assert found == removed | {("data", "kept"), ("notes", "removed")}
    assert not (book.folder / ".git/kitchens/services/dev").exists()
    after = {kind: len(found) for kind, found in census(engine, name).items()}
    assert after == {kind: count // 2 for kind, count in before.items()}

    with monkeypatch.context() as away:
        away.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
        answer = book.kitchen("delete", "stays")
        assert (answer.status, "when an engine answers again" in answer.err) == (0, True), answer
        assert ("engine", "kept") in {(one["kind"], one["did"]) for one in book.json("repair")["findings"]}
    assert census(engine, name) != NOTHING
    book.json("repair")
    assert census(engine, name) == NOTHING


@pytest.mark.parametrize(
    "cycles",
    [2, pytest.param(100, marks=(pytest.mark.soak, pytest.mark.timeout(3600)))],
    ids=["few", "many"],
)
def test_killed_at_any_moment_nothing_leaks(book: Processes, engine: Engine, cycles: int) -> None:
    """`create`, `up` and `delete` die at random moments; a last `delete` and `repair`, and nothing is left."""
    name = begin(book, SERVICES)
    chance = random.Random(7)
    for _ in range(cycles):
        for words in (["create", "dev", "--no-test"], ["up", "dev"], ["delete", "dev", "--force"]):
            child = subprocess.Popen(
                [sys.executable, "-m", "kitchens.cli.main", *words],
                cwd=book.folder,
                stderr=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            time.sleep(0.1 + chance.random() * 1.2)
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        assert book.kitchen("delete", "dev", "--force").status in (0, 2)
        repaired = book.kitchen("repair", "--json")
        assert repaired.status == 0, repaired
        assert census(engine, name) == NOTHING, repaired.out
        assert str(book.folder) not in Path("/proc/self/mounts").read_text()


def test_what_a_killed_gate_left_is_removed(book: Processes, engine: Engine) -> None:
    """Its services, which would go on without anybody; whether or not a kitchen ever had some."""
    name = begin(book, web("front"))
    book.write("kitchens.toml", (book.folder / "kitchens.toml").read_text().replace(PYTHON, BUSYBOX))
    book.commit("recipes/counts/recipe.toml", '[nodes.wait]\nrun = "sleep 60"\n')
    with subprocess.Popen(
        [sys.executable, "-m", "kitchens.cli.main", "test", "production", "--again"],
        cwd=book.folder,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as gate:
        deadline = time.monotonic() + 60
        while not census(engine, name)["containers"] and time.monotonic() < deadline:
            time.sleep(0.02)
        gate.kill()
    deadline = time.monotonic() + 30
    while census(engine, name) != NOTHING and time.monotonic() < deadline:
        assert book.kitchen("repair").status == 0
    assert census(engine, name) == NOTHING

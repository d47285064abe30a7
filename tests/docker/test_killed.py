"""`kill -9` of whatever works with containers, at any moment: nothing leaks, and the same command again does it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from kitchens.containers import owners
from kitchens.containers.engine import Engine
from kitchens.containers.sweeping import everything
from tests.desk import desk, empty
from tests.docker.conftest import BUSYBOX, PYTHON
from tests.docker.services import NOTHING, Processes, census, web
from tests.docker.test_services import begin, book

__all__ = ["book", "desk", "empty"]

pytestmark = [pytest.mark.docker, pytest.mark.timeout(3600)]

SERVICES = web("front", more='volumes = ["/data"]\n')
RECIPE = """
[variables]
top = {top}
[nodes.ask]
run = "wget -q -O - http://front:8080/ && sleep 0.2; echo rows={{{{ variables.top }}}} >> $KITCHEN_OUTPUT"
outputs = {{ rows = "integer" }}
[[nodes.ask.tests]]
name = "some rows"
output = "rows"
above = 0
"""
#: With what it may take in seconds, so that it is killed before and after its end.
JOBS = (
    (("order", "run", "counts", "--kitchen", "dev"), 2.5),
    (("test", "idea", "--again"), 3.0),
    (("merge", "idea"), 3.0),
    (("up", "dev"), 1.5),
    (("exec", "dev", "--", "true"), 1.5),
    (("down", "dev"), 1.0),
)


@pytest.mark.parametrize("trials", [1, pytest.param(100, marks=pytest.mark.soak)], ids=["few", "many"])
def test_what_is_killed_in_containers_leaves_none_and_can_be_done_again(
    book: Processes, engine: Engine, trials: int
) -> None:
    """Runs, gates, merges and services; the command alone dies, or with all that it started."""
    name = begin(book, SERVICES)
    book.write("kitchens.toml", (book.folder / "kitchens.toml").read_text().replace(PYTHON, BUSYBOX))
    book.commit("recipes/counts/recipe.toml", RECIPE.format(top=3))
    for kitchen, parent in (("dev", "production"), ("idea", "dev")):
        book.json("create", kitchen, "--from", parent, "--no-test")
    dice = random.Random(trials)
    for number in range(trials):
        book.commit("recipes/counts/recipe.toml", RECIPE.format(top=number + 4), "idea")
        words, longest = JOBS[number % len(JOBS)]
        child = subprocess.Popen(
            [sys.executable, "-m", "kitchens.cli.main", *words],
            cwd=book.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(dice.uniform(0.1, longest))
        (os.kill if dice.random() < 0.5 else os.killpg)(child.pid, signal.SIGKILL)
        child.wait()

        only_services_stay(book, engine, name)
        again = book.kitchen(*words)
        assert again.status == 0, (number, words, again)
        runs = {one["status"] for one in book.json("order", "list")}
        assert runs <= {"passed", "interrupted"}, (number, words, runs)
    assert book.json("verify", "dev")["faults"] == []
    book.git("fsck", "--strict", "--no-dangling", "--no-progress")
    for kitchen in ("idea", "dev"):
        book.json("delete", kitchen, "--force")
    assert census(engine, name) == NOTHING


def only_services_stay(book: Processes, engine: Engine, name: str) -> None:
    """What ran for the dead ends with them, or `repair` removes it: also what the engine was still making for them."""
    deadline = time.monotonic() + 30
    while True:
        repaired = book.kitchen("repair", "--json")
        assert repaired.status == 0, repaired
        found = everything(engine, f"{owners.LABEL}cookbook={name}")
        if not [each for each in found if owners.MACHINE in each.labels]:
            return
        assert time.monotonic() < deadline, (found, repaired.out)

"""`kill -9` of a runner at any moment, again and again, then `order resume`: every node has run once, and nothing is lost."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.desk import COOKBOOK, Place

#: Each node says once that it ran.
_SAY = "echo $KITCHEN_NODE >> $KITCHEN_DATA/$KITCHEN_RUN"
#: The same as a program: a simple command, for a shell that is there already.
SAYS = f"""#!/bin/sh
{_SAY}
sleep $1
"""
MANY = """
[nodes.first]
run = "SAY; echo n=1 > $KITCHEN_OUTPUT"
outputs = { n = "integer" }
[nodes.slow]
run = "SAY; sleep 0.1; echo n=2 > $KITCHEN_OUTPUT"
outputs = { n = "integer" }
[nodes.simple]
run = "./says 0"
[nodes.slow_too]
run = "./says 0.1"
needs = ["simple"]
[nodes.flaky]
needs = ["first"]
run = "SAY; mkdir $KITCHEN_DATA/$KITCHEN_RUN.tried || exit 0; exit 4"
retries = 1
[nodes.nested]
needs = ["first"]
recipe = "inner"
[nodes.each]
needs = ["slow"]
each = [10, 20, 30]
run = "SAY; echo n={{ each.item }} > $KITCHEN_OUTPUT"
outputs = { n = "integer" }
[nodes.join]
needs = ["flaky", "nested", "each", "slow_too"]
noop = true
[nodes.sum]
needs = ["join", "first", "slow", "each"]
run = "SAY; echo n={{ outputs.first.n + outputs.slow.n + outputs.each.n | sum }} > $KITCHEN_OUTPUT"
outputs = { n = "integer" }
[[nodes.sum.tests]]
name = "all there"
output = "n"
equals = 63
""".replace("SAY", _SAY)
INNER = """
[nodes.one]
run = "SAY"
[nodes.two]
needs = ["one"]
run = "SAY"
[[nodes.two.tests]]
name = "measured"
run = "echo 1"
equals = 1
""".replace("SAY", _SAY)
#: How often each node of one run writes its name: the flaky one fails first.
ONCE = dict.fromkeys(
    (
        "first",
        "slow",
        "simple",
        "slow_too",
        "nested/one",
        "nested/two",
        "each[0]",
        "each[1]",
        "each[2]",
        "sum",
    ),
    1,
) | {"flaky": 2}


class Kitchen(Place):
    """A cookbook with one recipe, in which runners are killed."""

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Type it, and do not wait."""
        return subprocess.Popen(
            [sys.executable, "-m", "kitchens.cli.main", *words],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def runs(self) -> set[str]:
        """The runs that have a folder."""
        return {path.name for path in (self.folder / ".git/kitchens/runs").glob("*")}

    def answer(self, *words: str) -> Any:
        """Type it with `--json`."""
        command = [sys.executable, "-m", "kitchens.cli.main", *words, "--json"]
        return json.loads(
            subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE, check=False).stdout
        )


@pytest.fixture
def kitchen(tmp_path: Path) -> Iterator[Kitchen]:
    """The cookbook, whose recipe has run once."""
    (tmp_path / "shop").mkdir()
    kitchen = Kitchen(tmp_path / "shop")
    kitchen.git("init", "--quiet", "--initial-branch=production")
    kitchen.write("kitchens.toml", COOKBOOK)
    kitchen.write("recipes/many/recipe.toml", MANY)
    kitchen.write("recipes/inner/recipe.toml", INNER)
    kitchen.write("recipes/many/says", SAYS)
    (kitchen.folder / "recipes/many/says").chmod(0o755)
    kitchen.git("add", "--all")
    kitchen.git("commit", "--quiet", "--message", "begin")
    kitchen.answer("init")
    yield kitchen


@pytest.mark.trials(10, 200)
def test_a_run_whose_runner_is_killed_loses_nothing_and_repeats_nothing(
    kitchen: Kitchen, trials: int
) -> None:
    """So many runners are killed, some of them while they go on, at moments spread over the whole run."""
    span: float = kitchen.answer("order", "run", "many")["seconds"]
    killed = 0
    for _ in range(5 * trials):
        if killed >= trials:
            break
        before = kitchen.runs()
        cut = kill(kitchen, span, len(before) + 1, "order", "run", "many")
        # One that was killed between its folder and its record has left nothing to resume.
        for run in {row["run"] for row in kitchen.answer("order", "list")} - before:
            killed += cut + finish(kitchen, run, span)
            # A busy machine gets slower, and the moments with it.
            span = check(kitchen, run)
    assert killed >= trials, "the moments were badly chosen"


@pytest.mark.trials(1, 30)
def test_a_run_whose_runner_is_stopped_for_a_while_goes_on(kitchen: Kitchen, trials: int) -> None:
    """As on a laptop that sleeps: for others the run is running, nobody takes it over, and in the end all ran once."""
    span: float = kitchen.answer("order", "run", "many")["seconds"]
    for _ in range(trials):
        before = kitchen.runs()
        process = kitchen.start("order", "run", "many")
        while process.poll() is None and len(kitchen.runs()) <= len(before):
            time.sleep(0.01)
        time.sleep(span * random.random())
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.5 if trials == 1 else 5)
        listed = kitchen.answer("order", "list")
        assert isinstance(listed, list), listed
        new = [row for row in listed if row["run"] not in before]
        assert {row["status"] for row in new} <= {"queued", "running", "passed"}
        if new and new[0]["status"] != "passed":
            assert "error" in kitchen.answer("order", "resume", new[0]["run"])
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate()
        assert process.returncode == 0, said.decode()
        (run,) = kitchen.runs() - before
        span = check(kitchen, run)


def kill(kitchen: Kitchen, span: float, runs: int, *words: str) -> bool:
    """Kill the command's own process at a random moment once there are so many `runs`; what it started lives on."""
    process = kitchen.start(*words)
    while process.poll() is None and len(kitchen.runs()) < runs:
        time.sleep(0.01)
    try:
        process.wait(span * random.random())
    except subprocess.TimeoutExpired:
        process.kill()
    _, said = process.communicate()
    assert b"Traceback" not in said, said.decode()
    assert b"bug" not in said, said.decode()
    return process.returncode == -signal.SIGKILL


def finish(kitchen: Kitchen, run: str, span: float) -> int:
    """Resume it until it has ended; how many runners were killed on the way."""
    chances, killed = [0.5, 0.5, 0.0], 0
    while kitchen.answer("order", "show", run)["status"] == "interrupted":
        if random.random() < chances.pop(0):
            killed += kill(kitchen, span, 0, "order", "resume", run)
        else:
            kitchen.answer("order", "resume", run)
    return killed


def check(kitchen: Kitchen, run: str) -> float:
    """The record says that all passed, and so do the nodes' own words; how long its longest node took."""
    record = kitchen.answer("order", "show", run)
    ran = Counter((kitchen.folder.parent / "shop.kitchens/.data/production" / run).read_text().split())
    assert record["status"] == "passed", json.dumps(record, indent=1)
    assert ran == ONCE, json.dumps(record, indent=1)
    assert record["nodes"][-1]["outputs"] == {"n": 63}
    assert [node["name"] for node in record["nodes"] if node["status"] != "passed"] == []
    return max(0.3, *(node["seconds"] or 0.0 for node in record["nodes"]))

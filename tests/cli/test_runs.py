"""What a run finds around it, and what it answers where little things go wrong."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from kitchens_engine.errors import EnvironmentFailure
from kitchens_engine.ports import Command, Ended
from tests.cli.conftest import COOKBOOK, RECIPE, Desk


def test_code_quality_finds_the_tools_of_the_toolchain(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As nodes do: the toolchain comes first on PATH, not what the caller happens to have."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    quality = "[gate]\nquality = [\"python3 -c 'import duckdb'\"]\n"
    desk.commit("kitchens.toml", COOKBOOK + quality)
    document = desk.json("create", "dev")
    assert [(one["recipe"], one["status"]) for one in document["gate"]["recipes"]] == [
        ("counts", "passed"),
        ("[gate] quality", "passed"),
    ]


def test_the_second_order_on_the_same_data_waits_and_says_for_whom(desk: Desk) -> None:
    """The run that holds the data is named."""
    desk.json("create", "idea")
    path = desk.path("idea")
    desk.write("recipes/slow/recipe.toml", '[nodes.a]\nrun = "touch $KITCHEN_DATA/on; sleep 1"\n', path)
    first = subprocess.Popen(
        [sys.executable, "-m", "kitchens.cli.main", "order", "run", "slow"],
        cwd=path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while not list(desk.folder.parent.glob("shop.kitchens/.data/idea/on")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    holder = desk.json("order", "list")[0]["run"]
    answer = desk.kitchen("order", "run", "counts", folder=path)
    assert first.wait(20) == 0
    assert answer.status == 0
    assert f"waiting: order run {holder} uses the same data" in answer.err


def test_a_test_without_a_value_says_why(desk: Desk) -> None:
    """In the lines of progress and in the answer."""
    desk.commit(
        "recipes/none/recipe.toml",
        '[nodes.a]\nrun = "true"\n[[nodes.a.tests]]\nname = "rows"\noutput = "rows"\nabove = 0\n',
    )
    answer = desk.kitchen("order", "run", "none")
    assert answer.status == 1
    assert "failed rows: the node has no output `rows`" in answer.err
    assert "failed  rows: the node has no output `rows`" in answer.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("order", "list", "--limit", "-1"), "--limit"),
        (("order", "list", "--offset", "-1"), "--offset"),
        (("order", "list", "--status", "pased"), "passed"),
        (("order", "run", "counts", "--variation", "tset"), "did you mean `test`?"),
        (("order", "run", "counts", "--node", "cuont"), "did you mean `count`?"),
        (("order", "run", "counts", "--node", "after"), "has never passed in kitchen `production`"),
    ],
)
def test_wrong_words_are_found_before_a_toolchain_is_made(
    desk: Desk, words: tuple[str, ...], says: str
) -> None:
    """Exit 2 with what would have been right; no runtime is chosen, nothing is recorded."""
    desk.commit("recipes/counts/recipe.toml", f'{RECIPE}\n[nodes.after]\nneeds = ["count"]\nrun = "true"\n')
    answer = desk.kitchen(*words)
    assert answer.status == 2, answer.err
    assert says in answer.err
    assert "runtime" not in answer.err
    assert not (desk.folder / ".git/kitchens/runs").exists()


TALK = """
[nodes.first]
run = "printf 'one '; sleep 0.5; echo two; sleep 0.5"
[nodes.second]
needs = ["first"]
run = "printf three"
"""


def test_logs_can_be_followed_to_the_end_of_a_run(desk: Desk) -> None:
    """Line by line, also of nodes that had not started, and the functional tests' last."""
    desk.commit("recipes/talk/recipe.toml", TALK)
    desk.commit("recipes/talk/tests/test_it.py", "def test_it():\n    assert True\n")
    words = [sys.executable, "-m", "kitchens.cli.main", "order", "run", "talk"]
    running = subprocess.Popen(words, cwd=desk.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not list(desk.folder.glob(".git/kitchens/runs/*/nodes/first.1/log.txt")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    second = desk.kitchen("order", "logs", "--node", "second", "-f")
    assert running.wait(20) == 0
    whole = desk.kitchen("order", "logs", "-f").out.splitlines()
    assert second.out == "second | three\n"
    assert whole[:2] == ["first | one two", "second | three"]
    assert whole[-1].startswith("tests/talk | 1 passed")


def test_a_node_without_a_log_is_named(desk: Desk) -> None:
    """With the nearest name."""
    desk.json("order", "run", "counts")
    error = desk.json("order", "logs", "--node", "cuont", status=2)["error"]
    assert error["hint"] == "did you mean `count`?"


def test_a_reader_that_goes_away_is_no_error(desk: Desk) -> None:
    """As `kitchen order logs | head` does."""
    desk.commit("recipes/talk/recipe.toml", '[nodes.a]\nrun = "yes | head -100000"\n')
    desk.json("order", "run", "talk")
    words = [sys.executable, "-m", "kitchens.cli.main", "order", "logs"]
    said = desk.folder.parent / "said"
    with said.open("wb") as file:
        reading = subprocess.Popen(words, cwd=desk.folder, stdout=subprocess.PIPE, stderr=file)
    assert reading.stdout is not None
    reading.stdout.read(10)
    reading.stdout.close()
    assert (reading.wait(20), said.read_bytes()) == (0, b"")


class Gone:
    """A choice of a runtime, and the runtime, whose engine is gone as soon as anything starts."""

    kind = "docker"
    why = "runtime docker"
    toolchain = python = worker = "none"

    def __init__(self) -> None:
        self._started: list[str] = []

    def open(self, place: object, room: object = None) -> Gone:
        """Itself."""
        return self

    def start(self, command: Command) -> None:
        """Nobody will hear of it again."""
        self._started.append(command.token)

    def wait(self, timeout: float | None) -> list[Ended]:
        """Lost, all of them."""
        lost, self._started = self._started, []
        return [Ended(token, 0, "the engine stopped") for token in lost]

    def kill(self, token: str) -> None:
        """Nothing to kill."""

    def close(self) -> None:
        """There is nobody to ask."""
        raise EnvironmentFailure("the container could not be removed")

    def release(self) -> None:
        """There is nothing to give back."""


def test_an_engine_that_goes_away_is_named_before_what_it_left(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 5 with the first cause; the run reads `interrupted`."""
    monkeypatch.setattr("kitchens.containers.choose.choose_runtime", lambda *_, **__: Gone())
    error = desk.json("order", "run", "counts", status=5)["error"]
    assert error["message"] == "node `count` was lost twice: the engine stopped"
    assert desk.json("order", "show")["status"] == "interrupted"


def test_a_recipe_is_shown_in_the_words_of_its_file(desk: Desk) -> None:
    """What is seen can be typed behind `--set`."""
    variables = '[variables]\nday = 2020-01-02\non = true\nschema = { raw = "raw" }\n'
    desk.write("recipes/shown/recipe.toml", f'{variables}[nodes.a]\nrun = "true"\n')
    shown = desk.kitchen("recipe", "show", "shown").out.splitlines()
    assert [line.split(None, 1)[1] for line in shown if "variable" in line] == [
        "day = 2020-01-02",
        "on = true",
        'schema = { raw = "raw" }',
    ]


def test_logs_of_a_node_that_is_fanned_out(desk: Desk) -> None:
    """By the paths that records and events have; the node's own name means all of its instances."""
    desk.commit(
        "recipes/many/recipe.toml",
        "[nodes.each]\neach = ['x', 'y']\nrun = 'echo {{ each.item }}'\n[nodes.other]\nrun = 'echo other'\n",
    )
    run = desk.json("order", "run", "many")["run"]

    assert desk.kitchen("order", "logs", run, "--node", "each").out == "each[0] | x\neach[1] | y\n"
    assert desk.kitchen("order", "logs", run, "--node", "each[1]").out == "y\n"
    assert desk.kitchen("order", "logs", run, "-f", "--node", "each").out == "each[0] | x\neach[1] | y\n"

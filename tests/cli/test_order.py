"""Orders: where they run, what they record, what they answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import RECIPE, Desk

SLOW = """
[nodes.first]
run = "echo started; sleep 30"
[nodes.second]
needs = ["first"]
run = "true"
"""


def test_an_order_in_production_runs_a_clean_checkout_of_its_tip(desk: Desk) -> None:
    """An uncommitted edit in production's checkout does not run."""
    desk.write("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 8"))
    document = desk.json("order", "run", "counts")
    assert document["nodes"][0]["outputs"] == {"rows": 3}
    assert document["dirty"] is False
    assert document["commit"] == desk.tip("production")


@pytest.mark.parametrize("setting", [("core.autocrlf", "true"), ("core.eol", "crlf")])
def test_an_order_in_production_runs_the_bytes_that_a_gate_saw(desk: Desk, setting: tuple[str, str]) -> None:
    """A machine that would end its lines otherwise is not asked."""
    desk.write(".gitattributes", "*.sh text\n")
    desk.write("recipes/lines/recipe.toml", '[nodes.one]\nrun = "sh one.sh"\n')
    desk.write("recipes/lines/one.sh", "set -u\n")
    desk.save("a script")
    desk.git("config", *setting)
    assert desk.json("order", "run", "lines")["status"] == "passed"


def test_an_order_in_a_sandbox_sees_uncommitted_edits(desk: Desk) -> None:
    """And says that it did."""
    desk.json("create", "idea")
    path = desk.path("idea")
    desk.write("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 8"), path)
    document = desk.json("order", "run", "counts", folder=path)
    assert document["kitchen"] == "idea"
    assert document["nodes"][0]["outputs"] == {"rows": 8}
    assert document["dirty"] is True


def test_a_failure_is_told_by_the_path_that_other_commands_take(desk: Desk) -> None:
    """Inside what is fanned out, too."""
    desk.write("recipes/inner/recipe.toml", '[nodes.one]\neach = [0, 1]\nrun = "exit {{ each.item }}"\n')
    desk.write("recipes/outer/recipe.toml", '[nodes.all]\nrecipe = "inner"\n')
    desk.save("nested")
    answer = desk.kitchen("order", "run", "outer")
    assert answer.status == 1
    assert "  failed  all/one[1]  exit status 1\n" in answer.out
    assert desk.kitchen("order", "logs", "--node", "all/one[1]").status == 0


def test_variables_come_from_set_over_settings_over_variation(desk: Desk) -> None:
    """Highest first: `--set`, the kitchen's own, the variation, the recipe."""
    desk.json("create", "idea", "--set", "top=5")

    def rows(*words: str) -> int:
        document = desk.json("order", "run", "counts", "--kitchen", "idea", *words)
        return int(document["nodes"][0]["outputs"]["rows"])

    assert rows("--variation", "test", "--set", "top=6") == 6
    assert rows("--variation", "test") == 5
    desk.json("unset", "idea", "top")
    assert rows("--variation", "test") == 2
    assert rows() == 3


def test_a_red_run_exits_with_one_and_is_listed(desk: Desk) -> None:
    """Its document names the test with value and limit."""
    document = desk.json("order", "run", "counts", "--set", "top=0", status=1)
    assert document["status"] == "failed"
    test = document["nodes"][0]["tests"][0]
    assert (test["status"], test["value"], test["fail"]) == ("failed", 0, "stop")
    assert [row["status"] for row in desk.json("order", "list", "--status", "failed")] == ["failed"]
    assert desk.json("order", "show", document["run"])["nodes"] == document["nodes"]


def test_wrong_words_change_nothing(desk: Desk) -> None:
    """An unknown recipe, variation or variable: exit 2 with the nearest name."""
    for words, near in (
        (("order", "run", "count"), "counts"),
        (("order", "run", "counts", "--set", "tpo=1"), "top"),
        (("order", "run", "counts", "--variation", "tets"), "test"),
    ):
        answer = desk.kitchen(*words)
        assert answer.status == 2, answer.err
        assert f"`{near}`" in answer.err
    assert desk.json("order", "list") == []


def test_edits_that_a_permanent_kitchen_does_not_run_are_mentioned(desk: Desk) -> None:
    """Who stands in its checkout and just changed something would take the run for one of that."""
    desk.write("README.md", "Edited.\n")
    answer = desk.kitchen("order", "run", "counts")
    assert (answer.status, "uncommitted changes in" in answer.err) == (0, True), answer.err
    assert "uncommitted" not in desk.kitchen("order", "run", "counts", "--kitchen", "production").err
    desk.git("checkout", "--quiet", "README.md")
    assert "uncommitted" not in desk.kitchen("order", "run", "counts").err


def test_a_recipe_that_waits_for_its_commit_is_named(desk: Desk) -> None:
    """A permanent kitchen runs its last commit: who just wrote a recipe in its checkout is told so."""
    desk.write("recipes/new/recipe.toml", "[nodes.one]\nnoop = true\n")
    for words in (("order", "run", "new"), ("order", "run", "new", "--dry-run")):
        error = desk.json(*words, status=2)["error"]
        assert "`recipes/new/recipe.toml` is not in it" in error["message"]
        assert "git commit" in error["hint"]
    desk.save("a new recipe")
    assert desk.json("order", "run", "new")["status"] == "passed"


def test_a_broken_recipe_is_named_with_file_and_line(desk: Desk) -> None:
    """The nearest right spelling is the hint."""
    desk.json("create", "idea")
    path = desk.path("idea")
    desk.write("recipes/counts/recipe.toml", RECIPE.replace("outputs =", "outptus ="), path)
    error = desk.json("order", "run", "counts", "--kitchen", "idea", status=2)["error"]
    assert error["file"] == "recipes/counts/recipe.toml"
    assert error["line"] == RECIPE.splitlines().index('outputs = { rows = "integer" }') + 1
    assert "outputs" in error["hint"]


@pytest.fixture
def terminal() -> Iterator[None]:
    """A terminal that may be closed: what `nohup make test` starts inherits that this is ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupting_a_run_leaves_it_cancelled_and_nothing_running(
    desk: Desk, number: signal.Signals
) -> None:
    """^C, SIGTERM, a closed terminal: exit 130, the record says cancelled, no child lives on."""
    desk.json("create", "idea")
    path = desk.path("idea")
    desk.write("recipes/slow/recipe.toml", SLOW, path)
    process = subprocess.Popen(
        [sys.executable, "-m", "kitchens.cli.main", "order", "run", "slow"],
        cwd=path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    wait_for_log(desk, process, "first")
    process.send_signal(number)
    _, err = process.communicate(timeout=15)
    assert process.returncode == 130, err
    document = desk.json("order", "show")
    assert document["status"] == "cancelled"


CLEANED = """
[nodes.work]
run = "sleep 60"
[nodes.teardown]
needs = ["work"]
always = true
run = "{teardown}"
"""


@pytest.mark.parametrize("teardown", ["touch $KITCHEN_DATA/clean", "sleep 60"])
def test_a_cancelled_run_cleans_up_until_it_is_asked_again(desk: Desk, teardown: str) -> None:
    """One ^C ends the work, and `always` nodes run; a second one ends them too."""
    desk.json("create", "idea")
    path = desk.path("idea")
    desk.write("recipes/cleaned/recipe.toml", CLEANED.format(teardown=teardown), path)
    process = subprocess.Popen(
        [sys.executable, "-m", "kitchens.cli.main", "order", "run", "cleaned"],
        cwd=path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    wait_for_log(desk, process, "work")
    process.send_signal(signal.SIGINT)
    if teardown == "sleep 60":
        wait_for_log(desk, process, "teardown")
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    document = desk.json("order", "show")
    assert document["status"] == "cancelled"
    statuses = [node["status"] for node in document["nodes"]]
    assert statuses == ["cancelled", "cancelled" if teardown == "sleep 60" else "passed"]


def test_jobs_limits_what_runs_at_once(desk: Desk) -> None:
    """And pools of `kitchens.toml` do; nodes that name another are refused."""
    desk.json("create", "idea")
    path = desk.path("idea")
    toml = (path / "kitchens.toml").read_text() + "\n[pools]\napi = 1\n"
    desk.write("kitchens.toml", toml, path)
    busy = "mkdir $KITCHEN_DATA/busy && sleep 0.1 && rmdir $KITCHEN_DATA/busy"
    desk.write("recipes/jobs/recipe.toml", f'[nodes.n]\neach = [1, 2, 3]\nrun = "{busy}"\n', path)
    desk.write("recipes/pool/recipe.toml", f'[nodes.n]\neach = [1, 2]\npool = "api"\nrun = "{busy}"\n', path)
    desk.write("recipes/bad/recipe.toml", '[nodes.n]\npool = "apo"\nrun = "true"\n', path)

    assert desk.json("order", "run", "jobs", "--jobs", "1", folder=path)["status"] == "passed"
    assert desk.json("order", "run", "pool", "--jobs", "4", folder=path)["status"] == "passed"
    error = desk.json("order", "run", "bad", folder=path, status=2)["error"]
    assert (error["line"], error["hint"]) == (2, "did you mean `api`?")


def wait_for_log(desk: Desk, process: subprocess.Popen[bytes], node: str) -> None:
    """Wait until a node of the run has started."""
    deadline = time.monotonic() + 20
    while not any(Path(desk.folder, ".git/kitchens/runs").glob(f"*/nodes/{node}.1/log.txt")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)


def test_the_logs_of_a_run_are_shown(desk: Desk) -> None:
    """By node when asked."""
    desk.commit("recipes/talk/recipe.toml", '[nodes.say]\nrun = "echo hello"\n')
    desk.json("order", "run", "talk")
    assert desk.kitchen("order", "logs", "--node", "say").out == "hello\n"

"""Orders that live longer than their command: detached, cancelled from elsewhere, killed and resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Desk
from tests.processes import runs

STEP = "echo $KITCHEN_NODE >> $KITCHEN_DATA/ledger"
WAIT = "touch $KITCHEN_DATA/on; until [ -e $KITCHEN_DATA/go ]; do sleep 0.02; done"
CHAIN = f"""
[variables]
word = "first"
[nodes.a]
run = "{STEP}"
[nodes.b]
needs = ["a"]
run = "{STEP}; {WAIT}"
[nodes.c]
needs = ["b"]
run = "{STEP}; echo {{{{ variables.word }}}}"
"""


def data(desk: Desk, kitchen: str = "production") -> Path:
    """A kitchen's data folder."""
    return desk.folder.parent / "shop.kitchens/.data" / kitchen


def ledger(desk: Desk, kitchen: str = "production") -> list[str]:
    """Which nodes ran, in their order."""
    return (data(desk, kitchen) / "ledger").read_text().split()


def wait_until(what: Callable[[], object]) -> None:
    """Until it is true."""
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def start(desk: Desk) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Type a command and do not wait for it."""
    started = []

    def type_it(*words: str, folder: Path | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "kitchens.cli.main", *words]
        process = subprocess.Popen(
            command, cwd=folder or desk.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        started.append(process)
        return process

    yield type_it
    for process in started:
        process.kill()
        process.wait()
    # Nodes outlive their runner, and wait for this; the folder goes with the test.
    if started and data(desk).is_dir():
        (data(desk) / "go").touch()
        time.sleep(0.2)


def killed(
    desk: Desk, start: Callable[..., subprocess.Popen[bytes]], *words: str, kitchen: str = "production"
) -> str:
    """The id of a run whose runner was killed while a node ran."""
    process = start("order", "run", "chain", *words)
    wait_until((data(desk, kitchen) / "on").exists)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (data(desk, kitchen) / "go").touch()
    run: str = desk.json("order", "list", "--limit", "1")[0]["run"]
    return run


def test_a_killed_run_goes_on_under_its_id(desk: Desk, start: Callable[..., Any]) -> None:
    """At its commit and under its variables, although production has moved on; no node runs twice."""
    commit = desk.commit("recipes/chain/recipe.toml", CHAIN)
    run = killed(desk, start, "--set", "word=second")
    assert desk.json("order", "show", run)["status"] == "interrupted"
    # Who follows it is not left to think that this was all.
    followed = desk.kitchen("order", "logs", "-f", run)
    assert f"was interrupted: `kitchen order resume {run}` goes on" in followed.err
    desk.commit("recipes/chain/recipe.toml", CHAIN.replace("[nodes.c]", "[nodes.d]"))

    document = desk.json("order", "resume", run)

    assert (document["run"], document["status"], document["commit"]) == (run, "passed", commit)
    assert ledger(desk) == ["a", "b", "c"]
    assert desk.kitchen("order", "logs", run, "--node", "c").out == "second\n"
    assert desk.json("order", "show", run) == document


def test_a_failed_run_is_taken_up_by_a_new_one(desk: Desk) -> None:
    """Which names it and keeps what passed; there is nothing to resume of that one, unless a node is asked for again."""
    desk.commit("recipes/chain/recipe.toml", CHAIN.replace(WAIT, "test -e $KITCHEN_DATA/go"))
    first = desk.json("order", "run", "chain", status=1)
    (data(desk) / "go").touch()

    second = desk.json("order", "resume", first["run"])
    error = desk.json("order", "resume", second["run"], status=2)["error"]
    third = desk.json("order", "resume", second["run"], "--again", "c")

    assert (second["status"], second["resumes"]) == ("passed", first["run"])
    assert second["run"] != first["run"]
    assert error["message"] == f"order run {second['run']} passed; nothing of it is left to do"
    assert third["nodes"][0]["why"] == f"kept from order run {second['run']}"
    assert ledger(desk) == ["a", "b", "b", "c", "c"]


def test_edits_in_a_sandbox_count_only_for_a_run_that_saw_edits(desk: Desk) -> None:
    """A clean run is resumed at its commit, in a checkout of its own; a dirty one with what lies there, and says so."""
    broken = CHAIN.replace(WAIT, "test -e $KITCHEN_DATA/go")
    desk.json("create", "idea")
    desk.commit("recipes/chain/recipe.toml", broken, "idea")
    path = desk.path("idea")
    clean = desk.json("order", "run", "chain", folder=path, status=1)
    desk.write("recipes/chain/recipe.toml", broken.replace("test -e $KITCHEN_DATA/go", "true"), path)

    still_red = desk.json("order", "resume", clean["run"], folder=path, status=1)
    dirty = desk.json("order", "run", "chain", "--set", "word=x", "--node", "a", folder=path)
    answer = desk.kitchen("order", "resume", dirty["run"], "--again", "a", folder=path)

    assert (still_red["dirty"], dirty["dirty"]) == (False, True)
    assert answer.status == 0
    assert (
        f"saw uncommitted edits, which no record keeps: it goes on with what lies in {path} now" in answer.err
    )


def test_a_detached_run_goes_on_by_itself(desk: Desk) -> None:
    """Its id is the answer; others see it, and its own words lie in its folder."""
    desk.commit("recipes/chain/recipe.toml", CHAIN)
    answer = desk.kitchen("order", "run", "chain", "--detach")
    run = answer.out.strip()
    wait_until((data(desk) / "on").exists)
    running = desk.json("order", "show", run)
    (data(desk) / "go").touch()
    logs = desk.kitchen("order", "logs", "-f", run)

    assert answer.status == 0, answer.err
    assert running["status"] == "running"
    assert logs.out == "c | first\n"
    said = desk.folder / ".git/kitchens/runs" / run / "runner.log"
    wait_until(lambda: "passed: chain" in said.read_text())


def test_what_is_wrong_with_a_detached_order_is_said_at_once(desk: Desk) -> None:
    """With the exit status and the document of the command that waits."""
    answer = desk.kitchen("order", "run", "count", "--detach", "--json")

    assert answer.status == 2
    assert answer.document["error"]["hint"] == "did you mean `counts`?"


def test_a_run_is_cancelled_from_elsewhere(desk: Desk, start: Callable[..., Any]) -> None:
    """It ends as `cancelled` with exit 1 where it was started, and can be resumed."""
    desk.commit("recipes/chain/recipe.toml", CHAIN)
    process = start("order", "run", "chain")
    wait_until((data(desk) / "on").exists)
    run = desk.json("order", "list")[0]["run"]

    began = time.monotonic()
    document = desk.json("order", "cancel", run)

    assert document["status"] == "cancelled"
    assert time.monotonic() - began < 30
    assert process.wait(30) == 1
    assert [node["status"] for node in document["nodes"]] == ["passed", "cancelled", "cancelled"]
    (data(desk) / "go").touch()
    assert desk.json("order", "resume", run)["status"] == "passed"
    assert ledger(desk) == ["a", "b", "b", "c"]


def test_a_second_run_waits_on_record(desk: Desk, start: Callable[..., Any]) -> None:
    """It is queued while another uses the data, can be cancelled, and sees the commit of its own."""
    desk.commit("recipes/chain/recipe.toml", CHAIN)
    first = start("order", "run", "chain")
    wait_until((data(desk) / "on").exists)
    one = desk.json("order", "list")[0]["run"]
    commit = desk.commit("recipes/chain/recipe.toml", CHAIN.replace('"first"', '"second"'))

    second = start("order", "run", "chain")
    wait_until(lambda: len(desk.json("order", "list")) == 2)
    two = desk.json("order", "list")[0]
    cancelled = desk.json("order", "cancel", two["run"])
    third = start("order", "run", "chain")
    wait_until(lambda: len(desk.json("order", "list")) == 3)
    (data(desk) / "go").touch()

    assert (two["status"], two["commit"]) == ("queued", commit)
    assert cancelled["status"] == "cancelled"
    assert (second.wait(30), first.wait(30), third.wait(30)) == (1, 0, 0)
    three = desk.json("order", "list")[0]["run"]
    logs = [desk.kitchen("order", "logs", run).out.splitlines()[-1] for run in (one, three)]
    assert logs == ["c | first", "c | second"]


def test_an_interrupted_run_can_be_closed(
    desk: Desk, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it left running ends, its temporary files go; it reads `cancelled`, and a passed one is left alone."""
    monkeypatch.setenv("KITCHENS_BUBBLEWRAP", "no")
    noted = "echo $$ > $KITCHEN_DATA/pid; echo $TMPDIR > $KITCHEN_DATA/temporary; touch $TMPDIR/left; "
    noted += "env -i /usr/bin/setsid /bin/sleep 600 & echo $! > $KITCHEN_DATA/nameless"
    desk.commit("recipes/chain/recipe.toml", CHAIN.replace(WAIT, f"{noted}; {WAIT}; sleep 600"))
    run = killed(desk, start)
    pid = int((data(desk) / "pid").read_text())
    temporary = Path((data(desk) / "temporary").read_text().strip())
    assert (temporary / "left").exists()

    assert desk.json("order", "cancel", run)["status"] == "cancelled"
    wait_until(lambda: not runs(pid))
    wait_until(lambda: not runs(int((data(desk) / "nameless").read_text())))
    assert not temporary.exists()
    passed = desk.json("order", "run", "counts")["run"]
    assert desk.json("order", "cancel", passed, status=2)["error"]["message"].endswith("has ended: it passed")


def test_the_next_run_ends_what_a_killed_one_left(
    desk: Desk, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it touches the same data; also what has emptied its environment."""
    monkeypatch.setenv("KITCHENS_BUBBLEWRAP", "no")
    noted = "env -i /usr/bin/setsid /bin/sleep 600 & echo $! > $KITCHEN_DATA/nameless"
    desk.commit("recipes/chain/recipe.toml", CHAIN.replace(WAIT, f"{noted}; {WAIT}; sleep 600"))
    killed(desk, start)
    nameless = int((data(desk) / "nameless").read_text())

    desk.json("order", "run", "counts")

    wait_until(lambda: not runs(nameless))


def test_a_run_that_still_runs_is_not_resumed(desk: Desk, start: Callable[..., Any]) -> None:
    """The sentence says how to follow it."""
    desk.commit("recipes/chain/recipe.toml", CHAIN)
    start("order", "run", "chain")
    wait_until((data(desk) / "on").exists)
    run = desk.json("order", "list")[0]["run"]

    error = desk.json("order", "resume", run, status=2)["error"]

    assert error["message"] == f"order run {run} is still running"
    assert error["hint"] == f"`kitchen order logs -f {run}` follows it"
    (data(desk) / "go").touch()


def test_a_skipped_node_counts_as_met(desk: Desk) -> None:
    """By what it left when it last passed; before that it cannot be left out."""
    recipe = CHAIN.replace(WAIT, "true").replace("[nodes.b]", 'outputs = { n = "integer" }\n[nodes.b]')
    recipe = recipe.replace(STEP, f"{STEP}; echo n=3 > $KITCHEN_OUTPUT", 1).replace(
        "variables.word", "outputs.a.n"
    )
    desk.commit("recipes/chain/recipe.toml", recipe)

    early = desk.json("order", "run", "chain", "--skip", "a", status=2)["error"]
    desk.json("order", "run", "chain")
    document = desk.json("order", "run", "chain", "--skip", "a")

    assert "node `a` is outside the selection, and has never passed" in early["message"]
    assert [node["name"] for node in document["nodes"]] == ["b", "c"]
    assert desk.kitchen("order", "logs", "--node", "c").out == "3\n"


def test_the_tests_of_a_run_are_shown(desk: Desk) -> None:
    """Each with its node, its value and its limit; functional tests without a node."""
    desk.commit("recipes/counts/tests/test_it.py", "def test_it():\n    assert True\n")
    desk.json("order", "run", "counts")

    found = desk.json("order", "tests")
    words = desk.kitchen("order", "tests").out.splitlines()

    assert [(test["node"], test["name"], test["value"]) for test in found] == [
        ("count", "some rows", 3),
        (None, "tests/test_it.py::test_it", None),
    ]
    assert words == ["passed  count  some rows", "passed  counts  tests/test_it.py::test_it"]


def test_runs_are_listed_by_time_and_variation(desk: Desk) -> None:
    """A moment is a duration, a date or a time; anything else is exit 2."""
    desk.json("order", "run", "counts", "--variation", "test")
    desk.json("order", "run", "counts")

    def found(*words: str) -> list[str | None]:
        return [row["variation"] for row in desk.json("order", "list", *words)]

    assert found("--variation", "test") == ["test"]
    assert found("--since", "1h") == [None, "test"]
    assert found("--since", "2100-01-01") == []
    error = desk.json("order", "list", "--since", "yesterday", status=2)["error"]
    assert error["message"] == "`yesterday` is no moment"


def test_run_ids_are_completed(desk: Desk) -> None:
    """The newest first, outside a repository none."""
    run = desk.json("order", "run", "counts")["run"]
    words = {
        **os.environ,
        "_KITCHEN_COMPLETE": "bash_complete",
        "COMP_WORDS": f"kitchen order show {run[:8]}",
        "COMP_CWORD": "3",
    }
    done = subprocess.run(
        [sys.executable, "-m", "kitchens.cli.main"],
        cwd=desk.folder,
        env=words,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run in done.stdout, done.stderr


def test_fifty_nodes_that_write_at_once_are_followed_in_whole_lines(desk: Desk) -> None:
    """Though each writes its lines in pieces; none is lost, none is torn, those of a node are in order."""
    piece = 'i=0; while [ $i -lt 20 ]; do printf "$KITCHEN_NODE "; sleep 0.02; echo line $i; i=$((i+1)); done'
    nodes = "".join(f"[nodes.n{number}]\nrun = '{piece}'\n" for number in range(50))
    desk.commit("recipes/many/recipe.toml", nodes)
    run = desk.kitchen("order", "run", "many", "--jobs", "50", "--detach").out.strip()

    seen = desk.kitchen("order", "logs", "-f", run).out.splitlines()

    assert desk.json("order", "show", run)["status"] == "passed"
    by_node: dict[str, list[str]] = {}
    for line in seen:
        node, _, text = line.partition(" | ")
        by_node.setdefault(node, []).append(text)
    assert by_node == {f"n{one}": [f"n{one} line {number}" for number in range(20)] for one in range(50)}


def test_a_hidden_variable_is_given_again(desk: Desk) -> None:
    """No record keeps it; what is on record stays as it was, a required variable too."""
    desk.commit(
        "recipes/quiet/recipe.toml",
        """
        [variables]
        password = ""
        [constraints.password]
        hidden = true
        required = true
        [constraints.year]
        type = "integer"
        required = true
        [nodes.a]
        run = 'test -e $KITCHEN_DATA/go && test {{ variables.password }}{{ variables.year }} = s3cret2013'
        """,
    )
    given = ("--set", "password=s3cret")
    run = desk.json("order", "run", "quiet", "--set", "year=2013", *given, status=1)["run"]
    (data(desk) / "go").touch()

    assert "requires variable `password`" in desk.json("order", "resume", run, status=2)["error"]["message"]
    error = desk.json("order", "resume", run, *given, "--set", "year=1", status=2)["error"]
    assert error["message"].startswith("`year` is on record")
    assert desk.json("order", "resume", run, *given)["status"] == "passed"

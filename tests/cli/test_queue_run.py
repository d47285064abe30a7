"""`kitchen queue run` brings in what waits."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from kitchens.actions.gates.gating import plan_gate
from kitchens.actions.kitchens import Kitchens
from kitchens.actions.landing.moving import land
from kitchens.actions.queueing.chaining import chain, landing_of
from kitchens.cli.desk import Desk as CommandDesk
from kitchens.cli.stop import StopSignal
from tests.cli.conftest import Desk

GOOD = '[nodes.n]\nrun = "true"\n'
BAD = '[nodes.n]\nrun = "false"\n'


def waiting(desk: Desk, **changes: tuple[str, str]) -> None:
    """Kitchens that change a file each, in the queue in this order."""
    for name, (path, text) in changes.items():
        desk.json("create", name)
        desk.commit(path, text, name)
    desk.json("queue", "add", *changes)


def statuses(document: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    """How each change left the queue."""
    return {change["kitchen"]: change["status"] for change in document["changes"]}


def test_the_red_one_is_named_and_the_others_land(desk: Desk) -> None:
    """With the recipe and the node that failed; what landed verifies."""
    waiting(
        desk,
        one=("recipes/one/recipe.toml", GOOD),
        two=("recipes/two/recipe.toml", BAD),
        three=("recipes/three/recipe.toml", GOOD),
    )
    document = desk.json("queue", "run", status=1)
    assert statuses(document) == {"one": "merged", "two": "red", "three": "merged"}
    for change in document["changes"]:
        assert set(change) == {"kitchen", "status", "commit", "gate", "conflicts", "why"}
    (red,) = (change for change in document["changes"] if change["status"] == "red")
    (verdict,) = red["gate"]["recipes"]
    assert (verdict["recipe"], verdict["failures"][0]["node"]) == ("two", "n")
    assert desk.json("queue", "list") == []
    assert desk.json("verify")["faults"] == []
    assert {row["from"] for row in desk.json("history")} == {"one", "three"}


def test_dependent_changes_land_together_when_they_passed_together(desk: Desk) -> None:
    """They share a recipe, so what is in between was never tested, and is no step of its own."""
    desk.commit("recipes/shared/recipe.toml", GOOD)
    desk.json("test", "production")
    waiting(
        desk,
        one=("recipes/shared/one.txt", "1\n"),
        two=("recipes/shared/two.txt", "2\n"),
        three=("recipes/shared/three.txt", "3\n"),
    )
    document = desk.json("queue", "run", "--workers", "1")
    assert statuses(document) == dict.fromkeys(("one", "two", "three"), "merged")
    assert document["gates"] == 1
    assert desk.json("verify")["faults"] == []
    assert next(row["from"] for row in desk.json("history")) == "one, two, three"


def test_what_lies_between_in_a_landing_of_several_is_proved_too(desk: Desk) -> None:
    """A merge inside that drops what the target got meanwhile is found, though the landing brings just what is in it."""
    desk.commit("recipes/shared/recipe.toml", GOOD)
    desk.json("test", "production")
    waiting(desk, one=("recipes/shared/one.txt", "1\n"), two=("recipes/shared/two.txt", "2\n"))
    desk.commit("note.md", "what nobody may drop\n")
    house = CommandDesk(str(desk.folder), as_json=False, stop=StopSignal(), quiet=True).house
    with house.repository:
        kitchens = Kitchens(house)
        target = kitchens.get("production")
        one, two = chain(house, target, [kitchens.get("one"), kitchens.get("two")])
        tree = desk.git("rev-parse", f"{one.source.tip}^{{tree}}")
        dropped = desk.git("commit-tree", tree, "-p", target.tip, "-p", one.source.tip, "-m", "dropped")
        tree = desk.git("merge-tree", "--write-tree", dropped, two.source.tip)
        forged = desk.git("commit-tree", tree, "-p", dropped, "-p", two.source.tip, "-m", "forged")
        gate = plan_gate(house, forged, target, target.tip)
        plan, _ = landing_of(house, target, (one, two._replace(commit=forged, tree=tree, gate=gate)))
        assert land(house, plan).status == "merged"
    (fault,) = desk.json("verify", status=1)["faults"]
    assert fault["commit"] == desk.tip("production")
    assert f"its merge of `one` ({dropped[:12]}) is not what its sides add up to" in fault["why"]


def test_a_conflict_leaves_with_its_paths(desk: Desk) -> None:
    """The first lands, the second is in its way."""
    waiting(desk, one=("note.md", "one\n"), two=("note.md", "two\n"))
    document = desk.json("queue", "run", status=3)
    assert statuses(document) == {"one": "merged", "two": "conflict"}
    assert [each["path"] for each in document["changes"][-1]["conflicts"]] == ["note.md"]


def test_nothing_waits(desk: Desk) -> None:
    """That is no error."""
    assert desk.kitchen("queue", "run").out == "nothing waits\n"
    assert desk.json("queue", "run")["changes"] == []


def test_what_is_merged_or_gone_leaves(desk: Desk) -> None:
    """Somebody merged or deleted it meanwhile."""
    waiting(desk, one=("one.md", "1\n"), two=("two.md", "2\n"))
    desk.json("merge", "one")
    desk.json("delete", "two", "--force")
    assert statuses(desk.json("queue", "run", status=1)) == {"one": "unchanged", "two": "refused"}


def test_a_stopped_run_computes_no_verdict_again(desk: Desk) -> None:
    """What was green is attested, so the next run starts no gate."""
    waiting(desk, one=("recipes/one/recipe.toml", GOOD))
    desk.json("test", "one")
    runs = desk.json("order", "list")
    assert statuses(desk.json("queue", "run")) == {"one": "merged"}
    assert desk.json("order", "list") == runs


def started(desk: Desk) -> subprocess.Popen[bytes]:
    """`kitchen queue run` in a process of its own."""
    words = [
        sys.executable,
        "-P",
        "-m",
        "kitchens.cli.main",
        "queue",
        "run",
        "--into",
        "production",
        "--json",
    ]
    return subprocess.Popen(words, cwd=desk.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_two_runs_at_once_do_no_harm(desk: Desk) -> None:
    """The second waits, and finds what is left; a merge by hand in between is no hindrance."""
    waiting(desk, **{f"k{at}": (f"recipes/r{at}/recipe.toml", GOOD) for at in range(3)})
    desk.json("create", "by-hand")
    desk.commit("by-hand.md", "text\n", "by-hand")
    runs = [started(desk), started(desk)]
    desk.json("merge", "by-hand")
    ended = [(run.communicate(timeout=100)[1], run.returncode) for run in runs]
    assert [status for _, status in ended] == [0, 0], ended
    assert desk.json("queue", "list") == []
    assert desk.json("verify")["faults"] == []
    assert all(desk.git("ls-tree", "--name-only", "production", f"recipes/r{at}/") for at in range(3))


def test_a_killed_run_goes_on_where_it_was(desk: Desk) -> None:
    """What waited still waits; the next run brings it in, and nothing of the dead is in its way."""
    waiting(desk, one=("recipes/one/recipe.toml", '[nodes.n]\nrun = "sleep 2"\n'))
    run = started(desk)
    while "refs/candidates/" not in desk.refs() and run.poll() is None:
        time.sleep(0.1)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert [row["kitchen"] for row in desk.json("queue", "list")] == ["one"]
    assert statuses(desk.json("queue", "run")) == {"one": "merged"}
    assert "refs/candidates/" not in desk.refs()


def test_an_interrupted_run_leaves_the_queue(desk: Desk) -> None:
    """Exit status 130; its gates have ended."""
    waiting(desk, one=("recipes/one/recipe.toml", '[nodes.n]\nrun = "sleep 60"\n'))
    run = started(desk)
    while "refs/candidates/" not in desk.refs() and run.poll() is None:
        time.sleep(0.1)
    time.sleep(1)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=50)
    assert run.returncode == 130
    assert [row["kitchen"] for row in desk.json("queue", "list")] == ["one"]
    assert "refs/candidates/" not in desk.refs()


def test_a_rollback_that_comes_down_in_a_queue_is_reconciled(desk: Desk) -> None:
    """The kitchen keeps its work and gets the rest, alone or together with others; the proof holds."""
    desk.json("create", "dev")
    desk.commit("recipes/one/recipe.toml", GOOD, "dev")
    desk.json("merge", "dev")
    rollback = desk.json("rollback", "production")["commit"]
    desk.commit("note.md", "from above\n")
    desk.json("create", "idea", "--from", "dev", "--no-test")
    desk.commit("recipes/two/recipe.toml", GOOD, "idea")
    desk.json("queue", "add", "production", "idea", "--into", "dev")
    document = desk.json("queue", "run")
    assert statuses(document) == {"production": "merged", "idea": "merged"}
    assert document["changes"][0]["reconciled"] == [rollback]
    files = desk.git("ls-tree", "-r", "--name-only", "dev").splitlines()
    assert {"note.md", "recipes/one/recipe.toml", "recipes/two/recipe.toml"} <= set(files)
    assert desk.json("verify", "dev")["faults"] == []
    assert f"Reconciled: {rollback}" in desk.git("log", "--format=%B", "dev")


def test_independent_changes_do_not_wait_for_each_other(desk: Desk) -> None:
    """The second lands while the first one's gate still runs: that one waits until somebody saw it."""
    seen = desk.folder.parent / "seen"
    patient = f'[nodes.n]\nrun = "until test -e {seen}; do sleep 0.05; done"\n'
    waiting(desk, slow=("recipes/slow/recipe.toml", patient), quick=("recipes/quick/recipe.toml", GOOD))
    with started(desk) as run:
        deadline = time.monotonic() + 60
        try:
            while [row["kitchen"] for row in desk.json("queue", "list")] != ["slow"]:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            seen.touch()
        run.communicate(timeout=60)
    assert run.returncode == 0
    assert desk.git("ls-tree", "--name-only", "production", "recipes/quick/")
    assert desk.json("queue", "list") == []
    assert desk.json("verify")["faults"] == []


def test_the_gates_of_a_killed_run_end(desk: Desk) -> None:
    """Nothing of theirs is left; the next run brings in what waited."""
    alive, there = desk.folder.parent / "alive", desk.folder.parent / "there"
    text = f'[nodes.n]\nrun = "echo $$ > {alive}; test -e {there} || exec sleep 300"\n'
    waiting(desk, one=("recipes/one/recipe.toml", text))
    run = started(desk)
    while not (alive.exists() and alive.read_text().endswith("\n")) and run.poll() is None:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    node = Path(f"/proc/{alive.read_text().strip()}")
    deadline = time.monotonic() + 60
    while node.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    there.touch()
    assert statuses(desk.json("queue", "run")) == {"one": "merged"}
    assert desk.refs().count("refs/candidates/") == 0

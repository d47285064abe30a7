"""Progress as a user sees it: on a terminal, in a log, in a file of events, or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.cli.conftest import Desk
from tests.cli.test_colour import on_a_terminal


@pytest.mark.parametrize(
    "words", [("order", "run", "counts"), ("test",), ("create", "idea"), ("merge", "dev"), ("promote", "dev")]
)
def test_quiet_says_only_the_result(desk: Desk, words: tuple[str, ...]) -> None:
    """Nothing on stderr; `-q` is the same on every command that may run recipes."""
    desk.json("create", "dev", "--no-test")
    answer = desk.kitchen(*words, "-q")
    assert answer.status == 0, answer.err
    assert answer.err == ""
    assert answer.out


def test_quiet_still_says_errors(desk: Desk) -> None:
    """An error is no progress."""
    answer = desk.kitchen("order", "run", "cuonts", "--quiet")
    assert answer.status == 2
    assert answer.err.startswith("error: no recipe named `cuonts`")


def events_in(text: str) -> list[dict[str, object]]:
    """The events of JSON Lines."""
    return [json.loads(line) for line in text.splitlines()]


def test_events_tell_a_run_from_beginning_to_end(desk: Desk) -> None:
    """In a file beside the user, while the answer stays what it was."""
    run = desk.json("order", "run", "counts", "--events", "events.jsonl")["run"]
    events = events_in((desk.folder / "events.jsonl").read_text())
    assert [event["kind"] for event in events] == [
        "runtime",
        "run-queued",
        "run-started",
        "node-started",
        "test-ended",
        "node-ended",
        "run-ended",
    ]
    assert {event["run"] for event in events} == {run}
    assert events[3]["node"] == "count"
    assert events[3]["detail"]["attempts"] == 1  # type: ignore[index]


def test_events_of_a_gate_name_it(desk: Desk) -> None:
    """A merge is told like a run."""
    desk.json("create", "dev", "--no-test")
    desk.commit("recipes/counts/recipe.toml", '[nodes.a]\nrun = "true"\n', "dev")
    desk.json("merge", "dev", "--events", str(desk.folder / "events.jsonl"))
    kinds = [event["kind"] for event in events_in((desk.folder / "events.jsonl").read_text())]
    assert {"gate-planned", "gate-started", "run-started", "node-ended", "gate-ended"} <= set(kinds)


def test_events_on_stderr_are_all_that_is_there(desk: Desk) -> None:
    """`-` is stderr, because stdout is the answer's, and takes the place of progress."""
    answer = desk.kitchen("order", "run", "counts", "--events", "-", "--json")
    assert answer.document["status"] == "passed"
    assert events_in(answer.err)[-1]["kind"] == "run-ended"


def test_a_full_disk_of_events_does_not_end_the_run(desk: Desk) -> None:
    """One warning, and the result is the run's."""
    answer = desk.kitchen("order", "run", "counts", "--events", "/dev/full")
    assert answer.status == 0
    assert answer.err.count("warning: ") == 1
    assert "`/dev/full` end here: no space left on device" in answer.err


def typed_into_a_broken_pipe(desk: Desk, words: tuple[str, ...], stream: str) -> int:
    """The exit status of `kitchen WORDS` when nobody reads one of its streams any more."""
    reader, writer = os.pipe()
    os.close(reader)
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: writer}
    command = [sys.executable, "-m", "kitchens.cli.main", *words]
    status = subprocess.run(command, cwd=desk.folder, check=False, **streams).returncode  # type: ignore[call-overload]
    os.close(writer)
    return int(status)


def test_a_run_goes_on_when_nobody_hears_of_its_progress(desk: Desk) -> None:
    """As behind `2>&1 | head -1`: it neither ends halfway nor leaves an interrupted run."""
    assert typed_into_a_broken_pipe(desk, ("order", "run", "counts"), "stderr") == 0
    assert [run["status"] for run in desk.json("order", "list")] == ["passed"]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_is_red_stays_red_when_nobody_reads_the_answer(desk: Desk, form: tuple[str, ...]) -> None:
    """With `pipefail`, `kitchen … | head` must not pass for done."""
    words = ("order", "run", "counts", "--set", "top=0", *form)
    assert typed_into_a_broken_pipe(desk, words, "stdout") == 1
    assert typed_into_a_broken_pipe(desk, ("list", *form), "stdout") == 0


def test_events_that_cannot_be_written_are_said_before_anything_runs(desk: Desk) -> None:
    """Exit 2, and no run is recorded."""
    answer = desk.kitchen("order", "run", "counts", "--events", "none/events")
    assert answer.status == 2
    assert "there is no folder" in answer.err
    assert desk.json("order", "list") == []


def test_on_a_terminal_the_run_is_painted_and_taken_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines and the answer stay."""
    desk.commit("recipes/slow/recipe.toml", '[nodes.a]\nrun = "sleep 1"\n')
    monkeypatch.setenv("TERM", "xterm")
    shown = on_a_terminal(desk.folder, "order", "run", "slow")
    assert "0 of 1 nodes" in shown
    assert "\x1b[J" in shown[shown.rindex("0 of 1 nodes") :]
    assert "passed a" in shown
    assert "passed: slow" in shown


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("NO_COLOR", "1")])
def test_a_terminal_that_cannot_is_not_asked_to(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A dumb one gets plain lines, one without colours no colours."""
    desk.commit("recipes/slow/recipe.toml", '[nodes.a]\nrun = "sleep 1"\n')
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv(name, value)
    shown = on_a_terminal(desk.folder, "order", "run", "slow")
    assert "passed: slow" in shown
    assert ("\x1b[J" in shown) is (name == "NO_COLOR")
    assert "\x1b[32m" not in shown

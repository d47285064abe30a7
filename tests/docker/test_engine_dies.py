"""The engine is killed, stopped and started again in the middle of a gate: never a false verdict, and work goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kitchens.containers.engine import Engine
from tests.desk import Answer, Desk, desk, empty
from tests.docker.conftest import BUSYBOX
from tests.docker.own_engine import OwnEngine, own_engine

__all__ = ["desk", "empty"]

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("engine-dies")]

COOKBOOK = f"""
[cookbook]
name = "engine-dies"

[runtime]
kind = "docker"
image = "{BUSYBOX}"
network = "none"

[kitchens.production]
[kitchens.dev]
parent = "production"
"""

RECIPE = """
[variables]
top = {top}

[nodes.count]
run = "touch $KITCHEN_DATA/began; sleep 1; echo rows={{{{ variables.top }}}} > $KITCHEN_OUTPUT"
outputs = {{ rows = "integer" }}

[[nodes.count.tests]]
name = "some rows"
output = "rows"
above = 0
"""


@pytest.fixture(scope="module")
def dying(engine: Engine) -> Iterator[OwnEngine]:
    """An engine to be struck, with the image of the tests."""
    image = subprocess.run(
        ["docker", f"--host={engine.address}", "save", BUSYBOX], check=True, capture_output=True, timeout=30
    ).stdout
    with own_engine() as own:
        own.docker("load", fed=image)
        yield own


@pytest.fixture
def book(desk: Desk, dying: OwnEngine, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A cookbook whose kitchen `idea` has a change that its gate finds good."""
    monkeypatch.setenv("DOCKER_HOST", dying.address)
    desk.write("kitchens.toml", COOKBOOK)
    desk.commit("recipes/counts/recipe.toml", RECIPE.format(top=3))
    desk.json("create", "dev", "--no-test")
    desk.json("create", "idea", "--from", "dev", "--no-test")
    desk.commit("recipes/counts/recipe.toml", RECIPE.format(top=4), "idea")
    return desk


@contextmanager
def in_its_gate(book: Desk, *words: str) -> Iterator[list[Answer]]:
    """Type `kitchen WORDS`; inside, the gate's node runs. Afterwards its answer is in what this yields."""
    answers: list[Answer] = []
    before = set(_begun(book))
    with subprocess.Popen(
        [sys.executable, "-m", "kitchens.cli.main", *words, "--json"],
        cwd=book.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as typed:
        try:
            while not set(_begun(book)) - before:
                assert typed.poll() is None, typed.communicate()
                time.sleep(0.01)
            yield answers
            out, err = typed.communicate(timeout=200)
            answers.append(Answer(typed.returncode, out, err))
        finally:
            typed.kill()


def _begun(book: Desk) -> Iterator[Path]:
    return (book.folder / ".git" / "kitchens" / "gates").rglob("began")


def says_that_the_engine_failed(answer: Answer) -> None:
    """Exit 5, and one sentence that has nothing to do with the change."""
    assert answer.status == 5, answer
    error = answer.document["error"]
    assert "\n" not in error["message"] and len(answer.document) == 1, error
    assert "Traceback" not in answer.err


def nothing_was_decided(book: Desk, before: str) -> None:
    """No ref moved, and nothing is attested."""
    assert book.refs() == before


def lands(book: Desk, dying: OwnEngine) -> None:
    """The same command again lands the change, and leaves no container."""
    assert book.json("merge", "idea")["status"] == "merged"
    assert book.json("verify", "dev")["faults"] == []
    assert dying.docker("ps", "--all", "--quiet") == ""


def test_killed_in_a_gate(book: Desk, dying: OwnEngine) -> None:
    """It stays away: exit 5. It comes back: the next merge lands, and what was left on it is gone."""
    before = book.refs()
    with in_its_gate(book, "merge", "idea") as answers:
        dying.kill()
    says_that_the_engine_failed(answers[0])
    nothing_was_decided(book, before)
    dying.start()
    lands(book, dying)


def test_killed_in_a_gate_and_started_again(book: Desk, dying: OwnEngine) -> None:
    """Back at once, it has ended what ran: the gate does that again, or says that it could not. Nothing else."""
    before = book.refs()
    with in_its_gate(book, "merge", "idea") as answers:
        dying.kill()
        dying.start()
    if answers[0].status:
        says_that_the_engine_failed(answers[0])
        nothing_was_decided(book, before)
    lands(book, dying)


def test_stopped_in_a_gate_for_a_while(book: Desk, dying: OwnEngine) -> None:
    """It says nothing for longer than the node takes: another command says so soon, the gate waits and passes."""
    with in_its_gate(book, "merge", "idea") as answers:
        dying.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            says_that_the_engine_failed(book.kitchen("test", "idea", "--json"))
            assert time.monotonic() - began < 10
        finally:
            dying.signal(signal.SIGCONT)
    assert answers[0].status == 0, answers
    assert answers[0].document["status"] == "merged"
    assert dying.docker("ps", "--all", "--quiet") == ""


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_stopped_in_a_gate_for_good(book: Desk, dying: OwnEngine) -> None:
    """It answers nobody, and closes nothing: exit 5 within two minutes, and the next merge lands."""
    before = book.refs()
    with in_its_gate(book, "merge", "idea") as answers:
        dying.signal(signal.SIGSTOP)
    dying.signal(signal.SIGCONT)
    says_that_the_engine_failed(answers[0])
    nothing_was_decided(book, before)
    lands(book, dying)

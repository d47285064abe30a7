"""The process runtime keeps the promises of `ports.Runtime`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from kitchens_engine.ports import Command, Ended
from kitchens_engine.runtimes.local import LocalRuntime


def command(folder: Path, token: str, script: str, environment: Mapping[str, str] | None = None) -> Command:
    argv = ("/bin/sh", "-c", script)
    return Command(token, argv, folder, environment or {}, folder / f"{token}.log")


def finish(runtime: LocalRuntime, count: int) -> dict[str, int]:
    ended: list[Ended] = []
    deadline = time.monotonic() + 30
    while len(ended) < count and time.monotonic() < deadline:
        ended += runtime.wait(1)
    return {each.token: each.status for each in ended}


def test_each_end_is_reported_once_with_its_status(runtime: LocalRuntime, tmp_path: Path) -> None:
    """A signal as 128 and its number."""
    for token, script in (("a", "true"), ("b", "exit 7"), ("c", "kill -15 $$")):
        runtime.start(command(tmp_path, token, script))

    assert finish(runtime, 3) == {"a": 0, "b": 7, "c": 143}
    assert runtime.wait(None) == []


def test_output_is_appended_to_the_log(runtime: LocalRuntime, tmp_path: Path) -> None:
    """Both streams, in their order; standard input is empty."""
    (tmp_path / "a.log").write_text("before\n")

    runtime.start(command(tmp_path, "a", "echo out; echo err >&2; cat; pwd"))

    assert finish(runtime, 1) == {"a": 0}
    assert (tmp_path / "a.log").read_text() == f"before\nout\nerr\n{tmp_path}\n"


def test_the_commands_variables_stand_over_the_runtimes(runtime: LocalRuntime, tmp_path: Path) -> None:
    """And nothing of the caller's gets in."""
    runtime.start(command(tmp_path, "a", "echo $X $PATH ${HOME-none}", {"X": "1", "PATH": "/p:/bin"}))

    finish(runtime, 1)

    assert (tmp_path / "a.log").read_text() == "1 /p:/bin none\n"


@pytest.mark.parametrize("argv", [("no-such-program",), ("/",), ("x\0y",)])
def test_a_program_that_cannot_start_ends_with_127(
    runtime: LocalRuntime, tmp_path: Path, argv: tuple[str, ...]
) -> None:
    """And a line in its log."""
    runtime.start(Command("a", argv, tmp_path, {}, tmp_path / "a.log"))

    assert list(runtime.wait(5)) == [Ended("a", 127)]
    assert (tmp_path / "a.log").read_text().strip()


@pytest.mark.parametrize("argv", [("/bin/sh", "-eu", "-c", "true"), ("/bin/sh", "-c", "true"), ("true",)])
def test_a_folder_that_is_gone_is_named(runtime: LocalRuntime, tmp_path: Path, argv: tuple[str, ...]) -> None:
    """And not the program, which is there."""
    log = tmp_path / "log"
    runtime.start(Command("a", argv, tmp_path / "gone", {}, log))

    assert finish(runtime, 1) == {"a": 127}
    assert log.read_text() == f"{tmp_path / 'gone'}: No such file or directory\n"


def test_waiting_ends_with_the_timeout(runtime: LocalRuntime, tmp_path: Path) -> None:
    """Empty-handed while everything still runs."""
    runtime.start(command(tmp_path, "a", "sleep 600"))

    assert runtime.wait(0) == []
    assert runtime.wait(0.05) == []
    runtime.kill("a")
    assert finish(runtime, 1) == {"a": 143}


def test_killing_what_has_ended_does_nothing(runtime: LocalRuntime, tmp_path: Path) -> None:
    """The end that it had is reported."""
    runtime.start(command(tmp_path, "a", "exit 3"))
    time.sleep(0.2)
    runtime.kill("a")
    runtime.kill("never")

    assert finish(runtime, 1) == {"a": 3}
    runtime.kill("a")


def test_similar_tokens_are_not_confused(runtime: LocalRuntime, tmp_path: Path) -> None:
    """Killing `n#1` spares `n#10`."""
    for token in ("n#1", "n#10"):
        runtime.start(command(tmp_path, token, "sleep 600"))

    runtime.kill("n#1")

    assert finish(runtime, 1) == {"n#1": 143}
    assert runtime.wait(0.1) == []

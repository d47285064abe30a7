"""The threads that start processes: many at once, and killed before they began."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kitchens_engine.ports import Command

if TYPE_CHECKING:
    from kitchens_engine.runtimes.local import LocalRuntime


def command(folder: Path, token: str, script: str, environment: dict[str, str] | None = None) -> Command:
    """A shell that runs `script`."""
    return Command(token, ("/bin/sh", "-c", script), folder, environment or {}, folder / f"{token}.log")


def wait_for(runtime: LocalRuntime, count: int) -> dict[str, int]:
    """The exit statuses of the next `count` processes that end."""
    ended: dict[str, int] = {}
    while len(ended) < count:
        ended |= {each.token: each.status for each in runtime.wait(5)}
    return ended


def test_many_processes_at_once_are_told_apart(runtime: LocalRuntime, tmp_path: Path) -> None:
    """Each ends under its own token, with its own status and log."""
    for number in range(50):
        runtime.start(command(tmp_path, f"t{number}", f"echo {number}; exit {number}"))

    assert wait_for(runtime, 50) == {f"t{number}": number for number in range(50)}
    logs = [(tmp_path / f"t{number}.log").read_text() for number in range(50)]
    assert logs == [f"{number}\n" for number in range(50)]


def test_what_is_killed_before_it_has_started_never_does_or_ends_at_once(
    runtime: LocalRuntime, tmp_path: Path
) -> None:
    """Either way it ends as killed, and so does all that was asked for in the same breath."""
    tokens = [f"t{number}" for number in range(20)]
    for token in tokens:
        runtime.start(command(tmp_path, token, "sleep 30"))
        runtime.kill(token)

    assert set(wait_for(runtime, 20).values()) == {128 + 15}


def test_a_closed_runtime_has_left_nothing_running(runtime: LocalRuntime, tmp_path: Path) -> None:
    """Neither what ran, nor what was still to be started."""
    for number in range(20):
        runtime.start(command(tmp_path, f"t{number}", "echo $$; sleep 30"))

    runtime.close()

    pids = [int(pid) for log in tmp_path.glob("*.log") for pid in log.read_text().split()]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_process_that_the_machine_refuses_is_an_error_and_no_status(
    runtime: LocalRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without memory says nothing about the node."""

    def refuse(*words: object, **options: object) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr("subprocess.Popen", refuse)
    runtime.start(command(tmp_path, "t", "true"))

    with pytest.raises(OSError, match=os.strerror(errno.ENOMEM)):
        wait_for(runtime, 1)

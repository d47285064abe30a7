"""Who carries commands out, with a runtime that only notes what it is asked for."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from kitchens_engine.ports import Command, Ended, Runtime
from kitchens_engine.trying.companion import WAITS
from kitchens_engine.trying.crew import Crew


class Noting:
    """A runtime in which nothing starts, and ends what the test says."""

    python, worker = "python", "worker.py"

    def __init__(self) -> None:
        self.started: list[str] = []
        self.ended: list[Ended] = []

    def start(self, command: Command) -> None:
        self.started.append(command.token)

    def wait(self, _patience: float) -> list[Ended]:
        found, self.ended = self.ended, []
        return found

    def listen(self, descriptor: int | None) -> None:
        pass


@pytest.fixture
def runtime() -> Noting:
    return Noting()


@pytest.fixture
def crew(runtime: Noting, tmp_path: Path) -> Iterator[Crew]:
    crew = Crew(cast("Runtime", runtime), tmp_path, "RUN")
    yield crew
    runtime.ended.append(Ended("#waits", 0))
    crew.close()


def waiting(token: str, folder: Path) -> Command:
    """A command for the companion that waits."""
    argv = ("python", "worker.py", "wait", "x" * 400)
    return Command(token, argv, folder, {}, folder / "log", companion=WAITS)


def test_more_than_a_companion_can_be_told_at_once_waits_for_it(
    crew: Crew, runtime: Noting, tmp_path: Path
) -> None:
    """Nothing gets a process of its own only because the companion has not begun to read."""
    for number in range(300):
        crew.start(waiting(f"w{number}", tmp_path))

    assert runtime.started == ["#waits"]


def test_what_a_companion_never_began_with_starts_anew_unless_it_was_to_end(
    crew: Crew, runtime: Noting, tmp_path: Path
) -> None:
    """A companion that ends before it was up has begun with nothing."""
    for token in ("kept", "stopped"):
        crew.start(waiting(token, tmp_path))
    crew.kill("stopped")
    runtime.ended.append(Ended("#waits", 1))

    assert crew.wait(0) == [Ended("stopped", 128 + signal.SIGTERM)]
    assert runtime.started == ["#waits", "kept"]

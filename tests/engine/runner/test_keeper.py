"""The keeper that starts processes: many at once, killed before they began, and without its runner."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kitchens_engine.ports import Command
from kitchens_engine.runtimes import ceiling
from kitchens_engine.runtimes.local import LocalRuntime
from tests.processes import gone, parent_of


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
    runtime: LocalRuntime, tmp_path: Path
) -> None:
    """A machine without room for a log says nothing about the node."""
    runtime.start(Command("t", ("true",), tmp_path, {}, tmp_path / "nowhere" / "t.log"))

    with pytest.raises(OSError, match=os.strerror(errno.ENOENT)):
        wait_for(runtime, 1)


def test_a_keeper_that_is_ended_loses_what_ran_and_the_next_process_gets_another(
    runtime: LocalRuntime, tmp_path: Path
) -> None:
    """There is no evidence of how it ended, and nothing of it runs on."""
    runtime.start(command(tmp_path, "t", "echo $$; sleep 30"))
    pid = int(until(tmp_path / "t.log"))
    os.kill(parent_of(pid), signal.SIGKILL)

    (lost,) = runtime.wait(5)
    runtime.start(command(tmp_path, "u", "exit 3"))

    assert lost.token == "t"
    assert lost.lost
    gone(pid)
    assert wait_for(runtime, 1) == {"u": 3}


RUNNER = """
import os, sys, time
from pathlib import Path
from kitchens_engine.ports import Command
from kitchens_engine.runtimes.local import LocalRuntime
from kitchens_engine.runtimes.shells import SHELL

folder, ledgers = Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2] else None
lent = sys.argv[3] == "lent"
runtime = LocalRuntime(sys.executable, "", {"PATH": os.environ["PATH"]}, ledgers)
for token, script in (("quick", "exit 4"), ("slow", "echo $$; while [ ! -e go ]; do sleep 0.05; done; exit 5")):
    (folder / token).write_text("\\n".join(["#!/bin/sh", script, ""]))
    (folder / token).chmod(0o755)
    argv = (*SHELL, f"./{token}") if lent else ("/bin/sh", "-c", script)
    runtime.start(Command(token, argv, folder, {}, folder / f"{token}.log"))
(folder / "started").touch()
time.sleep(60)
"""


@pytest.fixture(params=["own", "lent"])
def shells(request: pytest.FixtureRequest) -> str:
    """Whose shell carries out a command: its own, or one that is there already."""
    return str(request.param)


@pytest.fixture
def killed_runner(tmp_path: Path, shells: str) -> Callable[[Path | None], int]:
    """Runs two processes, one of which goes on, and is killed; returns the pid of that one."""

    def run(ledgers: Path | None) -> int:
        words = [sys.executable, "-c", RUNNER, str(tmp_path), str(ledgers or ""), shells]
        with subprocess.Popen(words) as runner:
            pid = int(until(tmp_path / "slow.log"))
            until(tmp_path / "started", said=False)
            runner.kill()
        return pid

    return run


def test_processes_of_a_killed_runner_end_with_it(
    killed_runner: Callable[[Path | None], int],
) -> None:
    """Nobody would ask for them again."""
    gone(killed_runner(None))


def test_the_next_runner_takes_over_what_a_killed_one_left(
    killed_runner: Callable[[Path | None], int], tmp_path: Path
) -> None:
    """What has ended since, with its status, and what still runs; of anything else it says that there is no trace."""
    killed_runner(tmp_path / "ledgers")

    runtime = LocalRuntime(sys.executable, "", {}, tmp_path / "ledgers")
    assert [runtime.adopt(token) for token in ("quick", "slow", "never")] == [True, True, False]
    (tmp_path / "go").touch()

    assert wait_for(runtime, 2) == {"quick": 4, "slow": 5}
    runtime.close()


def test_what_was_taken_over_can_be_killed(
    killed_runner: Callable[[Path | None], int], tmp_path: Path
) -> None:
    """And its end is reported like any other."""
    pid = killed_runner(tmp_path / "ledgers")
    runtime = LocalRuntime(sys.executable, "", {}, tmp_path / "ledgers")
    assert runtime.adopt("slow")

    runtime.kill("slow")

    assert wait_for(runtime, 1) == {"slow": 143}
    gone(pid)
    runtime.close()


def test_a_process_whose_keeper_was_killed_too_is_ended_and_not_taken_over(
    killed_runner: Callable[[Path | None], int], shells: str, tmp_path: Path
) -> None:
    """How it would end, nobody could tell."""
    pid = killed_runner(tmp_path / "ledgers")
    keeper = parent_of(parent_of(pid) if shells == "lent" else pid)
    os.kill(keeper, signal.SIGKILL)
    gone(keeper)

    runtime = LocalRuntime(sys.executable, "", {}, tmp_path / "ledgers")

    assert not runtime.adopt("slow")
    gone(pid)
    runtime.close()


def until(file: Path, said: bool = True) -> str:
    """What a process wrote, as soon as it is there."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if file.exists() and (not said or file.read_text().endswith("\n")):
            return file.read_text()
        time.sleep(0.01)
    raise AssertionError(f"{file} did not come")


def test_however_many_are_left_are_looked_for_once() -> None:
    """After a fork bomb there are thousands, and to look at each is to look at all of `/proc`."""
    script = """
import os, signal
from kitchens_engine.runtimes import processes
children = [os.fork() or signal.pause() for _ in range(20)]
pids, looks = processes._pids, []
processes._pids = lambda: looks.append(1) or pids()
processes.signal_children({children[0]}, signal.SIGKILL)
ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children[1:]]
os.kill(children[0], signal.SIGTERM)
print(len(looks), set(ended), os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]))
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)

    assert done.stdout == "1 {-9} -15\n"


def test_a_group_goes_with_its_maker_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes the next removes what the dead left; one that lives may be about to enter his."""
    monkeypatch.setattr(ceiling, "_parent", lambda: tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (tmp_path / "kitchens-4194305-dead").mkdir()

    for name in ("one", "two"):
        assert ceiling.Group.made(name, 5) is not None

    assert {path.name for path in tmp_path.iterdir()} == {
        f"kitchens-{os.getpid()}-{name}" for name in ("one", "two")
    }

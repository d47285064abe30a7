"""Several clones of one remote: every merge lands, also when others push with plain git, and when merges are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from kitchens.cli.run import run
from tests.cli.sharing.conftest import Team, change, team, typed
from tests.desk import Desk, empty
from tests.kitchens.crash import fork

__all__ = ["empty", "team"]


@pytest.mark.trials(2, 34)
def test_clones_that_merge_at_once_lose_nothing(team: Team, trials: int) -> None:
    """Three clones merge in a row what each of them made, and a fourth user pushes commits with git alone."""
    desks = {"ada": team.ada, "bob": team.clone("bob"), "cy": team.clone("cy")}
    dan = team.clone("dan", join=False)
    dan.git("switch", "--quiet", "dev")
    for who, desk in desks.items():
        for number in range(trials):
            # Some need the gate, most do not; recipes of their own, so that nobody is in another's way.
            change(desk, f"{who}-{number}")
            if number % 4 == 0:
                recipe = f"recipes/{who}-{number}/recipe.toml"
                desk.commit(recipe, '[nodes.one]\nrun = "true"\n', f"{who}-{number}")

    pids = [started(desk, who, trials) for who, desk in desks.items()]
    plain = [committed(dan, f"plain-{number}.txt") for number in range(trials)]
    ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]

    assert ended == [0, 0, 0]
    landed = set(team.at_hub("ls-tree", "--name-only", "dev").splitlines())
    assert {f"{who}-{number}.txt" for who in desks for number in range(trials)} | set(plain) <= landed
    proof = team.clone("eve").json("verify", "dev")
    assert (proof["faults"], proof["landings"]) == ([], 3 * trials)
    team.at_hub("fsck", "--strict")
    for desk in desks.values():
        assert desk.json("sync")["left"] == []
        assert desk.tip("dev") == team.tip("dev")
        assert desk.git("status", "--porcelain", folder=desk.path("dev")) == ""


@pytest.mark.trials(2, 60)
def test_a_merge_that_is_killed_anywhere_is_there_and_here_or_nowhere(team: Team, trials: int) -> None:
    """Whatever moment it was: after the next command both sides agree, and the merge can be had."""
    dice = random.Random(7)
    for number in range(trials):
        name = f"cook-{number}"
        change(team.ada, name)
        before = team.tip("dev")
        killed_after(dice.uniform(0.1, 1.2), team.ada, "merge", name)
        team.ada.json("list")
        assert team.ada.tip("dev") == team.tip("dev"), number
        assert team.ada.json("merge", name)["status"] in ("merged", "unchanged")
        assert len(team.at_hub("rev-list", "--first-parent", f"{before}..dev").split()) == 1
        assert team.ada.git("status", "--porcelain", folder=team.ada.path("dev")) == ""
    team.ada.git("fsck", "--strict")
    assert team.ada.json("verify", "dev")["faults"] == []
    assert list(Path(team.ada.folder, ".git").rglob("*.lock")) == []
    assert typed(team.ada, "doctor")() == 0


def started(desk: Desk, who: str, count: int) -> int:
    """A process that merges its kitchens one after the other; it fails with the first that does not land."""
    pid = fork()
    if pid == 0:
        os.chdir(desk.folder)
        statuses = [run(["merge", f"{who}-{number}"]) for number in range(count)]
        os._exit(max(statuses))
    return pid


def committed(desk: Desk, path: str) -> str:
    """Commit a file in `dev` and push it as users of git do: again, when somebody was faster."""
    desk.write(path, f"{path}\n")
    desk.save(path)
    deadline = time.monotonic() + 120
    push = ["git", "push", "--quiet", "origin", "dev"]
    while subprocess.run(push, cwd=desk.folder, capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline
        desk.git("pull", "--quiet", "--rebase")
    return path


def killed_after(seconds: float, desk: Desk, *words: str) -> None:
    """Type `kitchen WORDS` and kill it, alone: what it started goes on for as long as it likes."""
    pid = fork()
    if pid == 0:
        os.chdir(desk.folder)
        os._exit(run(words))
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

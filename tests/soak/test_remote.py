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


@pytest.mark.trials(6, 104)
def test_clones_that_merge_at_once_lose_nothing(team: Team, trials: int) -> None:
    """Eight processes in three clones merge what each of them made, and a fourth user pushes with git alone."""
    clones = [team.ada, team.clone("bob"), team.clone("cy")]
    dan = team.clone("dan", join=False)
    dan.git("switch", "--quiet", "dev")
    cooks = min(8, trials // 2)
    names: list[list[str]] = [[] for _ in range(cooks)]
    for number in range(trials):
        cook, name = number % cooks, f"cook-{number % cooks}-{number // cooks}"
        desk = clones[cook % len(clones)]
        # Some need the gate, most do not; recipes of their own, so that nobody is in another's way.
        change(desk, name)
        if number % 4 == 0:
            desk.commit(f"recipes/{name}/recipe.toml", '[nodes.one]\nrun = "true"\n', name)
        names[cook].append(name)

    pids = [started(clones[cook % len(clones)], each) for cook, each in enumerate(names)]
    plain = [committed(dan, f"plain-{number}.txt") for number in range(trials // 3)]
    ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]

    assert ended == [0] * cooks
    landed = set(team.at_hub("ls-tree", "--name-only", "dev").splitlines())
    assert {f"{name}.txt" for each in names for name in each} | set(plain) <= landed
    proof = team.clone("eve").json("verify", "dev")
    assert (proof["faults"], proof["landings"]) == ([], trials)
    team.at_hub("fsck", "--strict")
    for desk in clones:
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


def started(desk: Desk, names: list[str]) -> int:
    """A process that merges kitchens one after the other; it fails with the first that does not land."""
    pid = fork()
    if pid == 0:
        os.chdir(desk.folder)
        os._exit(max(run(["merge", name]) for name in names))
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

"""A git dies under a command, as when memory runs out: exit 5 with one sentence or all is well, and nothing half-done."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import Answer
from tests.soak.shop import Child, Shop
from tests.soak.sound import Job, check_cut_off, moments, nothing_half_done, run_whole


@pytest.mark.trials(1, 40, quick=("merge",))
def test_a_git_that_is_killed_is_an_environment_that_failed(shop: Shop, job: Job, trials: int) -> None:
    """Whatever git runs at that moment, or is the next to; the command itself lives on."""
    after = run_whole(shop, job)
    for moment in moments(shop, job, trials):
        child = shop.start(*job.words, ready=True)
        time.sleep(moment)
        killed = kill_next_git(child)
        answer = child.wait()
        told(answer, killed)
        if answer.status:
            nothing_half_done(shop)
        check_cut_off(shop, job, after)


def test_a_deletion_whose_git_is_killed_after_the_branch_went_says_so(shop: Shop, tmp_path: Path) -> None:
    """Not that there never was such a kitchen; the next command does the rest."""
    real = shutil.which("git")
    fake = tmp_path / "git"
    fake.write_text(
        f'#!/bin/sh\ncase "$*" in *"worktree list"*) [ -e {shop.folder}/.git/refs/heads/spare ] || kill -9 $$;; esac\n'
        f'exec {real} "$@"\n'
    )
    fake.chmod(0o755)

    answer = shop.kitchen("delete", "spare", environment={"PATH": f"{tmp_path}:{os.environ['PATH']}"})

    assert (answer.status, "was killed by signal 9" in answer.err) == (5, True), answer
    assert shop.kitchen("list").status == 0
    assert not [ref for ref in shop.refs() if ref.endswith("/spare") and not ref.startswith("refs/deleted/")]
    assert not shop.path("spare").exists()


def kill_next_git(child: Child) -> bool:
    """Kill the gits of a command's session, once there is one; whether there was."""
    while True:
        alive = False
        found = []
        for pid, name in session(child.pid):
            alive = alive or pid == child.pid
            if name.startswith("git") and random.random() < 0.7:
                found.append(pid)
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if found or not alive:
            return bool(found)
        time.sleep(0.001)


def session(leader: int) -> Iterator[tuple[int, str]]:
    """The processes that a command started, and itself: id and program."""
    for entry in os.listdir("/proc"):
        try:
            head, _, rest = Path("/proc", entry, "stat").read_text().rpartition(") ")
        except (OSError, UnicodeDecodeError):
            continue
        fields = rest.split()
        if entry.isdigit() and fields[0] != "Z" and fields[3] == str(leader):
            yield int(entry), head.partition("(")[2]


def told(answer: Answer, killed: bool) -> None:
    """Done in spite of it, or exit 5 with one sentence."""
    assert answer.status in ((0, 5) if killed else (0,)), answer
    errors = [line for line in answer.err.splitlines() if line.startswith("error:")]
    assert len(errors) == (1 if answer.status else 0), answer
    assert "bug" not in answer.err
    assert "Traceback" not in answer.err

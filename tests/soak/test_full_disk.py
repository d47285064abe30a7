"""A disk that is full or read-only: exit 5 with one sentence, nothing lost, and all works once there is room."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import Answer
from tests.soak.shop import Shop
from tests.soak.sound import (
    JOBS,
    Job,
    done_or_done_already,
    git_finds_it_sound,
    nothing_is_left,
    old_or_new,
    run_whole,
)

ALL = (
    *JOBS,
    Job(("verify", "dev")),
    Job(("list",)),
    Job(("order", "list")),
    Job(("doctor",)),
)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk of its own; only root can have one."""
    folder = tmp_path_factory.mktemp("disk")
    size = "size=24m"
    mounted = shutil.which("mount") and os.geteuid() == 0
    if (
        not mounted
        or subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=False).returncode
    ):
        pytest.skip("a disk can be mounted by root only")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="module")
def small(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A cookbook on the small disk; what it starts from lies elsewhere."""
    return Shop(tmp_path_factory.mktemp("soak"), disk / "desk")


@pytest.mark.trials(1, 40, jobs=ALL, quick=("create", "merge", "init"))
def test_a_full_disk_says_nothing_about_the_change_and_loses_nothing(
    small: Shop, disk: Path, job: Job, trials: int
) -> None:
    """The disk fills up at any point of the command: from no room at all to nearly enough."""
    after = run_whole(small, job)
    for _ in range(trials):
        small.reset()
        filled(disk, random.choice((0, 4, 8, 16, 32, 64, 128, 256)) << 10)
        answer = small.kitchen(*job.words)
        listed = small.kitchen("list")
        (disk / "fill").unlink()
        one_sentence(answer)
        assert listed.status == 0, listed
        assert small.kitchen("list").status == 0
        git_finds_it_sound(small)
        old_or_new(small, after)
        small.users_lost_nothing()
        assert not list(small.top.glob(".*")), "left beside"
        done_or_done_already(job, small.kitchen(*job.words, "--json"))
        if job in JOBS:
            nothing_is_left(small)


@pytest.mark.trials(1, 1, jobs=ALL, quick=("merge", "order", "list", "init"))
def test_a_read_only_disk_is_an_environment_that_failed(
    small: Shop, disk: Path, job: Job, trials: int
) -> None:
    """Whoever only looks may look; all else is exit 5."""
    small.prepare(job.before)
    before = small.refs()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    try:
        answer = small.kitchen(*job.words)
        one_sentence(answer)
        looks = job.words[0] in ("list", "verify", "doctor") or job.words == ("order", "list")
        assert answer.status == (0 if looks else 5), answer
        assert small.refs() == before
    finally:
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert small.kitchen(*job.words).status == 0


def one_sentence(answer: Answer) -> None:
    """Done, or exit 5 with one error."""
    errors = [line for line in answer.err.splitlines() if line.startswith("error: ")]
    assert answer.status in (0, 5), answer
    assert len(errors) == (1 if answer.status else 0), answer
    assert "Traceback" not in answer.err


def filled(disk: Path, left: int) -> None:
    """Fill the disk, all but `left` bytes."""
    descriptor = os.open(disk / "fill", os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(descriptor, b"x" * 65536):
            pass
    except OSError:
        pass
    finally:
        os.close(descriptor)
    os.truncate(disk / "fill", max(0, (disk / "fill").stat().st_size - left))

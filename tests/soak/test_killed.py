"""`kill -9` anywhere leaves old or new and nothing between, and the next command heals."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.soak.shop import Shop
from tests.soak.sound import Job, check_cut_off, moments, run_whole


@pytest.mark.trials(1, 60, quick=("merge",))
def test_killed_at_a_random_moment_the_next_command_heals(shop: Shop, job: Job, trials: int) -> None:
    """The command dies with every git and node that it started, at a moment spread over its whole duration."""
    after = run_whole(shop, job)
    for moment in moments(shop, job, trials):
        child = shop.start(*job.words)
        time.sleep(moment)
        child.signal(signal.SIGKILL, group=not job.alone)
        child.wait()
        check_cut_off(shop, job, after)


@pytest.mark.trials(1, 1000, quick=("create", "merge", "delete", "queue"))
def test_killed_before_any_of_its_steps_the_next_command_heals(shop: Shop, job: Job, trials: int) -> None:
    """The command alone dies just before it makes a file, moves one, or starts a process; its git lives on."""
    after = run_whole(shop, job)
    counted = shop.top / "steps"
    shop.kitchen(*job.words, counted=counted)
    steps = int(counted.read_text())
    for number, step in enumerate(sorted(random.sample(range(1, steps + 1), min(trials, steps)))):
        shop.reset()
        answer = shop.kitchen(*job.words, killed_before=step)
        assert answer.status in (-signal.SIGKILL, 0)
        # A thousand steps are looked at, every fourth of them from all sides.
        check_cut_off(shop, job, after, thorough=number % 4 == 0)

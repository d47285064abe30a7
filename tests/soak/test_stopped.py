"""^C and SIGTERM at any moment: exit 130, one sentence, and nothing half-done."""

from __future__ import annotations

import signal
import time

import pytest

from tests.desk import Answer
from tests.soak.shop import Shop
from tests.soak.sound import Job, git_finds_it_sound, moments, nothing_half_done, old_or_new, run_whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.trials(1, 60, quick=("create", "merge"))
def test_a_stopped_command_says_so_and_leaves_nothing_half_done(
    shop: Shop, job: Job, number: signal.Signals, trials: int
) -> None:
    """A terminal's ^C reaches the whole group; SIGTERM reaches the command alone."""
    after = run_whole(shop, job)
    for moment in moments(shop, job, trials):
        child = shop.start(*job.words, ready=True)
        time.sleep(moment)
        child.signal(number, group=number is signal.SIGINT)
        answer = child.wait()
        said_in_one_sentence(answer)
        nothing_half_done(shop)
        git_finds_it_sound(shop)
        old_or_new(shop, after)
        shop.users_lost_nothing()


def said_in_one_sentence(answer: Answer) -> None:
    """Interrupted, or done before the signal came."""
    assert answer.status in (0, 130), answer
    assert "Traceback" not in answer.err
    errors = [line for line in answer.err.splitlines() if line.startswith("error:")]
    assert len(errors) == (1 if answer.status else 0), answer

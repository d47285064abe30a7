"""^C and SIGTERM at any moment: exit 130, one sentence, and nothing half-done."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.desk import Answer
from tests.soak.shop import Shop
from tests.soak.sound import Job, git_finds_it_sound, locks, old_or_new, run_whole
from tests.soak.test_killed import spread


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.trials(1, 60, quick=("create", "merge"))
def test_a_stopped_command_says_so_and_leaves_nothing_half_done(
    shop: Shop, job: Job, number: signal.Signals, trials: int
) -> None:
    """A terminal's ^C reaches the whole group; SIGTERM reaches the command alone."""
    after = run_whole(shop, job)
    began = time.monotonic()
    shop.kitchen(*job.words)
    whole = time.monotonic() - began
    for moment in spread(whole, trials):
        shop.reset()
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


def nothing_half_done(shop: Shop) -> None:
    """No lock, no claim, no folder and no ref that is made for a moment; no kitchen without its branch.

    A signal that strikes a clearing up itself leaves the rest to the next command.
    """
    assert shop.kitchen("list").status == 0
    assert locks(shop) == []
    state = shop.folder / ".git" / "kitchens"
    assert [name for name in os.listdir(state / "locks") if name.endswith(".claim")] == []
    assert os.listdir(state / "gates") == []
    assert [path.name for path in state.glob("scratch-*")] == []
    names = [path.name for path in shop.path("").iterdir()]
    assert [name for name in names if name.startswith((".making", ".removing"))] == []
    refs = shop.refs()
    assert not [ref for ref in refs if ref.startswith("refs/candidates/")]
    kitchens = {ref.removeprefix("refs/kitchens/") for ref in refs if ref.startswith("refs/kitchens/")}
    assert [name for name in kitchens if f"refs/heads/{name}" not in refs] == []
    records = shop.kitchen("order", "list", "--json")
    assert {one["status"] for one in records.document} <= {"passed", "cancelled"}

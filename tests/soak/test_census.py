"""Kitchens come and go, and `kill -9` hits at any moment: in the end as much is there as in the beginning."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.soak.shop import Shop

CYCLES = (
    ("create", "fleeting", "--from", "dev", "--data", "copy", "--no-test"),
    ("create", "fleeting", "--from", "feature", "--no-test"),
    ("create", "team/fleeting", "--from", "dev"),
)


def census(shop: Shop) -> dict[str, object]:
    """All that kitchens leave on a machine: worktrees, their records, folders, data, refs, locks, mounts."""
    top, state = Path(f"{shop.folder}.kitchens"), shop.folder / ".git" / "kitchens"
    return {
        "worktrees": shop.git("worktree", "list", "--porcelain").count("worktree "),
        "records": len(os.listdir(shop.folder / ".git" / "worktrees")),
        "folders": sorted(str(path.relative_to(top)) for path in top.glob("*")),
        "data": sorted(path.name for path in (top / ".data").rglob("*") if path.suffix != ".lock"),
        "refs": sorted(
            ref for ref in shop.refs() if not ref.startswith(("refs/deleted/", "refs/attestations"))
        ),
        "claims": sorted(path.name for path in (state / "locks").glob("*.claim")),
        "scratch": sorted(path.name for path in state.glob("scratch-*")),
        "gates": sorted(os.listdir(state / "gates")) if (state / "gates").is_dir() else [],
        "mounts": [
            line for line in Path("/proc/self/mounts").read_text().splitlines() if str(shop.top) in line
        ],
    }


@pytest.mark.trials(3, 100)
def test_creation_and_deletion_leave_nothing_wherever_they_are_killed(shop: Shop, trials: int) -> None:
    """Either command dies at a random moment; a last `delete`, and what `repair` finds, and all is as it was."""
    usual = random.Random(trials)
    assert shop.kitchen("create", "probe", "--from", "dev", "--data", "copy").status == 0
    assert shop.kitchen("delete", "probe", "--force").status == 0
    before = census(shop)
    for _ in range(trials):
        words = usual.choice(CYCLES)
        killed(shop, usual, *words)
        killed(shop, usual, "delete", words[1], "--force")
        assert shop.kitchen("delete", words[1], "--force").status in (0, 2)
        repaired = shop.kitchen("repair", "--json")
        assert repaired.status == 0, repaired
        now = census(shop)
        assert now == before, (words, repaired.document)
    assert shop.kitchen("repair", "--json").document["findings"] == []
    shop.users_lost_nothing()
    shop.git("fsck", "--strict", "--no-dangling", "--no-progress")


def killed(shop: Shop, usual: random.Random, *words: str) -> None:
    """Run a command, and end it and all that it started after at most as long as it takes."""
    child = shop.start(*words)
    time.sleep(0.05 + usual.random() * 0.4)
    child.signal(signal.SIGKILL)
    child.wait()

"""What a run may add to its folders on disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kitchens_engine.running import execution
from kitchens_engine.trying.disk import DiskWatch
from kitchens_engine.values import in_words

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench

FILLS = """
[nodes.fill]
run = "while :; do head -c 300000 /dev/zero >> $KITCHEN_DATA/big; sleep 0.02; done"
[nodes.after]
needs = ["fill"]
run = "true"
[nodes.tidy]
always = true
needs = ["fill"]
run = "sleep 0.3; rm $KITCHEN_DATA/big; echo tidied"
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "_LOOK", 0.05)


def test_a_run_that_fills_the_disk_is_ended(bench: Bench) -> None:
    """Its node fails with a sentence that names the key; what cleans up still runs, though the disk is still full."""
    record = bench.recipe(FILLS).run(disk_limit=2 << 20)

    nodes = bench.nodes(record)
    assert bench.statuses(record) == {"fill": "failed", "after": "skipped", "tidy": "passed"}
    assert (
        nodes["fill"].why
        == "the run wrote more than 2 MiB to its folders, and may not (`disk` in `[runtime]`)"
    )


def test_functional_tests_that_fill_the_disk_are_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """They fail as a node would."""
    monkeypatch.setattr("kitchens_engine.testing.functional._PATIENCE", 0.05)
    bench.recipe("[nodes.nothing]\nnoop = true\n")
    bench.write(
        "recipes/r/tests/test_it.py",
        "import time\ndef test_fills(data):\n    while True:\n        open(f'{data}/big', 'ab').write(bytes(300000)); time.sleep(0.02)\n",
    )

    record = bench.run(disk_limit=2 << 20)

    assert str(record.status) == "failed"
    assert "`disk` in `[runtime]`" in str([test.message for test in record.tests])


def test_what_was_there_does_not_count(tmp_path: Path) -> None:
    """Nor what lies where a link leads, in a repository, or twice under two names."""
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    (folder / ".git").mkdir(parents=True)
    outside.mkdir()
    (folder / "old").write_bytes(bytes(5 << 20))
    watch = DiskWatch((folder, folder / "inside", folder), 1 << 20)
    assert not watch.measure()

    (outside / "big").write_bytes(bytes(5 << 20))
    (folder / ".git" / "big").write_bytes(bytes(5 << 20))
    (folder / "link").symlink_to(outside)
    os.link(folder / "old", folder / "again")
    assert not watch.measure()
    (folder / "new").write_bytes(bytes(2 << 20))

    assert watch.measure()


def test_sizes_in_words() -> None:
    """As people write them."""
    assert [in_words(size) for size in (10 << 30, 3 << 19, 512)] == ["10 GiB", "1.5 MiB", "512 bytes"]

"""`--events`: whole lines, at once, and a file in trouble troubles nobody else."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from kitchens.cli.progress.eventfile import EventFile, open_events
from kitchens_engine.errors import InvalidInput
from kitchens_engine.ports import Event

EVENT = Event("node-ended", "R", "a/b", {"status": "passed", "value": float("nan")})


def test_an_event_is_one_line_of_json(tmp_path: Path) -> None:
    """With its time, and nothing that JSON does not know."""
    file = EventFile(open_events(str(tmp_path / "events")), "events", pytest.fail)
    file(EVENT)
    file(Event("note", "", None, {"text": "two\nlines"}))
    file.close()
    first, second = map(json.loads, (tmp_path / "events").read_text().splitlines())
    assert first.pop("time").endswith("Z")
    assert first == {
        "run": "R",
        "kind": "node-ended",
        "node": "a/b",
        "detail": {"status": "passed", "value": None},
    }
    assert second["run"] is None


def test_a_full_disk_ends_the_events_with_one_warning() -> None:
    """However many events follow."""
    said: list[str] = []
    file = EventFile(open_events("/dev/full"), "`/dev/full`", said.append)
    for _ in range(5):
        file(EVENT)
        time.sleep(0.01)
    file.close()
    assert said == ["the events in `/dev/full` end here: no space left on device; the run goes on"]


def test_a_reader_that_goes_away_ends_the_events_with_one_warning(tmp_path: Path) -> None:
    """As `head -1` does."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: fifo.open().close())
    reader.start()
    said: list[str] = []
    file = EventFile(open_events(str(fifo)), "fifo", said.append)
    reader.join()
    file(EVENT)
    file(EVENT)
    file.close()
    assert said == ["the events in fifo end here: broken pipe; the run goes on"]


def test_a_reader_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    """The events wait, the run does not; at the end it is left behind."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    said: list[str] = []
    file = EventFile(open_events(str(fifo)), "fifo", said.append)
    began = time.monotonic()
    for _ in range(5000):
        file(EVENT)
    assert time.monotonic() - began < 1
    file.close(patience=0.1)
    os.close(reader)
    file.close()
    assert len(said) == 1
    assert said[0].startswith("nobody reads the events from fifo; ")


@pytest.mark.parametrize("path", ["none/events", ".", "file/events"])
def test_a_file_that_cannot_be_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """In one sentence."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match=f"`--events {path}`"):
        open_events(path)

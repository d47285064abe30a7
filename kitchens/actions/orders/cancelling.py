"""`kitchen order cancel`: ask a run to end, from wherever; and how a run hears of it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from kitchens.actions.house import House
from kitchens.actions.orders.runs import records_of
from kitchens.containers.place import temporary_of
from kitchens_engine.errors import InvalidInput
from kitchens_engine.outcome import RunRecord, Status
from kitchens_engine.records import Records
from kitchens_engine.runtimes.confinement import Confinement
from kitchens_engine.runtimes.ledger import end_run

#: The file in a run's folder that asks it to end: a line each time it is asked.
_REQUEST = "cancel"
#: How often a run looks for it, and whoever asked for the end, in seconds.
_LOOK = 0.25
#: So long at most whoever asked waits for the end.
_PATIENCE = 30.0
_WHY = "cancelled after its process was gone"


class Requests:
    """What a run was asked by others. `heard` says that it was asked to end."""

    def __init__(self, folder: Path, stop: threading.Event) -> None:
        self._path = folder / _REQUEST
        self._stop = stop
        self._size = 0
        self._over = threading.Event()
        self.heard = False

    def watch(self) -> None:
        """Pass on each request, until it is `over`."""
        while not self._over.wait(_LOOK):
            self._look()

    def over(self) -> None:
        """Look no more."""
        self._over.set()

    def _look(self) -> None:
        try:
            size = self._path.stat().st_size
        except OSError:
            return
        if size > self._size:
            self._size = size
            self.heard = True
            self._stop.set()


@contextmanager
def heard(folder: Path, stop: threading.Event) -> Iterator[Requests]:
    """Set `stop` whenever somebody asks the run of this folder to end. What an earlier runner was asked is void."""
    (folder / _REQUEST).unlink(missing_ok=True)
    requests = Requests(folder, stop)
    thread = threading.Thread(target=requests.watch, name="requests", daemon=True)
    thread.start()
    try:
        yield requests
    finally:
        requests.over()
        thread.join()


def cancel_order(house: House, run: str) -> dict[str, Any]:
    """Ask a run to end, wait for that, and answer with its document. Asked again, it ends its clean-up too.

    Raises `InvalidInput` for one that has ended otherwise.
    """
    with closing(records_of(house)) as records:
        record = records.head(run)
        if record.status is Status.INTERRUPTED:
            _close(house, records, record)
        elif record.status in (Status.RUNNING, Status.QUEUED):
            _ask(record)
            _wait(house, records, record.run)
        elif record.status is not Status.CANCELLED:
            raise InvalidInput(f"order run {record.run} has ended: it {record.status}", code="run")
        return records.run(record.run).document()


def _ask(record: RunRecord) -> None:
    descriptor = os.open(
        f"{record.folder}/{_REQUEST}", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644
    )
    with open(descriptor, "a", encoding="utf-8") as file:
        file.write(f"by process {os.getpid()}\n")


def _wait(house: House, records: Records, run: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    with house.watch() as stop:
        while not stop.wait(_LOOK) and time.monotonic() < deadline:
            if records.head(run).status not in (Status.RUNNING, Status.QUEUED):
                return


def _close(house: House, records: Records, record: RunRecord) -> None:
    """Nobody runs it any more: what it left running is ended here."""
    records.take(record.run)
    end_run(record.run, Path(record.folder))
    for temporary in (Path(record.folder, "tmp"), temporary_of(Path(record.folder), house.environment)):
        Confinement(temporary=temporary).clear()
    records.cancel_rest(record.run, _WHY)
    records.status(record.run, Status.CANCELLED, record.seconds, _WHY)
    records.flush()

"""Where an order runs: its checkout, its data, its runtime; and the run itself, recorded."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kitchens.actions.house import House
from kitchens.model.cookbook import Cookbook
from kitchens_engine.environment import allowed
from kitchens_engine.errors import Interrupted
from kitchens_engine.order import Order
from kitchens_engine.outcome import RunRecord, Status
from kitchens_engine.ports import Event, Runtime, Source
from kitchens_engine.records import Records
from kitchens_engine.runner import run


@dataclass(frozen=True, slots=True)
class Equipment:
    """A runtime with its toolchain's identity: the image's digest, or the hash of the environment."""

    runtime: Runtime
    toolchain: str


@dataclass(frozen=True, slots=True)
class Place:
    """A checkout and a data folder, equipped to run orders. `runs` is where run folders lie; `environment` the
    allowed part of the caller's, as the runtime may see it."""

    checkout: Path
    data: Path
    runs: Path
    environment: Mapping[str, str]
    equipment: Equipment

    @classmethod
    @contextmanager
    def equip(
        cls,
        house: House,
        source: Source,
        cookbook: Cookbook,
        checkout: Path,
        data: Path,
        run_id: str,
        network: str,
        isolation: str | None,
    ) -> Iterator[Place]:
        """Make ready what `cookbook` asks for, and give it back at the end. `isolation` names the only runtime
        that counts, when a policy says so."""
        raise NotImplementedError


def records_of(house: House) -> Records:
    """The database of order runs, in the common git directory."""
    house.state.mkdir(parents=True, exist_ok=True)
    return Records(house.state / "runs.sqlite")


def run_order(house: House, order: Order, place: Place) -> RunRecord:
    """Run it and record it. Raises `Interrupted` when it was asked to stop; the record then says `cancelled`."""
    order.folder.mkdir(parents=True, exist_ok=True)
    with house.watch() as stop, records_of(house) as records:
        record = run(order, place.equipment.runtime, records, house.tell, stop)
    if stop.is_set() and record.status is Status.CANCELLED:
        raise Interrupted(f"interrupted; order run {order.run} is cancelled, and nothing of it still runs")
    return record


@contextmanager
def held(house: House, path: Path, why: str) -> Iterator[None]:
    """Hold the lock file at `path`; wait for it, and say so, while another process does. It goes with its holder."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            house.tell(Event("waiting", "", None, {"why": why}))
            _wait(house, file.fileno())
        yield


def _wait(house: House, descriptor: int) -> None:
    with house.watch() as stop:
        while not stop.is_set():
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.1)
            else:
                return
    raise Interrupted("interrupted while waiting; nothing was run")

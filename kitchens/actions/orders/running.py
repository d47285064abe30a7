"""Where an order runs: its checkout, its data, its runtime; and the run itself, recorded."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.actions.cookbook.toolchain import chosen
from kitchens.actions.house import House
from kitchens.actions.orders.cancelling import heard
from kitchens.actions.orders.placing import placed
from kitchens.actions.orders.runs import records_of
from kitchens.actions.services.states import Wanted
from kitchens.containers import place as containers
from kitchens.containers.choose import DockerChoice, ProcessChoice
from kitchens.containers.toolchains.usage import note_use
from kitchens.git.checkouts.folders import make_spread
from kitchens.model.cookbook import Cookbook
from kitchens_engine.errors import EnvironmentFailure, Interrupted
from kitchens_engine.order import Order
from kitchens_engine.outcome import RunRecord, Status
from kitchens_engine.ports import Event, Runtime, Source
from kitchens_engine.recipe import EMPTY
from kitchens_engine.running.runner import run
from kitchens_engine.trying.environment import allowed
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.containers.nodes.room import Room


class Equipment(NamedTuple):
    """A runtime with its toolchain's identity: the image's digest, or the hash of the environment; and the digests of
    the services' images."""

    runtime: Runtime
    toolchain: str
    services: Mapping[str, str] = EMPTY


class Place(NamedTuple):
    """A checkout and a data folder, equipped to run orders.

    `folder` takes the run's logs and attempts: beside checkout and data it is all that a container sees.
    """

    checkout: Path
    data: Path
    folder: Path
    equipment: Equipment


@contextmanager
def equipped(
    house: House,
    source: Source,
    cookbook: Cookbook,
    *,
    kitchen: str,
    run_id: str,
    checkout: Path,
    data: Path,
    network: str,
    isolation: str | None = None,
    resumable: bool = False,
    services: Wanted | None = None,
    images: Sequence[str] = (),
) -> Iterator[Place]:
    """Make ready what `cookbook` asks for, and give it back at the end. `isolation` names the only runtime that
    counts, when a policy says so; processes of a `resumable` run outlive a runner that is killed. `services` says
    whose (None: none are needed). `images` are those that single nodes have for their own."""
    asks = "isolation" if isolation else "runtime.kind"
    choice = chosen(house, source, cookbook, checkout, kind=isolation, asks=asks, images=images)
    # Beside the services', whose names have no colon.
    digests: dict[str, str] = {}
    if isinstance(choice, DockerChoice):
        for made in (choice.made, *choice.images.values()):
            user = None if services is None or services.kitchen is None else services.kitchen.name
            note_use(house.cache, made.name, house.repository.common, user)
        digests = {f"image:{image}": made.id for image, made in choice.images.items()}
    house.tell(Event("runtime", run_id, None, {"kind": choice.kind, "why": choice.why}))
    folder = house.state / "runs" / run_id
    make_spread(folder.parent)
    folder.mkdir(parents=True, exist_ok=True)
    place = containers.Place(
        checkout=checkout,
        data=data,
        folder=folder,
        cookbook=cookbook.name,
        kitchen=kitchen,
        run=run_id,
        network=network,
        limits=containers.Limits.of(cookbook.runtime),
        environment=allowed(house.environment),
        resumable=resumable,
    )
    with released(choice):
        if services is None or not (cookbook.services or isinstance(choice, DockerChoice)):
            with opened(choice, place) as runtime:
                yield Place(checkout, data, folder, Equipment(runtime, choice.toolchain, digests))
            return
        # Services, and containers that stay, are paid for by those who have some.
        from kitchens.actions.services.joining import joined
        from kitchens.actions.services.warming import lent

        reach = network if cookbook.services else "none"
        with joined(
            house, choice, cookbook, source, services, run=run_id, checkout=checkout, network=reach
        ) as inside:
            place = place._replace(inside=inside.network)
            with (
                lent(house, choice, services.kitchen, place) as room,
                opened(choice, place, room) as runtime,
            ):
                yield Place(
                    checkout,
                    data,
                    folder,
                    Equipment(runtime, choice.toolchain, {**inside.digests, **digests}),
                )


@contextmanager
def released(choice: DockerChoice | ProcessChoice) -> Iterator[None]:
    """The connections to an engine go with the block."""
    try:
        yield
    finally:
        choice.release()


@contextmanager
def opened(
    choice: DockerChoice | ProcessChoice, place: containers.Place, room: Room | None = None
) -> Iterator[Runtime]:
    """The runtime for one order run, closed at the end; in a container of its own unless it is given a room in another."""
    runtime = choice.open(place, room)
    try:
        yield runtime
    except EnvironmentFailure:
        # An engine that is gone cannot remove its container either: what is said is what came first.
        with suppress(EnvironmentFailure):
            runtime.close()
        raise
    except BaseException:
        runtime.close()
        raise
    else:
        runtime.close()


def run_order(house: House, order: Order, place: Place) -> RunRecord:
    """Run it and record it. Raises `Interrupted` when it was asked to stop; the record then says `cancelled`.

    Cancelled by another command it is a run that has ended so; but what a gate ran is no verdict then.
    """
    order.folder.mkdir(parents=True, exist_ok=True)
    with (
        placed(house, order) as order,
        house.watch() as stop,
        heard(order.folder, stop) as requests,
        closing(records_of(house)) as records,
    ):
        record = run(order, place.equipment.runtime, records, house.tell, stop)
    others = requests.heard and not order.gate
    if stop.is_set() and record.status is Status.CANCELLED and not others:
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

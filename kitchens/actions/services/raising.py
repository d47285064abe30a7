"""A kitchen's services come up: what is missing is made, what changed is made anew, what runs stays."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kitchens.actions.house import House
from kitchens.actions.services.home import SERVICE, SPEC, Home
from kitchens.actions.services.noted import known
from kitchens.actions.services.seeding import Seeder, seeds_of
from kitchens.actions.services.starting import judged, start_all
from kitchens.actions.services.states import NotReady, Started
from kitchens.containers import networks, objects
from kitchens.containers.services import ports
from kitchens.containers.services.service import Fresh, Spec, create
from kitchens_engine.errors import Interrupted
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine
    from kitchens.containers.objects import Found

#: The mark of a kitchen that has, or had, services on an engine.
SERVING = "serving"
_PORTS = "ports"
_STATE = "state"


class Raised(NamedTuple):
    """Services that are ready, and the network in which they are reached by name."""

    network: str
    started: tuple[Started, ...]

    @property
    def digests(self) -> dict[str, str]:
        """Service → the id of its image."""
        return {one.name: one.digest for one in self.started}


def raise_services(
    house: House,
    engine: Engine,
    home: Home,
    specs: Mapping[str, Spec],
    seeder: Seeder,
    beside: Callable[[str], object] = lambda _: None,
) -> Raised:
    """Bring up the services of a kitchen, and at the same time do what is to be done `beside` with their network. Whoever
    calls holds `changing`.

    Raises `NotReady` or `EnvironmentFailure` for one that does not become ready; its container stays, for its log.
    """
    kept = _kept(engine, home, specs)
    home.mark("used")
    (home.folder / _STATE).write_text("starting", encoding="ascii")
    home.mark(SERVING)
    inside = networks.make_inside(engine, home.called("inside"), home.labels)

    def made(spec: Spec) -> tuple[str, int | None, bool]:
        if stop.is_set():
            raise Interrupted("interrupted; nothing half-done is left")
        found = kept.get(spec.name)
        if found is None:
            new = _made(engine, house, home, spec, inside, seeder)
            begun.append(new[0])
            return new
        if found.state == "paused":
            objects.resume(engine, found.id)
        return found.id, _port_of(home, spec), found.state in ("running", "paused")

    begun: list[str] = []
    try:
        # Not interrupted between the making of a container and the moment when its name is known here.
        with house.watch() as stop, _at_once(beside, inside):
            started = start_all(house, engine, specs, made, house.note)
        if stop.is_set():
            raise Interrupted("interrupted; nothing half-done is left")
    except (KeyboardInterrupt, Interrupted):
        for container in begun:
            engine.remove(container)
        home.unmark(_STATE)
        raise
    for each in started:
        if each.status == "ready":
            home.unmark(_unfinished(each.name))
    try:
        judged(house, started, specs)
    except NotReady:
        (home.folder / _STATE).write_text("red", encoding="ascii")
        raise
    (home.folder / _STATE).write_text("up", encoding="ascii")
    return Raised(inside, started)


def _kept(engine: Engine, home: Home, specs: Mapping[str, Spec]) -> dict[str, Found]:
    """The containers that are as they should be, by service; the others are removed."""
    kept = {}
    for one in objects.containers(engine, home.mine, SERVICE):
        name = one.labels[SERVICE]
        spec = specs.get(name)
        if spec is None or one.labels.get(SPEC) != spec.key or home.marked(_unfinished(name)):
            engine.remove(one.id)
        else:
            kept[name] = one
    return kept


@contextmanager
def _at_once(beside: Callable[[str], object], inside: str) -> Iterator[None]:
    """Do it in a thread during the block; what it raises, the block raises at its end."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            beside(inside)
        except BaseException as failure:  # noqa: BLE001  raised again at the end of the block
            failures.append(failure)

    thread = threading.Thread(target=work, name="beside-services")
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if failures:
        raise failures[0]


def remove_services(engine: Engine, home: Home) -> None:
    """Remove the services of a kitchen whose files name none any more. Whoever calls holds `changing`."""
    if home.marked(SERVING):
        for one in objects.containers(engine, home.mine, SERVICE):
            engine.remove(one.id)
        for network in objects.networks(engine, home.mine):
            objects.remove_network(engine, network)


def _made(
    engine: Engine, house: House, home: Home, spec: Spec, inside: str, seeder: Seeder
) -> tuple[str, int | None, bool]:
    """A new container, on volumes that are there or new ones; its port is the one that it had before, if that is free."""
    volumes = {path: home.called(f"{spec.name}-{_short(path)}") for path in spec.volumes}
    there = set(volumes.values())
    if volumes:
        there &= {name for name, _ in objects.volumes(engine, home.mine)}
    if home.marked(_unfinished(spec.name)):
        # It was never ready on them: what is in them may be half of something.
        for name in there:
            objects.remove_volume(engine, name)
        there = set()
    new = bool(volumes) and not there
    if new:
        home.mark(_unfinished(spec.name))
    for name in set(volumes.values()) - there:
        objects.make_volume(engine, name, {**home.labels, SERVICE: spec.name})
    labels = {**home.labels, SERVICE: spec.name, SPEC: spec.key}
    seeds = seeds_of(house, engine, spec, seeder) if new else {}
    fresh = Fresh(home.called(spec.name), labels, inside, volumes, seeds=seeds)
    if spec.port is not None:
        network = networks.make_ports(engine, networks.PORTS_LABELS)
        port = _choose_port(house, home, spec)
        fresh = fresh._replace(published=port, ports=network)
    return create(engine, spec, fresh), fresh.published, False


def _short(path: str) -> str:
    """A folder inside, as part of a name."""
    return hashlib.sha256(path.encode()).hexdigest()[:8]


def _unfinished(service: str) -> str:
    return f"unfinished-{service}"


def _port_of(home: Home, spec: Spec) -> int | None:
    port: int | None = home.read(_PORTS).get(spec.name)
    return port if spec.port is not None else None


def _choose_port(house: House, home: Home, spec: Spec) -> int:
    """The port that this service has always had; a new one keeps away from those of this cookbook's other kitchens."""
    own = home.read(_PORTS)
    others = {
        port
        for folder in known(house).values()
        for name, port in Home("", "", "", folder).read(_PORTS).items()
        if folder != home.folder or name != spec.name
    }
    port = ports.choose(f"{home.id} {spec.name}", own.get(spec.name), others)
    if own.get(spec.name) not in (None, port):
        house.note(
            f"port {own[spec.name]} of service `{spec.name}` is taken by somebody else; it is {port} now"
        )
    home.note(_PORTS, {**own, spec.name: port})
    return port

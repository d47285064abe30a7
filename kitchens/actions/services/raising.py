"""A kitchen's services come up: what is missing is made, what changed is made anew, what runs stays."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kitchens.actions.house import House
from kitchens.actions.services.home import SERVICE, SERVING, SPEC, Home
from kitchens.actions.services.noted import known
from kitchens.actions.services.seeding import Seeder, distrust_seeds, seeds_of
from kitchens.actions.services.starting import judged, start_all
from kitchens.actions.services.states import NotReady, Started
from kitchens.containers import networks, objects, stopping
from kitchens.containers.services import ports
from kitchens.containers.services.service import Fresh, Spec, create
from kitchens_engine.errors import EnvironmentFailure, Interrupted
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine
    from kitchens.containers.objects import Found

_PORTS = "ports"
_STARTS = "starts"
_DATA = "data"
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
    home.mark("used")
    (home.folder / _STATE).write_text("starting", encoding="ascii")
    home.mark(SERVING)
    inside = networks.make_inside(engine, home.called("inside"), home.labels)
    containers = _Containers(house, engine, home, inside, seeder, _kept(engine, home, specs, inside))

    def made(spec: Spec) -> tuple[str, int | None, bool]:
        if stop.is_set():
            raise Interrupted("interrupted; nothing half-done is left")
        return containers.give(spec)

    try:
        # Not interrupted between the making of a container and the moment when its name is known here.
        with house.watch() as stop, _at_once(beside, inside):
            started = start_all(house, engine, specs, made, house.note)
        if stop.is_set():
            raise Interrupted("interrupted; nothing half-done is left")
        for each in started:
            if each.status == "ready":
                home.unmark(_unfinished(each.name))
        with_secrets = [one.container for one in started if specs[one.name].secret]
        _note_starts(engine, home, [container for container in with_secrets if container])
        distrust_seeds(house, started, containers.seeded)
        judged(house, started, specs, home.kitchen)
    except (KeyboardInterrupt, Interrupted):
        for container in containers.made:
            engine.remove(container)
        home.unmark(_STATE)
        raise
    except (NotReady, EnvironmentFailure) as failure:
        state = "red" if isinstance(failure, NotReady) else "failed"
        (home.folder / _STATE).write_text(state, encoding="ascii")
        raise
    (home.folder / _STATE).write_text("up", encoding="ascii")
    return Raised(inside, started)


class _Containers:
    """The containers of a kitchen's services: those that are `kept`, and new ones, whose ids are in `made`; `seeded` names
    the volumes of the seeds that these begin with."""

    def __init__(
        self,
        house: House,
        engine: Engine,
        home: Home,
        inside: str,
        seeder: Seeder,
        kept: Mapping[str, Found],
    ) -> None:
        self.made: list[str] = []
        self.seeded: dict[str, tuple[str, ...]] = {}
        self._house = house
        self._engine = engine
        self._home = home
        self._inside = inside
        self._seeder = seeder
        self._kept = kept
        self._given: dict[str, str] = {}

    def give(self, spec: Spec) -> tuple[str, int | None, bool]:
        """The container of a service, its port, and whether it runs; asked for once more, it is made anew."""
        found = self._kept.get(spec.name)
        if spec.name in self._given:
            self._engine.remove(self._given[spec.name])
        elif found is not None:
            self._given[spec.name] = found.id
            return found.id, _port_of(self._home, spec), self._runs(spec, found)
        made, self.seeded[spec.name] = _made(
            self._engine, self._house, self._home, spec, self._inside, self._seeder
        )
        self._given[spec.name] = made[0]
        self.made.append(made[0])
        return made

    def _runs(self, spec: Spec, found: Found) -> bool:
        if found.state == "paused":
            objects.resume(self._engine, found.id)
        elif found.state != "running":
            return False
        if spec.secret and _was_restarted(self._engine, self._home, found):
            stopping.stop(self._engine, found.id, 0)
            return False
        return True


def _kept(engine: Engine, home: Home, specs: Mapping[str, Spec], inside: str) -> dict[str, Found]:
    """The containers that are as they should be, by service; the others are removed. Somebody may have taken one out of
    its network, or removed the network while it was stopped, as `docker network prune` does."""
    kept, others = {}, []
    for one in objects.containers(engine, home.mine, SERVICE):
        name = one.labels[SERVICE]
        spec = specs.get(name)
        reached = one.networks & {inside, home.called("inside")}
        if spec is None or not reached or one.labels.get(SPEC) != spec.key or home.marked(_unfinished(name)):
            others.append(one)
        else:
            kept[name] = one
    _remove(engine, home, others)
    return kept


def _remove(engine: Engine, home: Home, services: Sequence[Found]) -> None:
    """Remove containers of services, whose data stays where it is whole."""
    stopping.stop_keepers(
        engine, [one for one in services if not home.marked(_unfinished(one.labels[SERVICE]))]
    )
    for one in services:
        engine.remove(one.id)


def _was_restarted(engine: Engine, home: Home, one: Found) -> bool:
    """Whether somebody else started it anew: then it waits for its secrets, which nobody gave it."""
    noted = home.read(_STARTS).get(one.id)
    return noted is not None and noted != objects.state_of(engine, one.id).get("StartedAt")


def _note_starts(engine: Engine, home: Home, containers: Sequence[str]) -> None:
    """Write down when these were started, by us."""
    if containers:
        home.note(_STARTS, {one: objects.state_of(engine, one).get("StartedAt") for one in containers})


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
        _remove(engine, home, objects.containers(engine, home.mine, SERVICE))
        for network in objects.networks(engine, home.mine):
            objects.remove_network(engine, network)


def _made(
    engine: Engine, house: House, home: Home, spec: Spec, inside: str, seeder: Seeder
) -> tuple[tuple[str, int | None, bool], tuple[str, ...]]:
    """A new container, on volumes that are there or new ones; its port is the one that it had before, if that is free. And
    the volumes of the seed that it begins with."""
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
    _tell_of_old_data(house, home, spec, new=new)
    labels = {**home.labels, SERVICE: spec.name, SPEC: spec.key}
    seeds = seeds_of(house, engine, spec, seeder) if new else {}
    # A seed may take minutes: a volume that nobody holds yet would be anyone's to prune, and the engine makes what is
    # missing without labels.
    for name in set(volumes.values()) - there:
        objects.make_volume(engine, name, {**home.labels, SERVICE: spec.name})
    fresh = Fresh(home.called(spec.name), labels, inside, volumes, seeds=seeds)
    if spec.port is not None:
        network = networks.make_ports(engine, networks.PORTS_LABELS)
        port = _choose_port(house, home, spec)
        fresh = fresh._replace(published=port, ports=network)
    return (create(engine, spec, fresh), fresh.published, False), tuple(seeds.values())


def _tell_of_old_data(house: House, home: Home, spec: Spec, *, new: bool) -> None:
    """Init files run when data is new: who changed one since is told that the data stays as the earlier ones made it."""
    if not spec.files:
        return
    files = hashlib.sha256(repr(sorted(spec.files.items())).encode()).hexdigest()
    noted = home.read(_DATA)
    if new:
        home.note(_DATA, {**noted, spec.name: files})
    elif noted.get(spec.name) not in (None, files):
        house.note(
            f"`init` of service `{spec.name}` changed, and its data stays as it is;"
            f" `kitchen down {home.kitchen} --volumes` lets it begin anew"
        )


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

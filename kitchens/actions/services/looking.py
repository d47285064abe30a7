"""`kitchen port`, `logs`, and what `show` tells of services: the containers of a kitchen as they are."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from kitchens.actions.cookbook.secrets import secrets_of
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.services.home import SERVICE, SERVING, Home, engine_of, home_of, no_service
from kitchens.actions.services.idling import sweep
from kitchens.actions.services.living import settings_of
from kitchens.containers import objects
from kitchens.containers.engine import Engine, connect
from kitchens.containers.services.ports import HOST
from kitchens_engine.errors import InvalidInput, KitchensError
from kitchens_engine.language.secrets import reference
from kitchens_engine.ports import DEFAULT
from kitchens_engine.redaction.hidden import Hidden
from kitchens_engine.toml.nearest import hints

if TYPE_CHECKING:
    from kitchens.containers.objects import Found

_RUNS = ("running", "paused")


def ports(house: House, name: str, service: str | None = None) -> list[dict[str, Any]]:
    """Where the services of a kitchen answer on this machine."""
    home = _serving(house, Kitchens(house).get(name))
    found = containers_of(engine_of(house, home), home, service, running=True)
    noted = home.read("ports")
    return [
        {"service": one, "port": noted[one], "address": f"{HOST}:{noted[one]}"}
        for one in found
        if one in noted
    ]


def service_container(house: House, name: str, service: str) -> tuple[Engine, str]:
    """The engine and the running container of one service."""
    home = _serving(house, Kitchens(house).get(name))
    engine = engine_of(house, home)
    return engine, containers_of(engine, home, service, running=True)[service].id


def containers_of(
    engine: Engine, home: Home, service: str | None, *, running: bool = False
) -> dict[str, Found]:
    """The containers of a kitchen by service, or that of one. Raises `InvalidInput` for one that is not there."""
    found = {one.labels[SERVICE]: one for one in objects.containers(engine, home.mine, SERVICE)}
    there = {name: one for name, one in sorted(found.items()) if not running or one.state in _RUNS}
    if not there:
        raise no_service(home)
    if service is None:
        return there
    if service not in there:
        act = no_service(home).hints if service in found else hints(service, there)
        raise InvalidInput(f"no service `{service}` of `{home.kitchen}` runs", *act, code="service")
    return {service: there[service]}


def logs(
    house: House, name: str, service: str | None, *, lines: int | None, follow: bool
) -> Iterator[tuple[str, bytes]]:
    """What services wrote, line by line, each with its service; with `follow` until all have ended. Secrets are `***`."""
    kitchen = Kitchens(house).get(name)
    home = _serving(house, kitchen)
    engine = engine_of(house, home)
    found = containers_of(engine, home, service)
    hidden = _hidden(house, kitchen)
    sources = {
        each: _lines(objects.log_of(engine, one.id, lines, follow=follow)) for each, one in found.items()
    }
    for each, line in _merged(sources) if follow else _one_by_one(sources):
        yield each, hidden.data(line)


def containers_facts(house: House, kitchen: Kitchen) -> dict[str, Any]:
    """What `show` tells of a kitchen's `services`, and of its warm `toolchain`; neither where there never were any."""
    home = home_of(house, kitchen, "")
    if not home.folder.is_dir():
        return {"services": [], "toolchain": None}
    from concurrent.futures import ThreadPoolExecutor

    from kitchens.actions.services.warming import toolchain_of

    engine = connect(house.environment)
    sweep(house, engine)
    noted = home.read("ports")
    services = sorted(objects.containers(engine, home.mine, SERVICE), key=lambda one: one.labels[SERVICE])
    toolchain = toolchain_of(engine, home)

    def facts(one: Found) -> dict[str, Any]:
        memory, disk = objects.usage(engine, one.id) if one.state in _RUNS else (None, None)
        if disk is not None and SERVICE in one.labels:
            disk += _stored(engine, one)
        return {"state": one.state, "image": one.image, "memory": memory, "disk": disk, "container": one.id}

    # An engine takes up to a second to say what memory a container has in use.
    everything = [*services, *([toolchain] if toolchain else [])]
    with ThreadPoolExecutor(max_workers=max(1, len(everything))) as pool:
        told = list(pool.map(facts, everything))
    named = zip((one.labels[SERVICE] for one in services), told, strict=False)
    return {
        "services": [
            {"name": name, **about, "address": f"{HOST}:{noted[name]}" if name in noted else None}
            for name, about in named
        ],
        "toolchain": told[-1] if toolchain else None,
    }


def _stored(engine: Engine, one: Found) -> int:
    """Bytes in the volumes of a running container, as far as its image can count them."""
    total = 0
    for path in one.mounts:
        said = objects.read_in(engine, one.id, ["du", "-sk", path]) if one.state == "running" else None
        words = (said or b"").split()
        total += int(words[0]) * 1024 if words and words[0].isdigit() else 0
    return total


def _serving(house: House, kitchen: Kitchen) -> Home:
    """The home of a kitchen that has, or had, services. Raises `InvalidInput` for one that never had any, whether or not an
    engine answers."""
    home = home_of(house, kitchen, "")
    if not home.marked(SERVING):
        raise no_service(home)
    return home


def _hidden(house: House, kitchen: Kitchen) -> Hidden:
    """Everything that the services get from the vault."""
    hidden = Hidden()
    try:
        cookbook, _ = settings_of(house, kitchen)
        secrets = secrets_of(house, cookbook, kitchen.name)
        texts = [text for each in cookbook.services.values() for text in each.env.values()]
        for wanted in filter(None, map(reference, texts)):
            hidden.hide(secrets.resolve(wanted, DEFAULT) or "")
    except KitchensError as error:
        house.note(f"secrets in these logs are not hidden: {error.message}")
    return hidden


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest


def _one_by_one(sources: dict[str, Iterator[bytes]]) -> Iterator[tuple[str, bytes]]:
    for name, lines in sources.items():
        for line in lines:
            yield name, line


def _merged(sources: dict[str, Iterator[bytes]]) -> Iterator[tuple[str, bytes]]:
    """The lines of all as they come: each is heard in a thread of its own."""
    inbox: queue.SimpleQueue[tuple[str, bytes] | None] = queue.SimpleQueue()

    def hear(name: str, lines: Iterator[bytes]) -> None:
        try:
            for line in lines:
                inbox.put((name, line))
        except KitchensError:
            pass  # the engine went away: there is no more to hear
        finally:
            inbox.put(None)

    for name, lines in sources.items():
        threading.Thread(target=partial(hear, name, lines), daemon=True).start()
    open_ones = len(sources)
    while open_ones:
        heard = inbox.get()
        if heard is None:
            open_ones -= 1
        else:
            yield heard

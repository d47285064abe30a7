"""A service's data made once: volumes by the hash of what made them, whose content new volumes begin with."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from kitchens.containers import networks, objects, owners
from kitchens.containers.engine import Engine
from kitchens.containers.life_signs import life_signs
from kitchens.containers.lock import alone, if_free
from kitchens.containers.services import service
from kitchens.containers.services.service import Fresh, Spec
from kitchens.containers.stopping import stop
from kitchens_engine.tuples import NamedTuple

LABEL = owners.LABEL + "seed"
#: A seed that nobody began with for this long is removed.
UNUSED = 30 * 24 * 3600.0
#: How long a server may take to write everything down when it is asked to stop, in seconds.
_STOPS_WITHIN = 60
_MAKING = ".making"


class Seeding(NamedTuple):
    """What makes a seed: its key (hex), the labels of what is only needed meanwhile, and what is done with the service
    once `wait` saw that it is ready: `fill` gets the network that it is in."""

    key: str
    labels: Mapping[str, str]
    wait: Callable[[str], None]
    fill: Callable[[str], None] | None = None


def seed(
    engine: Engine, spec: Spec, seeding: Seeding, cache: Path, tell: Callable[[str], object]
) -> dict[str, str]:
    """Folder inside → the volume with its content, made where there is none. Two processes at once make one.

    What `wait` and `fill` raise ends it, and nothing is left.
    """
    done = cache / "seeds" / seeding.key
    names = {path: f"{_stem(done)}-{number}" for number, path in enumerate(spec.volumes)}
    if not _whole(engine, names, seeding.key, done):
        with alone(
            done.with_suffix(".lock"), tell, f"another process makes the data of `{spec.name}`: waiting"
        ):
            if not _whole(engine, names, seeding.key, done):
                what = f"making the data of service `{spec.name}`"
                tell(f"{what}, once")
                with life_signs(what, tell) as hear:
                    _make(engine, spec, seeding, names, hear)
                done.touch()
    with suppress(OSError):
        os.utime(done)
    return names


def distrust(cache: Path, volume: str) -> None:
    """A service did not come up on a copy of this volume: the seed that it belongs to is made anew, under another name, since
    containers may hold it."""
    key = volume.removeprefix("kitchens-seed-")[:32]
    for done in (cache / "seeds").glob(f"{key}*[0-9a-f]"):
        done.with_suffix(_MAKING).write_text(f"-{os.urandom(2).hex()}", encoding="ascii")
        done.unlink(missing_ok=True)


def _stem(done: Path) -> str:
    """How the volumes of a seed are called; one that was made anew is not called as the earlier one of the same content."""
    try:
        making = done.with_suffix(_MAKING).read_text(encoding="ascii")
    except FileNotFoundError:
        making = ""
    return f"kitchens-seed-{done.name[:32]}{making}"


def _is_part(name: str, done: Path) -> bool:
    """Whether a volume belongs to a seed that is whole."""
    return done.exists() and name.rpartition("-")[0] == _stem(done)


def forget_unused(engine: Engine, cache: Path) -> None:
    """Remove the seeds that nobody has begun with for long, and those that were not made to their end."""
    for key, name in half_made(engine, cache):
        forget_half_made(engine, cache, key, name)
    now = time.time()
    for done in (cache / "seeds").glob("[0-9a-f]*[0-9a-f]"):
        if now - done.stat().st_mtime <= UNUSED:
            continue
        names = [name for name, _ in objects.volumes(engine, f"{LABEL}={done.name}")]
        if all(objects.remove_volume(engine, name) for name in names):
            done.unlink(missing_ok=True)


def half_made(engine: Engine, cache: Path) -> list[tuple[str, str]]:
    """Key and volume of each seed that somebody began to make with this cache, and that is not whole: he was killed, or is
    at it; or that was made anew since."""
    folder = cache / "seeds"
    if not folder.is_dir():
        return []
    found = [(labels.get(LABEL, ""), name) for name, labels in objects.volumes(engine, LABEL)]
    return [
        (key, name)
        for key, name in found
        if (folder / f"{key}.lock").exists() and not _is_part(name, folder / key)
    ]


def forget_half_made(engine: Engine, cache: Path, key: str, name: str) -> bool:
    """Remove such a volume, unless somebody is at it; whether it is gone."""
    done = cache / "seeds" / key
    with if_free(done.with_suffix(".lock")) as held:
        return held and not _is_part(name, done) and objects.remove_volume(engine, name)


def _whole(engine: Engine, names: Mapping[str, str], key: str, done: Path) -> bool:
    """Whether its maker came to the end, and it is still on this engine."""
    if not done.exists():
        return False
    return {name for name, _ in objects.volumes(engine, f"{LABEL}={key}")} >= set(names.values())


def _make(
    engine: Engine, spec: Spec, seeding: Seeding, names: Mapping[str, str], hear: Callable[[str], None]
) -> None:
    for name in names.values():
        objects.remove_volume(engine, name)
        objects.make_volume(engine, name, {LABEL: seeding.key})
    maker = f"kitchens-seeding-{seeding.key[:16]}-{os.getpid()}"
    inside = networks.make_inside(engine, maker, seeding.labels)
    container = None
    try:
        container = service.create(engine, spec, Fresh(maker, seeding.labels, inside, names))
        service.start(engine, spec, container)
        seeding.wait(container)
        if seeding.fill is not None:
            seeding.fill(inside)
        hear("it is there, and is asked to stop")
        stop(engine, container, _STOPS_WITHIN)
    except BaseException:
        _clear(engine, container, inside)
        for name in names.values():
            objects.remove_volume(engine, name)
        raise
    _clear(engine, container, inside)


def _clear(engine: Engine, container: str | None, inside: str) -> None:
    if container is not None:
        engine.remove(container)
    objects.remove_network(engine, inside)

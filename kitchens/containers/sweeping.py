"""What carries our labels goes from an engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

from kitchens.containers import objects, owners
from kitchens.containers.engine import Engine
from kitchens_engine.tuples import NamedTuple

#: An engine needs a moment to let go of a volume or a network whose container it has removed.
_PATIENCE = 5.0
_PAUSE = 0.05


class Removed(NamedTuple):
    """How many of each went."""

    containers: int = 0
    networks: int = 0
    volumes: int = 0


class Left(NamedTuple):
    """Something on an engine: `kind` is `container`, `network` or `volume`; `key` what the engine finds it by."""

    kind: str
    key: str
    name: str
    labels: Mapping[str, str]


def everything(engine: Engine, label: str) -> list[Left]:
    """All that carries a label (`name` or `name=value`), in the order in which it can be removed."""
    with engine.asked("the engine could not list its networks") as api:
        networks = api.networks(filters={"label": label})
    return [
        *(Left("container", one.id, one.name, one.labels) for one in objects.containers(engine, label)),
        *(Left("network", one["Id"], one["Name"], one.get("Labels") or {}) for one in networks),
        *(Left("volume", name, name, labels) for name, labels in objects.volumes(engine, label)),
    ]


def remove(engine: Engine, left: Left) -> None:
    """Remove one of them; fine when it is gone."""
    if left.kind == "container":
        engine.remove(left.key)
    elif left.kind == "network":
        _persist(partial(objects.remove_network, engine, left.key))
    else:
        _persist(partial(objects.remove_volume, engine, left.key))


def remove_all(engine: Engine, label: str, *, volumes: bool = True) -> Removed:
    """Remove the containers and networks that carry a label, and the volumes; then the network for ports if nobody is
    left in it. What others removed meanwhile is gone."""
    containers = objects.containers(engine, label)
    for one in containers:
        engine.remove(one.id)
    found = objects.networks(engine, label)
    for network in found:
        _persist(partial(objects.remove_network, engine, network))
    held = [name for name, _ in objects.volumes(engine, label)] if volumes else []
    for name in held:
        _persist(partial(objects.remove_volume, engine, name))
    if containers:
        for network in objects.networks(engine, f"{owners.LABEL}ports"):
            objects.remove_network(engine, network)
    return Removed(len(containers), len(found), len(held))


def sweep_networks(engine: Engine) -> None:
    """Remove the networks of this machine's dead processes; their containers went before (`owners.sweep`)."""
    with engine.asked("the engine could not list its networks") as api:
        found = api.networks(filters={"label": owners.MACHINE})
    for network in found:
        if owners.is_dead(network.get("Labels") or {}):
            objects.remove_network(engine, network["Id"])


def _persist(remove: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not remove() and time.monotonic() < deadline:
        time.sleep(_PAUSE)

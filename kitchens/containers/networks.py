"""Networks of our own: one inside each kitchen, which leads nowhere, and one that only publishes ports.

The engine's own pool of subnets ends near 31 networks, so ours come from a range of their own.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from kitchens.containers.engine import ContainerEnded, Engine
from kitchens.containers.owners import LABEL
from kitchens_engine.errors import EnvironmentFailure

#: 2,048 networks of 29 containers each, in a corner of the private range that few use.
POOL = ipaddress.IPv4Network("10.213.0.0/16")
_INSIDE = 27
#: One network publishes the ports of all kitchens on this engine.
PORTS = "kitchens-ports"
PORTS_LABELS = {f"{LABEL}ports": "all"}
_PORTS_PREFIX = 20
_PORTS_POOL = ipaddress.IPv4Network("10.214.0.0/16")
_TRIES = 40
#: Seconds that the engine takes at most to make a network.
_BEING_MADE = 1.0
_BRIDGE = "com.docker.network.bridge."


def make_inside(engine: Engine, name: str, labels: Mapping[str, str]) -> str:
    """The id of the kitchen's own network, made if it is not there: its containers reach each other and nothing else,
    not even this machine, since its bridge has no address here."""
    return _named(engine, name) or _make(
        engine, name, labels, POOL, _INSIDE, {f"{_BRIDGE}inhibit_ipv4": "true"}, internal=True
    )


def make_ports(engine: Engine, labels: Mapping[str, str]) -> str:
    """The id of the network that publishes ports: in it no container reaches another, and none the outside."""
    options = {f"{_BRIDGE}enable_icc": "false", f"{_BRIDGE}enable_ip_masquerade": "false"}
    return _named(engine, PORTS) or _make(
        engine, PORTS, labels, _PORTS_POOL, _PORTS_PREFIX, options, internal=False
    )


def join(engine: Engine, network: str, container: str, alias: str | None = None) -> None:
    """Let a container into a network, under this name beside its own."""
    with engine.asked("a container could not join its network") as api:
        api.connect_container_to_network(container, network, aliases=[alias] if alias else None)


def _named(engine: Engine, name: str) -> str | None:
    with engine.asked("the engine could not list its networks") as api:
        # The engine's filter takes part of a name for the whole.
        found = [one["Id"] for one in api.networks(names=[name]) if one["Name"] == name]
    return found[0] if found else None


def _soon(engine: Engine, name: str) -> str | None:
    """The network of that name, which somebody may just be making."""
    deadline = time.monotonic() + _BEING_MADE
    while (found := _named(engine, name)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _make(
    engine: Engine,
    name: str,
    labels: Mapping[str, str],
    pool: ipaddress.IPv4Network,
    prefix: int,
    options: Mapping[str, str],
    *,
    internal: bool,
) -> str:
    """Try one free subnet after another: somebody else may take it first."""
    failure: EnvironmentFailure | None = None
    for subnet, _ in zip(_free(engine, pool, prefix, name), range(_TRIES), strict=False):
        try:
            with engine.asked(f"the network `{name}` could not be made") as api:
                made = api.create_network(
                    name,
                    driver="bridge",
                    options=dict(options),
                    ipam={"Driver": "default", "Config": [{"Subnet": str(subnet)}]},
                    check_duplicate=True,
                    internal=internal,
                    labels=dict(labels),
                )
                return str(made["Id"])
        except ContainerEnded as error:
            # Who takes the same subnet mostly makes the same network; the engine lists it only once it is whole, and
            # does not mind two of one name.
            if found := _soon(engine, name):
                return found
            failure = error
    raise failure or EnvironmentFailure(
        f"no subnet of {pool} is free for the network `{name}`", "`docker network prune` removes unused ones"
    )


def _free(
    engine: Engine, pool: ipaddress.IPv4Network, prefix: int, name: str
) -> Iterator[ipaddress.IPv4Network]:
    """The subnets of the pool that neither the engine nor this machine's routes know, from a place of the name's own,
    so that processes at the same moment seldom meet."""
    with engine.asked("the engine could not list its networks") as api:
        configured = [
            entry.get("Subnet", "")
            for network in api.networks()
            for entry in (network.get("IPAM") or {}).get("Config") or ()
        ]
    taken = [ipaddress.IPv4Network(one) for one in configured if one and ":" not in one]
    taken += _routes()
    count = 1 << (prefix - pool.prefixlen)
    start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    size = 1 << (32 - prefix)
    for number in range(count):
        address = int(pool.network_address) + (start + number) % count * size
        subnet = ipaddress.IPv4Network((address, prefix))
        if not any(subnet.overlaps(one) for one in taken):
            yield subnet


def _routes() -> list[ipaddress.IPv4Network]:
    """Where this machine's routes lead, such as into a company's network; none where that cannot be seen."""
    try:
        lines = Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return []
    found = []
    for line in lines:
        words = line.split("\t")
        address, mask = (int.from_bytes(bytes.fromhex(words[at]), "little") for at in (1, 7))
        if mask:
            found.append(ipaddress.IPv4Network((address, mask.bit_count())))
    return found

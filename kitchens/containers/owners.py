"""Whose a container is, written on it, so that what a dead process left behind is found and removed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens_engine.runtimes.processes import Owner

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine

LABEL = "org.kitchens."
_OWNER = LABEL + "owner"
#: Carried by what ends with the process that made it.
MACHINE = LABEL + "machine"


def labels(cookbook: str, kitchen: str, run: str) -> dict[str, str]:
    """What a container of this process carries."""
    owner = Owner.myself()
    return {
        LABEL + "cookbook": cookbook,
        LABEL + "kitchen": kitchen,
        LABEL + "run": run,
        _OWNER: f"{owner.pid} {owner.started} {owner.boot}",
        MACHINE: _machine(),
    }


def sweep(engine: Engine) -> int:
    """Remove the containers of this machine's dead processes; how many.

    An engine may serve several machines and containers: only those whose processes can be
    seen from here are judged.
    """
    dead = [
        container for container, carried in engine.labelled(f"{MACHINE}={_machine()}") if not _alive(carried)
    ]
    for container in dead:
        engine.remove(container)
    return len(dead)


def is_dead(carried: Mapping[str, str]) -> bool:
    """Whether the process of this machine that these labels name has ended."""
    return carried.get(MACHINE) == _machine() and not _alive(carried)


def _alive(carried: Mapping[str, str]) -> bool:
    try:
        process, started, boot = carried.get(_OWNER, "").split(" ")
        return Owner(int(process), started, boot).alive()
    except ValueError:  # a label that is none of ours
        return True


def machine() -> str:
    """This machine: its name and its identity."""
    import platform

    try:
        identity = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except OSError:
        identity = ""
    return f"{platform.node()}/{identity}"


def _machine() -> str:
    """This machine, as seen from this namespace of process ids: another one counts other processes."""
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return f"{machine()}/{namespace}"

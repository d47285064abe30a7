"""Where one order run executes, and how much of the machine it may take."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from kitchens.model.cookbook import Runtime
from kitchens_engine.recipe import EMPTY
from kitchens_engine.tuples import NamedTuple


def temporary_of(folder: Path, environment: Mapping[str, str]) -> Path:
    """The folder for temporary files of a run (known by its own `folder`) that nothing else keeps apart from others'."""
    # A short name: sockets are put there, and their paths must be.
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path(environment.get("TMPDIR") or "/tmp") / f"kitchen-{name}"


class Limits(NamedTuple):
    """What a container may take at most. `memory` is bytes, swap included."""

    memory: int = 2 << 30
    cpus: float = 2.0
    pids: int = 512

    @classmethod
    def of(cls, runtime: Runtime) -> Limits:
        """Those that a cookbook says."""
        return cls(runtime.memory, runtime.cpus, runtime.pids)


class Place(NamedTuple):
    """One order run's place: the folders it works in, its network, its limits, and whose it is.

    All folders are absolute and appear inside a container at the same paths. `network`
    is `none`, `kitchen` or `open`. `environment` is the allowed part of the caller's environment.
    `inside` is the network in which the services are, where there are any; `resumable` lets processes outlive a runner that is killed, for the one that resumes the run.
    `lodge` is the folder of this machine that a kitchen's warm container has in the place of what `folder` lies in:
    of all runs it sees those of its kitchen that are under way.
    """

    checkout: Path
    data: Path
    folder: Path
    cookbook: str
    kitchen: str
    run: str
    network: str = "none"
    limits: Limits = Limits()
    environment: Mapping[str, str] = EMPTY
    resumable: bool = False
    inside: str | None = None
    lodge: Path | None = None

"""Containers' processes as this machine sees them, where the engine is on it: a fiftieth of the price of a command inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kitchens.containers.engine import Engine


def folder_of_first(engine: Engine, container: str, state: Mapping[str, Any]) -> Path | None:
    """The folder in `/proc` of a container's first process, by its `State`; None where that cannot be seen from here."""
    if not engine.address.startswith("unix://"):
        return None
    folder = Path("/proc", str(state.get("Pid") or "none"))
    try:
        # An engine elsewhere counts other processes: it must be the one that is meant.
        return folder if container in (folder / "cgroup").read_text(encoding="ascii") else None
    except OSError:
        return None

"""Containers are asked to end, so that they write down what they have: as long as somebody in them would hear it."""

from __future__ import annotations

import signal
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from kitchens.containers import objects
from kitchens.containers.engine import Engine
from kitchens.containers.objects import Found
from kitchens.containers.processes import folder_of_first
from kitchens.containers.wire.unix import Missing

#: How long a server may take to write everything down, in seconds.
_PATIENCE = 10


def stop(engine: Engine, container: str, patience: int = _PATIENCE) -> None:
    """End its processes as its image asks for, by force after `patience` seconds, and at once when its first process
    would not hear: nothing else ends one that neither catches nor blocks a signal. It stays, and can be started."""
    with engine.asked("a container could not be looked up") as api:
        try:
            facts = api.inspect_container(container)
        except Missing:
            return
    if not facts["State"].get("Running"):
        return
    hears = patience > 0 and _hears(engine, facts)
    with engine.asked("a container could not be stopped") as api, suppress(Missing):
        api.stop(container, timeout=patience if hears else 0)


def stop_all(engine: Engine, containers: Collection[str]) -> None:
    """Stop them, all at once."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=max(1, len(containers))) as pool:
        list(pool.map(partial(stop, engine), containers))


def stop_keepers(engine: Engine, found: Iterable[Found]) -> None:
    """Stop those that have volumes: what they store outlives them, and many a server writes it down only when it ends."""
    stop_all(engine, [one.id for one in found if one.mounts and one.state in ("running", "paused")])


def _hears(engine: Engine, facts: Mapping[str, Any]) -> bool:
    """Whether its first process does anything about its image's stop signal; where that cannot be seen, it is taken to."""
    number = _number(facts["Config"].get("StopSignal") or "SIGTERM")
    folder = folder_of_first(engine, facts["Id"], facts["State"])
    if folder is not None:
        with suppress(OSError):
            return is_heard((folder / "status").read_text(encoding="utf-8", errors="replace"), number)
    if facts["State"].get("Paused"):
        return True
    written = objects.read_in(engine, facts["Id"], ["cat", "/proc/1/status"])
    return written is None or is_heard(written.decode("utf-8", "replace"), number)


def _number(name: str) -> int:
    """A signal's number, whether an image gives it as that or by name; of one that nobody here knows, SIGTERM's."""
    if name.isdigit():
        return int(name)
    found = signal.Signals.__members__.get(name if name.startswith("SIG") else f"SIG{name}", signal.SIGTERM)
    return int(found)


def is_heard(status: str, number: int) -> bool:
    """Whether the process of this `/proc/…/status` catches the signal, or blocks it, as one does that waits for it."""
    masks = dict(line.split(":", 1) for line in status.splitlines() if line.startswith("Sig"))
    return any(int(masks.get(name, "0"), 16) >> (number - 1) & 1 for name in ("SigCgt", "SigBlk"))

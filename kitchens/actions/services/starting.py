"""Services are started in the order in which they need each other, each when what it needs is ready."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.actions.house import House
from kitchens.actions.services.home import green
from kitchens.actions.services.states import NotReady, Started
from kitchens.containers import networks, objects
from kitchens.containers.engine import ContainerEnded
from kitchens.containers.services.service import Spec, Wait, is_ready, says_so, start
from kitchens_engine.errors import EnvironmentFailure, Interrupted

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine

#: One that shows in no other way that it is ready has run for so many seconds: most that fail do so at once.
_SETTLED = 0.5

#: How many of its last lines a service shows that does not become ready.
_LINES = 15


def waves(specs: Mapping[str, Spec]) -> list[list[Spec]]:
    """Those of one wave need only services of earlier waves."""
    left = dict(specs)
    found = []
    while left:
        wave = [one for one in left.values() if not set(one.needs) & left.keys()]
        # `kitchens.toml` with a circle is refused when it is read.
        assert wave
        found.append(wave)
        for one in wave:
            del left[one.name]
    return found


def start_all(
    house: House,
    engine: Engine,
    specs: Mapping[str, Spec],
    made: Callable[[Spec], tuple[str, int | None, bool]],
    tell: Callable[[str], object],
) -> tuple[Started, ...]:
    """Start every service: `made` gives its container, its port and whether it runs already. All that need nothing of
    each other start together. After a failure nothing more is started. `tell` hears of each that came up."""
    found: dict[str, Started] = {}
    for wave in waves(specs):
        if any(one.status == "failed" for one in found.values()):
            break
        began = time.monotonic()
        held = {}
        for spec in wave:
            container, port, runs = made(spec)
            if not runs:
                _start(engine, spec, container)
            held[spec.name] = (spec, container, port, runs)
        found |= _awaited(house, engine, held, began, tell)
    for spec in specs.values():
        if spec.name not in found:
            found[spec.name] = Started(spec.name, "waiting", None, spec.image.name, spec.image.id)
    return tuple(found[name] for name in specs)


def _start(engine: Engine, spec: Spec, container: str) -> None:
    """Start it. Whoever removes another kitchen may take the network for ports along, which a container that was not
    started yet does not hold: then it is made again."""
    for last in (False, False, True):
        try:
            start(engine, spec, container)
        except ContainerEnded as refused:
            if last or networks.PORTS not in refused.message:
                raise
            networks.make_ports(engine, networks.PORTS_LABELS)
        else:
            return


def _awaited(
    house: House,
    engine: Engine,
    held: Mapping[str, tuple[Spec, str, int | None, bool]],
    began: float,
    tell: Callable[[str], object],
) -> dict[str, Started]:
    found: dict[str, Started] = {}
    pause, started = Wait(), time.monotonic()
    with house.watch() as stop:
        while len(found) < len(held):
            if stop.is_set():
                raise Interrupted("interrupted; nothing half-done is left")
            for name, (spec, container, port, ran) in held.items():
                if name in found:
                    continue
                took = time.monotonic() - began
                settled = time.monotonic() - started > _SETTLED
                why = None
                if (ran or says_so(spec) or settled) and ready(engine, spec, container):
                    _remember(green(house, spec.key))
                    if not ran:
                        tell(f"service `{name}` is ready ({took:.1f} s)")
                elif (why := _why_ended(engine, container)) is None and took < spec.ready_within:
                    continue
                else:
                    why = why or f"it was not ready within {spec.ready_within:g} s"
                found[name] = Started(
                    name,
                    "failed" if why else "ready",
                    container,
                    spec.image.name,
                    spec.image.id,
                    port,
                    round(took, 3),
                    why,
                    tuple(objects.last_lines(engine, container, _LINES)) if why else (),
                )
            if len(found) < len(held):
                pause()
    return found


def ready(engine: Engine, spec: Spec, container: str) -> bool:
    """Whether it is ready; one that has ended while it was asked is not."""
    try:
        return is_ready(engine, spec, container)
    except EnvironmentFailure:
        if _why_ended(engine, container) is None:
            raise
        return False


def judged(house: House, started: tuple[Started, ...], specs: Mapping[str, Spec], **about: object) -> None:
    """Raise for a service that does not become ready: `NotReady` when it never was as it is specified, and
    `EnvironmentFailure` when it once was, which says nothing about the change."""
    failed = next((one for one in started if one.status == "failed"), None)
    if failed is None:
        return
    if green(house, specs[failed.name].key).exists():
        said = f"; its last words: {failed.log[-1]}" if failed.log else ""
        raise EnvironmentFailure(
            f"service `{failed.name}`, which was ready before, does not become so: {failed.why}{said}",
            f"`kitchen logs NAME {failed.name}` shows what it wrote",
            code="service",
        )
    raise NotReady(started, **about)


def _why_ended(engine: Engine, container: str) -> str | None:
    """Why it no longer runs; None while it does."""
    state = objects.state_of(engine, container)
    if state.get("Running"):
        return None
    if not state:
        return "its container was removed"
    if state.get("OOMKilled"):
        return "it used more memory than `memory` allows"
    return f"it ended with status {state.get('ExitCode')}"


def _remember(path: Path) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

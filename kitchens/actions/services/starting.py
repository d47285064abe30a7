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
from kitchens.containers.engine import ContainerEnded, Unusable
from kitchens.containers.life_signs import life_signs
from kitchens.containers.services import ports
from kitchens.containers.services.service import Spec, Wait, is_ready, says_so, start
from kitchens_engine.errors import EnvironmentFailure, Interrupted
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine

#: One that shows in no other way that it is ready has run for so many seconds: most that fail do so at once.
_SETTLED = 0.5

#: How many of its last lines a service shows that does not become ready.
_LINES = 15


class _Begun(NamedTuple):
    """A service whose container was started at `began`, and was there from `since` on; or it ran already (`ran`)."""

    spec: Spec
    container: str
    port: int | None
    ran: bool
    began: float
    since: float


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
    """Start every service: `made` gives its container, its port and whether it runs already; asked once more, it gives
    another one on another port. All that need nothing of each other start together. After a failure nothing more is
    started. `tell` hears of each that came up."""
    found: dict[str, Started] = {}
    for wave in waves(specs):
        if any(one.status == "failed" for one in found.values()):
            break
        held = {}
        for spec in wave:
            try:
                held[spec.name] = _begun(engine, spec, made)
            except Unusable as refused:
                found[spec.name] = _failed(spec, refused.message)
        found |= _awaited(house, engine, held, tell)
    for spec in specs.values():
        if spec.name not in found:
            found[spec.name] = Started(spec.name, "waiting", None, spec.image.name, spec.image.id)
    return tuple(found[name] for name in specs)


def _begun(engine: Engine, spec: Spec, made: Callable[[Spec], tuple[str, int | None, bool]]) -> _Begun:
    """Start it if it does not run. A container that was not started yet holds neither its port, which somebody else may
    take, nor the network for ports, which whoever removes another kitchen may take along: then it is made again."""
    container, port, runs = made(spec)
    began = time.monotonic()
    for last in (runs, False, False, True):
        if runs:
            break
        try:
            start(engine, spec, container)
        except ContainerEnded as refused:
            if last:
                raise
            if port is not None and not ports.is_free(port):
                container, port, runs = made(spec)
            elif networks.PORTS in refused.message:
                networks.make_ports(engine, networks.PORTS_LABELS)
            else:
                raise
        else:
            break
    return _Begun(spec, container, port, runs, began, time.monotonic())


def _awaited(
    house: House,
    engine: Engine,
    held: Mapping[str, _Begun],
    tell: Callable[[str], object],
) -> dict[str, Started]:
    found: dict[str, Started] = {}
    pause = Wait()
    with house.watch() as stop, life_signs("waiting for services", tell) as hear:
        while len(found) < len(held):
            hear("`" + "`, `".join(name for name in held if name not in found) + "`")
            if stop.is_set():
                raise Interrupted("interrupted; nothing half-done is left")
            for name, each in held.items():
                if name in found:
                    continue
                is_there, why = _looked_at(engine, each)
                # A look may take long, too.
                took = time.monotonic() - each.began
                if is_there:
                    _remember(green(house, each.spec.key))
                    if not each.ran:
                        tell(f"service `{name}` is ready ({took:.1f} s)")
                elif why is None and took < each.spec.ready_within:
                    continue
                else:
                    why = why or f"it was not ready within {each.spec.ready_within:g} s"
                found[name] = Started(
                    name,
                    "failed" if why else "ready",
                    each.container,
                    each.spec.image.name,
                    each.spec.image.id,
                    each.port,
                    round(took, 3),
                    why,
                    tuple(objects.last_lines(engine, each.container, _LINES)) if why else (),
                )
            if len(found) < len(held):
                pause()
    return found


def _looked_at(engine: Engine, each: _Begun) -> tuple[bool, str | None]:
    """Whether it is ready, and why it never will be; one that has ended while it was asked is not."""
    settled = time.monotonic() - each.since > _SETTLED
    try:
        if (each.ran or says_so(each.spec) or settled) and is_ready(engine, each.spec, each.container):
            return True, None
    except EnvironmentFailure as refused:
        why = _why_ended(engine, each.container)
        if why is None and not isinstance(refused, Unusable):
            raise
        return False, why or refused.message
    return False, _why_ended(engine, each.container)


def _failed(spec: Spec, why: str) -> Started:
    """One whose container cannot even be started."""
    return Started(spec.name, "failed", None, spec.image.name, spec.image.id, why=why)


def judged(
    house: House, started: tuple[Started, ...], specs: Mapping[str, Spec], kitchen: str | None = None
) -> None:
    """Raise for a service that does not become ready: `NotReady` when it never was as it is specified, and
    `EnvironmentFailure` when it once was, which says nothing about the change. With the name of a `kitchen` its log is
    there afterwards."""
    failed = next((one for one in started if one.status == "failed"), None)
    if failed is None:
        return
    if green(house, specs[failed.name].key).exists():
        said = f"; its last words: {failed.log[-1]}" if failed.log else ""
        raise EnvironmentFailure(
            f"service `{failed.name}`, which was ready before, does not become so: {failed.why}{said}",
            *([f"`kitchen logs {kitchen} {failed.name}` shows what it wrote"] if kitchen else []),
            code="service",
        )
    raise NotReady(started)


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

"""A kitchen's warm toolchain container: started with the kitchen, used by whoever runs something in it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.actions.cookbook.toolchain import source_on_disk
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.services.home import Home, entered, home_of, used
from kitchens.actions.services.lodging import lodge_of, lodged
from kitchens.actions.services.noted import state_of
from kitchens.containers import objects
from kitchens.containers.choose import DockerChoice, ProcessChoice
from kitchens.containers.engine import ContainerEnded
from kitchens.containers.nodes import warm
from kitchens.containers.place import Limits, Place
from kitchens.containers.toolchains.image import make_image
from kitchens.containers.toolchains.usage import note_use
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.actions.house import House
    from kitchens.containers.engine import Engine
    from kitchens.containers.nodes.room import Room
    from kitchens.containers.objects import Found
    from kitchens.containers.toolchains.image import ImageToolchain
    from kitchens.model.cookbook import Cookbook
    from kitchens_engine.ports import Source

#: States of a kitchen that is meant to be there: an order starts again what stopped for idleness, and lets go on what is paused.
_UP = ("up", "stopped", "paused")


class Toolchain(NamedTuple):
    """What a kitchen's nodes run in: its image on an engine."""

    engine: Engine
    made: ImageToolchain


class Kept(NamedTuple):
    """A kitchen's warm container as it should be (None: somebody uses another one), and whether it was started just now."""

    container: str | None
    new: bool = False


class Tenancy:
    """Who uses a kitchen's warm container: each holds a lock of the operating system, which goes with its holder."""

    def __init__(self, home: Home) -> None:
        path = home.folder / "toolchain"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def alone(self) -> bool:
        """Whether nobody else uses it; then nobody begins to, until this one shares it or lets go."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def share(self) -> None:
        """Use it, with others."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)


def checkout_for(house: House, kitchen: Kitchen) -> Path:
    """The one checkout that a kitchen's warm container sees: where its orders run."""
    if kitchen.permanent:
        return Kitchens(house).pooled_checkout(kitchen.name)
    return Kitchens(house).worktree_path(kitchen.name)


def warm_place(home: Home, place: Place) -> Place:
    """The place of a run as that of a container for all runs of its kitchen."""
    return place._replace(lodge=lodge_of(home))


@contextmanager
def lent(
    house: House, choice: DockerChoice | ProcessChoice, kitchen: Kitchen | None, place: Place
) -> Iterator[Room | None]:
    """A room in the kitchen's warm container, for the time of the block; None where a run needs a container of its own:
    in a gate (no kitchen), in a kitchen that is not up, in a second checkout, and beside a run whose container was made of
    something else."""
    if kitchen is None or isinstance(choice, ProcessChoice):
        yield None
        return
    home = home_of(house, kitchen, place.cookbook)
    if state_of(home.folder) not in _UP or place.checkout != checkout_for(house, kitchen):
        yield None
        return
    with ExitStack() as stack:
        stack.enter_context(used(home))
        stack.enter_context(lodged(home, place.folder))
        tenancy = Tenancy(home)
        stack.callback(tenancy.close)
        place.data.mkdir(parents=True, exist_ok=True)
        room = _entered(house, choice, home, place, tenancy)
        yield room


def _entered(house: House, choice: DockerChoice, home: Home, place: Place, tenancy: Tenancy) -> Room | None:
    toolchain = Toolchain(choice.engine, choice.made)
    tenancy.share()
    for made in (False, True):
        if made:
            with entered(house, home):
                container = keep_warm(house, toolchain, home, place, tenancy).container
                (home.folder / "state").write_text("up", encoding="ascii")
                tenancy.share()
        else:
            container = _fitting(toolchain, home, place)
        if container is not None:
            try:
                return warm.enter(choice.engine, container, choice.made, place.run, tenancy.alone)
            except ContainerEnded:
                continue  # it went just now
    return None


def toolchain_for(
    house: House, engine: Engine, cookbook: Cookbook, source: Source, folder: Path
) -> Toolchain:
    """The toolchain that a cookbook asks for, made where the engine lacks it. `folder` holds what it is built from."""
    wanted = source_on_disk(source, cookbook, folder)
    return Toolchain(engine, make_image(engine, wanted, house.cache, house.environment, house.note))


def start_warm(
    house: House, toolchain: Toolchain, home: Home, cookbook: Cookbook, kitchen: Kitchen, inside: str | None
) -> Kept:
    """The kitchen's warm container in the network of its services, started if it is not there. Whoever calls holds
    `changing`."""
    checkout = checkout_for(house, kitchen)
    if kitchen.permanent:
        checkout.mkdir(parents=True, exist_ok=True)
    else:
        checkout = Kitchens(house).checkout(kitchen.name)
    runtime = cookbook.runtime
    place = Place(
        checkout,
        Kitchens(house).data_folder(kitchen.name),
        house.state / "runs" / "any",
        cookbook.name,
        kitchen.name,
        "",
        runtime.network,
        Limits.of(runtime),
        inside=inside,
    )
    place.data.mkdir(parents=True, exist_ok=True)
    tenancy = Tenancy(home)
    try:
        return keep_warm(house, toolchain, home, place, tenancy)
    except EnvironmentFailure:
        if kitchen.name in Kitchens(house).names:
            raise
        # Deleted while its containers came up: its folders are gone, and whoever deleted it waits for us.
        with suppress(OSError):
            place.data.rmdir()
        raise InvalidInput(f"`{kitchen.name}` was deleted meanwhile", code="no-kitchen") from None
    finally:
        tenancy.close()


def keep_warm(house: House, toolchain: Toolchain, home: Home, place: Place, tenancy: Tenancy) -> Kept:
    """The kitchen's warm container as it should be, started if it is not there. Whoever calls holds `changing`."""
    engine, made = toolchain
    whole = warm_place(home, place)
    key = warm.key_of(engine, made, whole)
    there = toolchain_of(engine, home)
    if there is not None and there.labels[warm.TOOLCHAIN] == key and there.state in ("running", "paused"):
        if there.state == "paused":
            objects.resume(engine, there.id)
        return Kept(there.id)
    if not tenancy.alone():
        return Kept(None)
    if there is not None:
        engine.remove(there.id)
    container = warm.make(engine, made, whole, f"kitchens-{home.id}_toolchain", home.labels, key)
    note_use(house.cache, made.name, house.repository.common, home.kitchen)
    home.mark("used")
    return Kept(container, new=True)


def toolchain_of(engine: Engine, home: Home) -> Found | None:
    """The kitchen's warm container, in whatever state."""
    return next(iter(objects.containers(engine, home.mine, warm.TOOLCHAIN)), None)


def _fitting(toolchain: Toolchain, home: Home, place: Place) -> str | None:
    engine, made = toolchain
    key = warm.key_of(engine, made, warm_place(home, place))
    found = objects.containers(engine, home.mine, f"{warm.TOOLCHAIN}={key}")
    return next((one.id for one in found if one.state == "running"), None)

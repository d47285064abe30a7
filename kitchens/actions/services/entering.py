"""`kitchen exec`, `shell` and `cp`: inside a kitchen's toolchain, or inside one of its services."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kitchens.actions.cookbook.secrets import secrets_of
from kitchens.actions.cookbook.settings import cookbook_in
from kitchens.actions.cookbook.toolchain import chosen
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.services.home import home_of, used
from kitchens.actions.services.joining import joined
from kitchens.actions.services.states import Wanted
from kitchens.containers import place as containers
from kitchens.containers.choose import ProcessChoice
from kitchens_engine.errors import InvalidInput
from kitchens_engine.trying.environment import allowed
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.containers.choose import DockerChoice
    from kitchens.containers.engine import Attached, Engine
    from kitchens.model.cookbook import Cookbook

#: The best shell that an image has.
SHELL = ("/bin/sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash; exec sh")


class Inside(NamedTuple):
    """Where a command is to run: in a container of an engine, or (None) as a process of this machine. In one that outlives
    it, `agent` is the process there that ends what is started once nobody waits for it."""

    engine: Engine | None
    container: str
    folder: str | None
    environment: Mapping[str, str]
    agent: int | None = None

    def start(self, command: Sequence[str], *, terminal: bool) -> Session:
        """Start a command in the container."""
        from kitchens.containers import objects
        from kitchens.containers.nodes.agent import beside

        assert self.engine is not None
        call, stream = objects.talk_in(
            self.engine,
            self.container,
            command if self.agent is None else beside(self.agent, command),
            self.environment,
            terminal=terminal,
            folder=self.folder,
            watched=True,
        )
        return Session(self.engine, call, stream)

    def run_here(self, command: Sequence[str], *, capture: bool) -> tuple[int, bytes]:
        """Run a command as a process of this machine, on the caller's own terminal; its status and what was captured."""
        try:
            done = subprocess.run(
                list(command),
                cwd=self.folder,
                env=dict(self.environment),
                check=False,
                stdout=subprocess.PIPE if capture else None,
                stderr=subprocess.STDOUT if capture else None,
            )
        except FileNotFoundError:
            raise InvalidInput(f"there is no program `{command[0]}`", code="program") from None
        return done.returncode if done.returncode >= 0 else 128 - done.returncode, done.stdout or b""


class Session(NamedTuple):
    """A command that runs in a container."""

    engine: Engine
    call: str
    stream: Attached

    def resize(self, rows: int, columns: int) -> None:
        """Tell its terminal how large it is."""
        from kitchens.containers import objects

        objects.resize(self.engine, self.call, rows, columns)

    def status(self) -> int:
        """With which status it ended."""
        from kitchens.containers import objects

        status = objects.status_in(self.engine, self.call)
        return 137 if status is None else status


@contextmanager
def inside(house: House, name: str, service: str | None) -> Iterator[Inside]:
    """The toolchain of a kitchen, in its checkout, with its services; or one of those services."""
    kitchen = Kitchens(house).get(name)
    if service is not None:
        from kitchens.actions.services.looking import service_container

        engine, container = service_container(house, name, service)
        with used(home_of(house, kitchen, "")):
            yield Inside(engine, container, None, {})
        return
    checkout = Kitchens(house).checkout(name)
    cookbook, source = cookbook_in(checkout), house.source(checkout)
    choice = chosen(house, source, cookbook, checkout)
    data = Kitchens(house).data_folder(kitchen.name)
    data.mkdir(parents=True, exist_ok=True)
    environment = {"KITCHEN": kitchen.name, "KITCHEN_DATA": str(data)}
    if isinstance(choice, ProcessChoice):
        own = allowed(house.environment)
        path = ":".join((*choice.made.path_entries, own.get("PATH", os.defpath)))
        home = {"HOME": house.environment.get("HOME", str(checkout))}
        yield Inside(None, "", str(checkout), {**own, **home, **environment, "PATH": path})
        return
    from kitchens.containers.toolchains.usage import note_use

    note_use(house.cache, choice.made.name, house.repository.common, kitchen.name)
    run = f"exec-{os.getpid()}"
    place = containers.Place(
        checkout=checkout,
        data=data,
        folder=house.state / "runs" / run,
        cookbook=cookbook.name,
        kitchen=kitchen.name,
        run=run,
        network=cookbook.runtime.network,
        limits=containers.Limits.of(cookbook.runtime),
        environment=allowed(house.environment),
    )
    with _in_container(house, choice, cookbook, kitchen, place, environment) as there:
        yield there


@contextmanager
def _in_container(
    house: House,
    choice: DockerChoice,
    cookbook: Cookbook,
    kitchen: Kitchen,
    place: containers.Place,
    environment: Mapping[str, str],
) -> Iterator[Inside]:
    """In the kitchen's warm container, or else in one for this time; among its services."""
    from kitchens.actions.services.warming import lent
    from kitchens.containers.nodes.agent import MARK
    from kitchens.containers.nodes.room import open_room

    reach = place.network if cookbook.services else "none"
    wanted = Wanted(secrets_of(house, cookbook, kitchen.name), kitchen)
    place.folder.mkdir(parents=True, exist_ok=True)
    try:
        with joined(
            house,
            choice,
            cookbook,
            house.source(place.checkout),
            wanted,
            run=place.run,
            checkout=place.checkout,
            network=reach,
        ) as network:
            place = place._replace(inside=network.network)
            with lent(house, choice, kitchen, place) as warm:
                room = warm or open_room(choice.engine, choice.made, place)
                try:
                    variables = {
                        **environment,
                        "HOME": str(place.folder),
                        "TERM": house.environment.get("TERM", "dumb"),
                        # By it the room knows what was started in it.
                        MARK: f"{room.mark}.1.",
                    }
                    guard = None if warm is None else warm.process
                    yield Inside(choice.engine, room.container, str(place.checkout), variables, guard)
                finally:
                    room.close()
    finally:
        from shutil import rmtree

        rmtree(place.folder, ignore_errors=True)


def copy(house: House, name: str, source: str, target: str) -> dict[str, object]:
    """Copy a file or folder out of a service (`warehouse:/path`) or into it."""
    from kitchens.actions.services.looking import service_container
    from kitchens.containers import copying

    out_of, into = _place(source), _place(target)
    if (out_of is None) == (into is None):
        raise InvalidInput(
            "one of the two must be in a service, and one on this machine",
            f"write it as `kitchen cp {name} warehouse:/tmp/dump.sql .`",
            code="usage",
        )
    here = house.repository.here
    if out_of is not None:
        engine, container = service_container(house, name, out_of[0])
        made = copying.copy_out(engine, container, out_of[1], here / target)
        return {"kitchen": name, "from": source, "to": str(made)}
    assert into is not None
    engine, container = service_container(house, name, into[0])
    copying.copy_in(engine, container, here / source, into[1])
    return {"kitchen": name, "from": str(here / source), "to": target}


def _place(text: str) -> tuple[str, str] | None:
    """Service and path of `service:/path`; None for a path of this machine."""
    service, mark, path = text.partition(":")
    return (service, path) if mark and path.startswith("/") and "/" not in service else None

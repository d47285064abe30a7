"""Which runtime an order run or a gate gets, in one decision with one line that says why."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.containers.place import temporary_of
from kitchens.containers.toolchains.toolchain import ProcessToolchain, make_process_toolchain
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.recipe import EMPTY
from kitchens_engine.runtimes.confinement import Confinement
from kitchens_engine.runtimes.consumption import Limits
from kitchens_engine.runtimes.ledger import keepers_of
from kitchens_engine.runtimes.local import LocalRuntime
from kitchens_engine.runtimes.spawner import dismiss
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine
    from kitchens.containers.nodes.room import Room
    from kitchens.containers.place import Place
    from kitchens.containers.toolchains.image import ImageToolchain
    from kitchens.containers.toolchains.source import ImageSource
    from kitchens_engine.ports import Runtime

KINDS = ("auto", "docker", "process")
#: So many packages are named.
_SHOWN = 5


class ProcessChoice(NamedTuple):
    """The process runtime. `why` is one line for the user; `toolchain` the evidence; `bubblewrap` the program that
    keeps its processes apart, where there is one; `environment` the caller's."""

    why: str
    made: ProcessToolchain
    worker: Path
    bubblewrap: str | None = None
    environment: Mapping[str, str] = EMPTY
    kind: str = "process"

    @property
    def toolchain(self) -> str:
        """The toolchain's id, which runs and attestations record."""
        return self.made.id

    def release(self) -> None:
        """There is nothing to give back."""

    def open(self, place: Place, room: Room | None = None) -> Runtime:
        """A runtime for one order run."""
        path = ":".join(
            (*self.made.path_entries, place.environment.get("PATH", "/usr/local/bin:/usr/bin:/bin"))
        )
        ledgers = keepers_of(place.folder) if place.resumable else None
        environment = {**place.environment, "PATH": path}
        confinement = self._confinement(place, path)
        return LocalRuntime(self.made.python, str(self.worker), environment, ledgers, confinement)

    def _confinement(self, place: Place, path: str) -> Confinement:
        """In bubblewrap, with `/tmp` in the run's own folder; or with a folder of the run's own beside others."""
        limits = Limits(place.limits.memory, place.limits.pids)
        if self.bubblewrap is None:
            return Confinement((), temporary_of(place.folder, place.environment), None, limits)
        from kitchens.containers.nodes import bubblewrap

        for folder in (place.data, place.folder):
            folder.mkdir(parents=True, exist_ok=True)
        temporary = place.folder / "tmp"
        words = bubblewrap.words(
            self.bubblewrap,
            checkout=place.checkout,
            data=place.data,
            folder=place.folder,
            temporary=temporary,
            network=place.network,
            needed=(*bubblewrap.needed_by_python(), self.worker.parent, Path(self.made.python).parent.parent),
            environment={**self.environment, "PATH": path},
        )
        return Confinement(words, temporary, "/tmp", limits)


class DockerChoice(NamedTuple):
    """The docker runtime. `why` is one line for the user; `toolchain` the image's id; `make` makes the image anew
    where it is gone; `images` are those of single nodes, by the name in the recipe."""

    why: str
    made: ImageToolchain
    engine: Engine
    make: Callable[[], ImageToolchain]
    tell: Callable[[str], object]
    images: Mapping[str, ImageToolchain] = EMPTY
    kind: str = "docker"

    @property
    def toolchain(self) -> str:
        """The toolchain's id, which runs and attestations record."""
        return self.made.id

    def release(self) -> None:
        """Give back the connections to the engine."""
        self.engine.close()

    def open(self, place: Place, room: Room | None = None) -> Runtime:
        """A runtime for one order run: a container that is removed when it is closed, or a room in one that stays."""
        from kitchens.containers.engine import ImageMissing
        from kitchens.containers.life_signs import life_signs
        from kitchens.containers.nodes.docker_runtime import DockerRuntime

        dismiss()
        with life_signs("waiting for the engine to start a container", self.tell):
            try:
                first = DockerRuntime(self.engine, self.made, place, room)
            except ImageMissing:
                # Somebody removed it just now; what made it is at hand.
                first = DockerRuntime(self.engine, self.make(), place)
        if not self.images:
            return first
        from kitchens.containers.several import SeveralContainers

        return SeveralContainers(first, lambda image: DockerRuntime(self.engine, self.images[image], place))


def choose_runtime(
    kind: str,
    source: ImageSource,
    *,
    worker: Path,
    interpreter: str,
    cache: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], object],
    images: Mapping[str, ImageSource] = EMPTY,
    asks: str = "runtime.kind",
) -> ProcessChoice | DockerChoice:
    """The runtime for `kind` (`auto`, `docker`, `process`), its toolchain made. `asks` is the key that says so.

    `auto` is docker where an engine answers and the image can be had, else process.
    EnvironmentFailure when `docker` is asked for and not to be had. `source.worker` goes
    into images, `worker` is the same script on this machine. `images` are those that single nodes want.
    """
    if kind not in KINDS:
        raise InvalidInput(f"`{kind}` is no runtime", f"one of {', '.join(f'`{kind}`' for kind in KINDS)}")

    def process(why: str) -> ProcessChoice:
        made = make_process_toolchain(
            source.requirements, cache, interpreter, environment, tell, source.requirements_name, source.needs
        )
        if source.packages:
            tell(
                f"`packages` in `[runtime]` are not installed here: this machine must have {_shown(source.packages)}"
            )
        if shutil.which("bwrap", path=environment.get("PATH")) is None:
            return ProcessChoice(why, made, worker)
        from kitchens.containers.nodes.bubblewrap import find_bubblewrap, wanted

        if wanted(environment) is None:
            return ProcessChoice(why, made, worker)
        found = find_bubblewrap(environment, cache)
        how = (
            found.why
            or "in bubblewrap: the machine is read-only, and no network but an `open` one is in reach"
        )
        return ProcessChoice(f"{why}; {how}", made, worker, found.program, environment)

    if kind == "process":
        return process("runtime process: nodes are isolated less than in containers")
    if kind == "auto" and source.image is None and source.context is None:
        return process("runtime process, isolated less than docker: `[runtime]` names no image")
    # HTTP, TLS and tar cost as much as an interpreter's start: only those pay who ask for an engine.
    from kitchens.containers.engine import EngineUnreachable, ImageMissing, connect
    from kitchens.containers.toolchains.image import make_image

    try:
        engine = connect(environment)

        def make() -> ImageToolchain:
            return make_image(engine, source, cache, environment, tell)

        made = make()
        own = {
            image: make_image(engine, wanted, cache, environment, tell) for image, wanted in images.items()
        }
    except (EngineUnreachable, ImageMissing) as error:
        if kind == "docker":
            raise EnvironmentFailure(
                f"`{asks}` is `docker`, but {error.message}", *error.hints[:2]
            ) from error
        return process(f"runtime process, isolated less than docker: {error.message}")
    return DockerChoice(
        f"runtime docker: engine {engine.version}, image `{source.image or source.dockerfile}`",
        made,
        engine,
        make,
        tell,
        own,
    )


def _shown(packages: Sequence[str]) -> str:
    more = len(packages) - _SHOWN
    return ", ".join(packages[:_SHOWN]) + (f" and {more} more" if more > 0 else "")

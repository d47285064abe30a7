"""A real engine and its images for the tests marked `docker`, and a runtime for each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kitchens.containers.engine import Engine, connect
from kitchens.containers.nodes import warm
from kitchens.containers.nodes.docker_runtime import DockerRuntime
from kitchens.containers.place import Limits, Place
from kitchens.containers.toolchains.image import ImageToolchain, make_image
from kitchens.containers.toolchains.source import ImageSource
from kitchens.model.toolchain import toolchain_key
from kitchens_engine.errors import EnvironmentFailure

PYTHON = "kitchens-test/python:bookworm"
BUSYBOX = "kitchens-test/busybox:static"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for the engine is marked as such."""
    for item in items:
        if "engine" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine with its test images. Without one: skipped, or failed where one is required."""
    try:
        found = connect(os.environ)
        for image in (PYTHON, BUSYBOX):
            if found.image(image) is None:
                raise EnvironmentFailure(f"the image `{image}` is not there: `.ci/base-image` makes it")
    except EnvironmentFailure as error:
        if os.environ.get("KITCHENS_REQUIRE_DOCKER") == "1":
            pytest.fail(f"a Docker engine is required: {error.message}")
        pytest.skip(error.message)
    yield found
    found.close()


@pytest.fixture(scope="session")
def cache() -> Path:
    """A folder that outlives the tests, as a user's cache does."""
    return Path(os.environ.get("KITCHENS_TEST_CACHE", Path(__file__).parents[2] / ".cache" / "tests"))


@pytest.fixture(scope="session")
def worker() -> Path:
    """The worker script on this machine."""
    return Path(__file__).parents[2] / "engine" / "kitchens_engine" / "worker.py"


@pytest.fixture(scope="session")
def asked(worker: Path) -> Callable[..., ImageSource]:
    """What a cookbook with an image and requirements asks for."""

    def asked(image: str, requirements: bytes | None = None) -> ImageSource:
        key = toolchain_key(image=image, requirements=requirements)
        files = {path.name: path.read_bytes() for path in sorted(worker.parent.glob("worker*.py"))}
        return ImageSource(key, files, image, requirements=requirements)

    return asked


@pytest.fixture(scope="session")
def python_image(engine: Engine, cache: Path, asked: Callable[..., ImageSource]) -> ImageToolchain:
    """A toolchain with Python, duckdb and pytest."""
    return make_image(engine, asked(PYTHON), cache, os.environ, print)


@pytest.fixture(scope="session")
def busybox_image(engine: Engine, cache: Path, asked: Callable[..., ImageSource]) -> ImageToolchain:
    """A toolchain that has a shell and nothing else."""
    return make_image(engine, asked(BUSYBOX), cache, os.environ, print)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A run's own folders."""
    folders = {name: tmp_path / name for name in ("checkout", "data", "folder")}
    for folder in folders.values():
        folder.mkdir()
    return Place(
        **folders,
        cookbook="tests",
        kitchen="kitchen",
        run=f"run-{os.getpid()}",
        limits=Limits(memory=256 << 20, cpus=2, pids=64),
    )


OpenRuntime = Callable[..., DockerRuntime]


@pytest.fixture
def open_runtime(engine: Engine, busybox_image: ImageToolchain, place: Place) -> Iterator[OpenRuntime]:
    """Opens docker runtimes that are closed after the test, on busybox where no image is named."""
    with ExitStack() as stack:

        def opened(image: ImageToolchain = busybox_image, **changes: object) -> DockerRuntime:
            runtime = DockerRuntime(engine, image, place._replace(**changes))  # type: ignore[arg-type]
            stack.callback(runtime.close)
            return runtime

        yield opened


OpenWarm = Callable[..., DockerRuntime]


@pytest.fixture
def warm_container(engine: Engine, python_image: ImageToolchain, place: Place) -> Iterator[str]:
    """The warm container of a kitchen whose runs' folders lie where the place's does."""
    whole = place._replace(lodge=place.folder.parent)
    made = warm.make(engine, python_image, whole, f"kitchens-tests-{os.urandom(4).hex()}", {}, "key")
    yield made
    engine.remove(made)


@pytest.fixture
def open_warm(
    engine: Engine, python_image: ImageToolchain, place: Place, warm_container: str
) -> Iterator[OpenWarm]:
    """Opens runtimes that share one warm container; each but the last to leave must say that it is not alone."""
    with ExitStack() as stack:

        def opened(*, alone: bool = False, run: str = "") -> DockerRuntime:
            room = warm.enter(engine, warm_container, python_image, run, lambda: alone)
            runtime = DockerRuntime(engine, python_image, place, room)
            stack.callback(runtime.close)
            return runtime

        yield opened

"""Every kind of node, in a container."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from kitchens.containers.engine import Engine
from kitchens.containers.nodes.docker_runtime import DockerRuntime
from kitchens.containers.place import Limits, Place
from kitchens.containers.toolchains.image import make_image
from kitchens.containers.toolchains.requirements import FOR_CONNECTIONS, NEEDS
from kitchens.containers.toolchains.source import ImageSource
from kitchens_engine.language.shelf import FolderSource, Shelf
from kitchens_engine.order import KitchenFacts, Order
from kitchens_engine.running.runner import run
from kitchens_engine.trying.environment import allowed
from tests import conformance
from tests.docker.conftest import PYTHON


def test_every_kind_of_node(
    engine: Engine,
    open_runtime: Callable[..., DockerRuntime],
    asked: Callable[..., ImageSource],
    cache: Path,
    place: Place,
) -> None:
    """What `tests/conformance.py` asks of every runtime, functions and waits through companions inside."""
    source = asked(PYTHON)._replace(needs=(*NEEDS, *FOR_CONNECTIONS))
    image = make_image(engine, source, cache, os.environ, print)
    conformance.write(place.checkout)
    shelf = Shelf(FolderSource(place.checkout))
    environment = allowed({name: value for name, value in os.environ.items() if name != "PATH"})
    limits = Limits(memory=1 << 30)
    order = Order(
        run=place.run, order="o", shelf=shelf, root=place.checkout, recipe="r", variation=None,
        variables=shelf.recipe("r").variables, settings={}, nodes=None,
        kitchen=KitchenFacts("dev", "production", place.data), folder=place.folder,
        started=datetime.now(UTC), jobs=2, connections=conformance.CONNECTIONS,
    )  # fmt: skip
    runtime = open_runtime(image, environment=environment, limits=limits)

    record = run(order, runtime, None, lambda event: None, threading.Event())

    conformance.hold({node.path: node for node in record.walk()})
    assert (place.folder / "companions/forks").exists()

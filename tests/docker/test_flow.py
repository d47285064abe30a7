"""Fan-out, clean-up and cancelling inside a container."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from kitchens.containers.engine import Engine
from kitchens.containers.nodes.docker_runtime import DockerRuntime
from kitchens.containers.place import Place
from kitchens_engine.language.shelf import FolderSource, Shelf
from kitchens_engine.order import KitchenFacts, Order
from kitchens_engine.ports import Stop
from kitchens_engine.running.runner import run

RECIPE = """
[nodes.list]
run = "echo 'files=[1, 2, 3]' >> $KITCHEN_OUTPUT"
[nodes.clean]
needs = ["list"]
each = "outputs.list.files"
run = "echo twice=$((KITCHEN_EACH_ITEM * 2)) >> $KITCHEN_OUTPUT; cd $HOME; echo $KITCHEN_NODE"
skip_on = [9]
[nodes.work]
needs = ["clean"]
run = '''
env -i /bin/setsid /bin/sh -c "(sleep 600 & echo hidden > $KITCHEN_DATA/hidden)"
sleep 600
'''
[nodes.teardown]
needs = ["work"]
always = true
run = "test -e $KITCHEN_DATA/hidden"
"""


def test_a_cancelled_run_cleans_up_inside(
    open_runtime: Callable[..., DockerRuntime], engine: Engine, place: Place
) -> None:
    """Items have paths and folders that hold inside, and what hid from its node ends with the container."""
    folder = place.checkout / "recipes" / "r"
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(RECIPE)
    order = Order(
        run=place.run, order="o", shelf=Shelf(FolderSource(place.checkout)), root=place.checkout,
        recipe="r", variation=None, variables={}, settings={}, nodes=None,
        kitchen=KitchenFacts("dev", "production", place.data), folder=place.folder,
        started=datetime(2026, 1, 2, tzinfo=UTC), jobs=2,
    )  # fmt: skip
    stop = Stop()
    watcher = threading.Thread(target=_set_when_there, args=(stop, place.data / "hidden"))
    watcher.start()

    runtime = open_runtime()
    record = run(order, runtime, None, lambda event: None, stop)
    watcher.join()

    assert record.status == "cancelled"
    nodes = {node.path: node for node in record.walk()}
    assert nodes["clean"].outputs == {"twice": [2, 4, 6]}
    assert Path(nodes["clean[1]"].log or "").read_text() == "clean[1]\n"
    assert (str(nodes["work"].status), str(nodes["teardown"].status)) == ("cancelled", "passed")
    runtime.close()
    assert engine.labelled(f"org.kitchens.run={place.run}") == []


def _set_when_there(stop: Stop, file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()

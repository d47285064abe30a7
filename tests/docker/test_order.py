"""A whole order run inside a container: commands, functions, SQL and functional tests."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from kitchens.containers.nodes.docker_runtime import DockerRuntime
from kitchens.containers.place import Limits, Place
from kitchens.containers.toolchains.image import ImageToolchain
from kitchens_engine.language.shelf import FolderSource, Shelf
from kitchens_engine.order import KitchenFacts, Order
from kitchens_engine.running.runner import run
from kitchens_engine.trying.environment import allowed

_RECIPE = """
[nodes.shell]
run = "hostname; echo 'n=3' >> $KITCHEN_OUTPUT; echo x > $KITCHEN_DATA/file"
[nodes.function]
needs = ["shell"]
python = "work:count"
[nodes.table]
needs = ["function"]
sql = "create table numbers as select unnest([1, 2, {{ outputs.shell.n }}]) as number"
[[nodes.table.tests]]
name = "there are three"
sql = "select count(*) from numbers"
equals = 3
[nodes.secret]
run = "cat {{ variables.secret }}"
[nodes.link]
run = "rm -f $KITCHEN_OUTPUT; ln -s {{ variables.secret }} $KITCHEN_OUTPUT"
[nodes.pipe]
run = "rm -f $KITCHEN_OUTPUT; mkfifo $KITCHEN_OUTPUT"
[nodes.overwrite]
run = "for f in log.txt request.json value.txt; do ln -sf {{ variables.secret }} ${KITCHEN_OUTPUT%/*}/$f; done; exit 1"
[[nodes.overwrite.tests]]
name = "never"
sql = "select 1"
equals = 1
[nodes.replace]
run = "for f in log.txt request.json value.txt; do ln -sf {{ variables.secret }} ${KITCHEN_OUTPUT%/*}/$f; done"
[[nodes.replace.tests]]
name = "is asked by another process"
sql = "select 1"
equals = 1
[variables]
secret = ""
"""


def test_every_kind_of_node_runs_inside(
    open_runtime: Callable[..., DockerRuntime], python_image: ImageToolchain, place: Place
) -> None:
    """And a file of the machine is not there, neither for the command nor for what reads its outputs."""
    secret = place.checkout.parent / "secret"
    secret.write_text("leaked=1\n")
    folder = place.checkout / "recipes" / "r"
    (folder / "tests").mkdir(parents=True)
    (folder / "recipe.toml").write_text(_RECIPE)
    (folder / "work.py").write_text(
        "import os\ndef count():\n    assert os.path.exists('/opt/kitchens')\n    return {'a': 1}\n"
    )
    (folder / "tests" / "test_it.py").write_text("def test_inside():\n    assert open('/etc/hostname')\n")
    shelf = Shelf(FolderSource(place.checkout))
    environment = allowed({name: value for name, value in os.environ.items() if name != "PATH"})
    place = place._replace(environment=environment, limits=Limits(memory=1 << 30))
    order = Order(
        run=place.run, order="o", shelf=shelf, root=place.checkout, recipe="r", variation=None,
        variables={"secret": str(secret)}, settings={}, nodes=None,
        kitchen=KitchenFacts("dev", "production", place.data), folder=place.folder,
        started=datetime(2026, 1, 2, tzinfo=UTC), jobs=2,
    )  # fmt: skip
    runtime = open_runtime(python_image, environment=environment, limits=place.limits)

    record = run(order, runtime, None, lambda event: None, threading.Event())

    nodes = {node.path: str(node.status) for node in record.walk()}
    logs = {node.path: Path(node.log).read_text() if node.log else "" for node in record.walk()}
    assert (nodes.pop("secret"), nodes.pop("overwrite")) == ("failed", "failed")
    assert set(nodes) == {"shell", "function", "table", "link", "pipe", "replace"}
    assert set(nodes.values()) == {"passed"}, logs
    assert "kitchen" in logs["shell"]
    assert "leaked" not in str(record.document())
    assert secret.read_text() == "leaked=1\n"
    assert (place.data / "file").stat().st_uid == os.getuid()

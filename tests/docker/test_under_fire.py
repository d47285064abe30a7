"""The engine, its socket or an image goes while it is needed: one sentence, exit 5, and soon."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kitchens.containers import engine as engines
from kitchens.containers.engine import Engine
from kitchens.containers.nodes import docker_runtime
from kitchens.containers.toolchains import image as images
from tests.desk import Answer, Desk, desk, empty

__all__ = ["desk", "empty"]

BUSYBOX = "kitchens-test/busybox:static"
COOKBOOK = f"[cookbook]\nname = 'shop'\n[runtime]\nkind = 'docker'\nimage = '{BUSYBOX}'\n"
WAITS = "[nodes.wait]\nrun = 'echo x > $KITCHEN_DATA/up; sleep 60'\n"


class Line:
    """A socket that leads to the engine, until it is cut or held."""

    def __init__(self, folder: Path, engine: str) -> None:
        self.path = folder / "docker.sock"
        self._engine = engine
        self._held = threading.Event()
        self._open: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self.path))
        self._server.listen(50)
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """The engine is gone, with its socket."""
        self.path.unlink(missing_ok=True)
        for each in (self._server, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def hold(self) -> None:
        """The engine is stopped: nothing is answered any more."""
        self._held.set()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._server.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(self._engine)
                self._open += [caller, engine]
                for one, other in ((caller, engine), (engine, caller)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                if self._held.is_set():
                    return
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


@pytest.fixture
def line(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """The only way to the engine."""
    folder = Path(tempfile.mkdtemp(prefix="line-"))
    found = Line(folder, engine.address.removeprefix("unix://"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{found.path}")
    yield found
    found.cut()
    shutil.rmtree(folder)


@pytest.fixture
def shop(
    desk: Desk, engine: Engine, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """A cookbook in containers, with a recipe that says when it is up; its image is no other test's."""
    monkeypatch.setattr(images, "_FORMAT", time.time_ns())
    monkeypatch.setenv("KITCHENS_CACHE", str(tmp_path / "cache"))
    desk.write("kitchens.toml", COOKBOOK)
    desk.write("recipes/waits/recipe.toml", WAITS)
    desk.save("in containers")
    image = desk.json("image", "build")["image"]
    yield desk
    engine.remove_image(image)


def when_up(desk: Desk, act: Callable[[], object]) -> None:
    """Do it as soon as the node runs."""
    up = desk.folder.parent / "shop.kitchens/.data/production/up"

    def wait() -> None:
        deadline = time.monotonic() + 60
        while not up.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        act()

    threading.Thread(target=wait, daemon=True).start()


def one_sentence(answer: Answer, *words: str) -> None:
    """The environment's failure, in one line with at most two hints."""
    assert answer.status == 5, (answer.out, answer.err)
    lines = [line for line in answer.err.splitlines() if line.startswith(("error:", "hint:"))]
    assert [line.partition(":")[0] for line in lines] == ["error", *["hint"] * (len(lines) - 1)]
    assert len(lines) <= 3
    for word in words:
        assert word in lines[0], lines


@pytest.mark.parametrize("how", ["cut", "hold"])
def test_an_engine_that_goes_while_a_node_runs(
    shop: Desk, line: Line, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No verdict, and nobody waits for ever; the next run works again."""
    monkeypatch.setattr(docker_runtime, "_SILENCE", 0.3)
    monkeypatch.setattr(engines, "_PATIENCE_TO_GO_ON", 0.5)
    when_up(shop, getattr(line, how))
    before = time.monotonic()

    answer = shop.kitchen("order", "run", "waits")

    assert time.monotonic() - before < 30
    one_sentence(answer, "wait")


def test_an_engine_that_is_not_there(shop: Desk, line: Line) -> None:
    """Whatever needs it says so at once, and `list` does not ask it."""
    line.cut()
    before = time.monotonic()

    for words in (("order", "run", "waits"), ("image", "list"), ("image", "prune"), ("image", "build")):
        one_sentence(shop.kitchen(*words), "no Docker engine answers")
    assert shop.kitchen("list").status == 0

    assert time.monotonic() - before < 10


def test_an_image_that_nobody_has(shop: Desk) -> None:
    """Its registry is out of reach: what to do is said."""
    shop.write("kitchens.toml", COOKBOOK.replace(BUSYBOX, "localhost:9/no/such:1"))
    shop.save("an image that is nowhere")

    answer = shop.kitchen("order", "run", "waits")

    one_sentence(answer, "`localhost:9/no/such:1` could not be had")
    assert "docker pull" in answer.err


def test_an_image_that_goes_while_its_container_runs(shop: Desk, engine: Engine, line: Line) -> None:
    """The run ends with what to do, and the next makes the image anew."""
    image = shop.json("image", "build")["image"]
    shop.write("recipes/quick/recipe.toml", "[nodes.quick]\nrun = 'true'\n")
    shop.save("quick")

    def take_away() -> None:
        (container,) = [
            container
            for container, labels in engine.labelled("org.kitchens.run")
            if labels.get("org.kitchens.cookbook") == "shop"
            and labels.get("org.kitchens.owner", "").startswith(f"{os.getpid()} ")
        ]
        engine._api.remove_image(image, force=True)
        engine.remove(container)

    when_up(shop, take_away)
    answer = shop.kitchen("order", "run", "waits")

    one_sentence(answer, "was removed")
    assert shop.json("order", "run", "quick")["status"] == "passed"

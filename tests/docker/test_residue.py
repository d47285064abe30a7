"""Containers come and go with the runs they belong to; nothing of them stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kitchens.containers import owners
from kitchens.containers.engine import ContainerEnded, Engine
from kitchens.containers.nodes.docker_runtime import DockerRuntime
from kitchens.containers.place import Place
from kitchens.containers.toolchains.image import ImageToolchain
from kitchens_engine.ports import Command

OpenRuntime = Callable[..., DockerRuntime]


@pytest.fixture
def ours(engine: Engine, place: Place) -> Callable[[], list[str]]:
    """The containers of this test's run, by id."""
    return lambda: [container for container, _ in engine.labelled(f"org.kitchens.run={place.run}")]


@pytest.fixture
def place(place: Place, request: pytest.FixtureRequest) -> Place:
    """A run that no other test has."""
    return place._replace(run=f"{request.node.name}-{os.getpid()}")


def sleeper(place: Place, token: str = "sleeper") -> Command:
    return Command(token, ("sleep", "60"), place.checkout, {}, place.folder / "log")


def test_a_closed_runtime_leaves_no_container(
    open_runtime: OpenRuntime, place: Place, ours: Callable[[], list[str]]
) -> None:
    """Not even while something still runs in it."""
    runtime = open_runtime()
    runtime.start(sleeper(place))
    assert ours() == [runtime.container]

    runtime.close()
    runtime.close()

    assert ours() == []


def test_a_container_ends_with_its_owner(
    engine: Engine, busybox_image: ImageToolchain, place: Place, ours: Callable[[], list[str]]
) -> None:
    """After `kill -9` nothing is left to do: the container reads the end of its input, and is removed."""
    program = f"""
import os, sys
from pathlib import Path
from kitchens.containers.nodes.docker_runtime import DockerRuntime
from kitchens.containers.engine import connect
from kitchens.containers.toolchains.image import ImageToolchain
from kitchens.containers.place import Place
from kitchens_engine.ports import Command
place = Place(Path({str(place.checkout)!r}), Path({str(place.data)!r}), Path({str(place.folder)!r}), "c", "k", {place.run!r})
image = ImageToolchain(*{[getattr(busybox_image, name) for name in ("name", "id", "python", "worker", "path")]!r})
runtime = DockerRuntime(connect(os.environ), image, place)
runtime.start(Command("x", ("sleep", "60"), place.checkout, {{}}, place.folder / "log"))
print("up", flush=True)
runtime.wait(None)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        assert len(ours()) == 1
        owner.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 20
    while ours() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert ours() == []


@pytest.fixture
def abandoned(engine: Engine, busybox_image: ImageToolchain, place: Place) -> Iterator[Callable[[str], str]]:
    """Makes a container that was never started, with this owner."""
    made = []

    def make(owner: str) -> str:
        labels = {**owners.labels("c", "k", place.run), "org.kitchens.owner": owner}
        made.append(engine.create(busybox_image.name, ["/bin/sh"], {"labels": labels}, {}))
        return made[-1]

    yield make
    for container in made:
        engine.remove(container)


def test_sweep_removes_what_the_dead_left(
    engine: Engine, abandoned: Callable[[str], str], ours: Callable[[], list[str]]
) -> None:
    """A process that is no more, one whose id has another by now, and one of an earlier boot."""
    process, started, boot = owners.labels("", "", "")["org.kitchens.owner"].split()
    with subprocess.Popen(["true"]) as dead:
        pass
    for owner in (f"{dead.pid} 1 {boot}", f"{process} 1 {boot}", f"{process} {started} an-earlier-boot"):
        abandoned(owner)

    assert owners.sweep(engine) >= 3  # tests beside this one have dead of their own
    assert ours() == []


def test_sweep_leaves_the_living_alone(
    engine: Engine, abandoned: Callable[[str], str], open_runtime: OpenRuntime, ours: Callable[[], list[str]]
) -> None:
    """Containers of running processes stay, and so does what carries a label that is none of ours."""
    kept = {open_runtime().container, abandoned("unknown")}

    owners.sweep(engine)
    assert set(ours()) == kept


def test_a_lost_container_is_no_verdict(engine: Engine, open_runtime: OpenRuntime, place: Place) -> None:
    """A container that is taken away says nothing about its nodes; the next node gets another one."""
    runtime = open_runtime()
    runtime.start(sleeper(place, "one"))
    runtime.start(sleeper(place, "two"))
    assert list(runtime.wait(0.5)) == []

    engine.remove(runtime.container)
    lost = runtime.wait(20)
    runtime.start(Command("next", ("true",), place.checkout, {}, place.folder / "log"))
    (ended,) = runtime.wait(20)

    assert sorted(end.token for end in lost) == ["one", "two"]
    assert all(end.lost and "the container was lost" in end.lost for end in lost)
    assert (ended.status, ended.lost) == (0, None)


def test_a_node_that_ends_the_agent_is_lost(open_runtime: OpenRuntime, place: Place) -> None:
    """A recipe that kills all it can see ends its own container, which is never taken for a pass."""
    runtime = open_runtime()
    runtime.start(
        Command("x", ("/bin/sh", "-c", "kill -9 -1; exit 0"), place.checkout, {}, place.folder / "log")
    )

    (ended,) = runtime.wait(30)

    assert ended.lost is not None


def test_an_ended_watcher_is_noticed(
    open_runtime: OpenRuntime, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that ends only what watches it is lost within the silence that is allowed."""
    monkeypatch.setattr("kitchens.containers.nodes.docker_runtime._SILENCE", 0.5)
    runtime = open_runtime()
    runtime.start(
        Command("x", ("/bin/sh", "-c", "kill -9 $PPID; sleep 60"), place.checkout, {}, place.folder / "log")
    )

    (ended,) = runtime.wait(10)

    assert ended.lost == "what watched the process was ended inside the container"


def test_evidence_that_is_missing_is_no_verdict(open_runtime: OpenRuntime, place: Place) -> None:
    """A status without the evidence that is written last, as on a full disk, is lost."""
    runtime = open_runtime()
    folder = place.folder / "attempt"
    folder.mkdir()
    text = f"cd /; exec >/dev/null 2>&1; rm -rf {folder}"
    runtime.start(Command("x", ("/bin/sh", "-c", text), place.checkout, {}, folder / "log"))

    (ended,) = runtime.wait(10)

    assert ended.lost is not None
    assert "evidence" in ended.lost


@pytest.fixture
def without_shell(engine: Engine, busybox_image: ImageToolchain) -> Iterator[ImageToolchain]:
    """An image in which no shell is left."""
    container = engine.create(busybox_image.name, ["/bin/busybox", "rm", "/bin/sh"], {"user": "0:0"}, {})
    engine.start(container)
    engine._api.wait(container)
    engine.commit(container, "kitchens-test/no-shell", "latest", [])
    engine.remove(container)
    yield replace(busybox_image, name="kitchens-test/no-shell:latest")
    engine.remove_image("kitchens-test/no-shell:latest")


def test_an_image_without_a_shell_is_said_so(
    engine: Engine, without_shell: ImageToolchain, place: Place
) -> None:
    """The reason is one sentence, and no container stays."""
    with pytest.raises(ContainerEnded, match="/bin/sh"):
        DockerRuntime(engine, without_shell, place)

    assert engine.labelled(f"org.kitchens.run={place.run}") == []


def test_a_repository_around_the_runs_folder(open_runtime: OpenRuntime, place: Place) -> None:
    """A run's folder inside the hidden repository of the checkout is there all the same."""
    folder = place.checkout / ".git" / "kitchens" / "run"
    folder.mkdir(parents=True)
    (place.checkout / ".git" / "config").write_text("token")
    runtime = open_runtime(folder=folder)

    runtime.start(Command("x", ("ls", "-A", ".git"), place.checkout, {}, folder / "log"))
    (ended,) = runtime.wait(10)

    assert ended.status == 0
    assert (folder / "log").read_text() == "kitchens\n"


def test_a_log_that_cannot_be_written_fails_its_node_only(open_runtime: OpenRuntime, place: Place) -> None:
    """The agent goes on."""
    runtime = open_runtime()
    runtime.start(Command("x", ("true",), place.checkout, {}, Path("/nowhere/log")))
    (first,) = runtime.wait(10)
    runtime.start(Command("y", ("true",), place.checkout, {}, place.folder / "log"))
    (second,) = runtime.wait(10)

    assert first.token == "x"
    assert first.lost is not None
    assert (second.token, second.status, second.lost) == ("y", 0, None)

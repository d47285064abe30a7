"""One container for whatever runs in a kitchen: several at once, each with what is its own, and nothing of them stays."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kitchens.containers import objects
from kitchens.containers.engine import Engine
from kitchens.containers.nodes import agent, warm
from kitchens.containers.nodes.docker_runtime import DockerRuntime
from kitchens.containers.owners import LABEL
from kitchens.containers.place import Place
from kitchens.containers.sweeping import remove_all
from kitchens.containers.toolchains.image import ImageToolchain
from kitchens_engine.ports import Command
from tests.desk import Desk, desk, empty
from tests.docker.services import NOTHING, Processes, census, settings

__all__ = ["desk", "empty"]

pytestmark = pytest.mark.docker

OpenWarm = Callable[..., DockerRuntime]
#: Tests that run at the same time count the containers of their own cookbook.
NAME = f"warm-of-tests-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"


def running(engine: Engine, container: str) -> str:
    """What runs in a container but for its first process, the keeper and who asks."""
    text = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done"
    said = objects.read_in(engine, container, ["sh", "-c", text]) or b""
    ours = ("docker-init", "while read -r line", "for p in", "tr ")
    return "\n".join(line for line in said.decode().splitlines() if line and not any(w in line for w in ours))


def sleeping_in(engine: Engine, container: str) -> list[str]:
    return sorted(
        line.strip() for line in running(engine, container).splitlines() if line.startswith("sleep")
    )


def until(true: Callable[[], bool], patience: float = 20) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


@contextmanager
def killed(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """It ends with the block, at once and without a word."""
    try:
        yield
    finally:
        process.kill()


def sleeping(place: Place, token: str, seconds: int, words: str = "exec") -> Command:
    return Command(
        token, ("/bin/sh", "-c", f"{words} sleep {seconds}"), place.checkout, {}, place.folder / token
    )


def test_whoever_leaves_takes_what_is_his_and_nothing_else(
    open_warm: OpenWarm, engine: Engine, warm_container: str, place: Place
) -> None:
    """A cancelled node, a runtime that closes: the nodes beside go on, also those with the same number."""
    first, second = open_warm(), open_warm()
    first.start(sleeping(place, "one", 301))
    second.start(sleeping(place, "two", 302))
    first.start(sleeping(place, "three", 303, "setsid"))
    until(lambda: len(sleeping_in(engine, warm_container)) == 3)

    first.kill("one")
    (ended,) = first.wait(20)
    assert ended.status == 143
    assert sleeping_in(engine, warm_container) == ["sleep 302", "sleep 303"]

    first.close()
    assert sleeping_in(engine, warm_container) == ["sleep 302"]
    second.kill("two")
    assert [end.status for end in second.wait(20)] == [143]


def test_a_killed_runner_takes_its_nodes_along(
    open_warm: OpenWarm, engine: Engine, warm_container: str, python_image: ImageToolchain, place: Place
) -> None:
    """Without a word from anybody; the container and what others run in it stay."""
    program = f"""
import os, sys
from pathlib import Path
from kitchens.containers.nodes import agent, warm
from kitchens.containers.nodes.docker_runtime import DockerRuntime
from kitchens.containers.engine import connect
from kitchens.containers.toolchains.image import ImageToolchain
from kitchens.containers.place import Place
from kitchens_engine.ports import Command
place = Place(Path({str(place.checkout)!r}), Path({str(place.data)!r}), Path({str(place.folder)!r}), "c", "k", "r")
image = ImageToolchain(*{[getattr(python_image, name) for name in ("name", "id", "python", "worker", "path")]!r})
engine = connect(os.environ)
runtime = DockerRuntime(engine, image, place, warm.enter(engine, {warm_container!r}, image, "r", lambda: False))
runtime.start(Command("x", ("/bin/sh", "-c", "setsid sleep 301 & sleep 302"), place.checkout, {{}}, place.folder / "log"))
runtime.wait(1)
print("up", flush=True)
runtime.wait(None)
"""
    other = open_warm()
    other.start(sleeping(place, "other", 303))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with (
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as owner,
        killed(owner),
    ):
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        until(lambda: len(sleeping_in(engine, warm_container)) == 3)

    until(lambda: sleeping_in(engine, warm_container) == ["sleep 303"])
    assert len(set(re.findall(r"KITCHEN_ATTEMPT=\w+", running(engine, warm_container)))) == 1
    assert list(other.wait(0)) == []


def test_what_an_earlier_runner_of_a_run_left_ends_before_it_goes_on(
    open_warm: OpenWarm, engine: Engine, warm_container: str, place: Place
) -> None:
    """As long as its agent has not seen the end of its input."""
    earlier = open_warm()
    earlier.start(sleeping(place, "one", 301)._replace(environment={"KITCHEN_RUN": "run-1"}))
    earlier.start(sleeping(place, "two", 302)._replace(environment={"KITCHEN_RUN": "run-2"}))
    until(lambda: len(sleeping_in(engine, warm_container)) == 2)

    again = open_warm(run="run-1")
    again.start(Command("x", ("true",), place.checkout, {}, place.folder / "x"))
    again.wait(20)

    assert sleeping_in(engine, warm_container) == ["sleep 302"]
    assert [end.token for end in earlier.wait(20)] == ["one"]


def test_a_fork_bomb_ends_with_its_runner(
    open_warm: OpenWarm, engine: Engine, warm_container: str, place: Place
) -> None:
    """Though no program can be started any more: what ends it forks nothing."""
    runtime = open_warm()
    bomb = "bomb() { bomb | bomb & }; (bomb) & while :; do :; done"
    runtime.start(Command("bomb", ("/bin/sh", "-c", bomb), place.checkout, {}, place.folder / "log"))
    assert list(runtime.wait(1)) == []

    runtime.close()

    until(lambda: running(engine, warm_container) == "")


@pytest.fixture
def place(place: Place, request: pytest.FixtureRequest) -> Iterator[Place]:
    """Not below `/tmp` where a test says so: inside, a folder in which others are mounted is not emptied."""
    if "elsewhere" not in request.node.name:
        yield place
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folders = {each: Path(name, each) for each in ("checkout", "data", "folder")}
        for folder in folders.values():
            folder.mkdir()
        yield place._replace(**folders)


@pytest.mark.parametrize("where", ["elsewhere", "below-tmp"])
def test_the_last_to_leave_leaves_it_clean(
    open_warm: OpenWarm, engine: Engine, warm_container: str, place: Place, where: str
) -> None:
    """Processes that hide from their mark, and temporary files; never a file of this machine."""
    (place.data / "precious").write_text("kept")
    hide = "env -i setsid sleep 301 & touch /tmp/file /dev/shm/file; mkdir /tmp/folder; sleep 0.2"
    runtime = open_warm(alone=True)
    runtime.start(Command("x", ("/bin/sh", "-c", hide), place.checkout, {}, place.folder / "x"))
    runtime.wait(20)
    assert sleeping_in(engine, warm_container) == ["sleep 301"]

    runtime.close()

    assert running(engine, warm_container) == ""
    listed = (objects.read_in(engine, warm_container, ["ls", "/tmp", "/dev/shm"]) or b"").decode().split()
    assert listed[:2] == ["/dev/shm:", "/tmp:"]
    assert ("folder" in listed) is (where == "below-tmp")
    assert (place.data / "precious").read_text() == "kept"


def test_it_is_as_hard_as_a_runs_own(
    open_warm: OpenWarm,
    open_runtime: OpenWarm,
    engine: Engine,
    warm_container: str,
    python_image: ImageToolchain,
) -> None:
    """By what the engine says of both, mounts apart."""
    with engine.asked("look") as api:
        ours, own = (
            api.inspect_container(each)["HostConfig"]
            for each in (warm_container, open_runtime(python_image).container)
        )
    apart = {"Mounts", "Binds"}
    assert {k: v for k, v in ours.items() if k not in apart} == {
        k: v for k, v in own.items() if k not in apart
    }


@pytest.fixture
def book(desk: Desk, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """A cookbook without services, on busybox, with a kitchen `dev`."""
    monkeypatch.setenv("KITCHENS_CACHE", str(tmp_path / "cache"))
    found = Processes(desk.folder, lambda: ("", ""))
    found.commit("kitchens.toml", runtime())
    found.write(
        "recipes/counts/recipe.toml",
        '[nodes.a]\nrun = "cat /proc/1/stat | cut -d\\" \\" -f22 >>$KITCHEN_DATA/on; echo n=1 >>$KITCHEN_OUTPUT"\n',
    )
    found.git("add", "--all")
    found.git("commit", "--quiet", "--message", "A recipe that says where it runs")
    found.json("create", "dev", "--no-test")
    yield found
    remove_all(engine, f"{LABEL}cookbook={NAME}")


def runtime(more: str = "") -> str:
    return settings(NAME, "", more).replace("python:bookworm", "busybox:static")


def test_a_kitchen_that_is_up_runs_everything_in_one_container(book: Processes, engine: Engine) -> None:
    """Until it is down; made anew where what it is made of changed; without a word of an engine where there is none."""
    book.json("order", "run", "counts", "--kitchen", "dev")
    assert census(engine, NAME) == NOTHING
    up = book.json("up", "dev")
    assert (up["status"], book.json("up", "dev")["toolchain"]) == ("up", up["toolchain"])
    run = book.json("order", "run", "counts", "--kitchen", "dev")
    second = book.json("order", "run", "counts", "--kitchen", "dev")
    assert book.kitchen(
        "exec", "dev", "--", "sh", "-c", "cut -d' ' -f22 /proc/1/stat; echo $KITCHEN; exit 7"
    ).out.splitlines()[1:] == ["dev"]
    own, *warm_ones = (
        (book.folder.with_name(f"{book.folder.name}.kitchens") / ".data/dev/on").read_text().split()
    )
    assert own not in warm_ones
    assert len(warm_ones) == 2
    assert len(set(warm_ones)) == 1
    for each in (run, second):
        log = Path(each["nodes"][0]["log"])
        assert (log.is_file(), log.parent.parent.parent.is_symlink()) == (True, False)
    assert not list((book.folder / ".git/kitchens/services/dev/runs").iterdir())

    shown = book.json("show", "dev")
    assert (shown["state"], shown["toolchain"]["state"], shown["services"]) == ("up", "running", [])
    assert book.kitchen("pause", "dev").out == "`dev` is paused: its toolchain\n"
    assert book.json("order", "run", "counts", "--kitchen", "dev")["status"] == "passed"
    assert {one["name"]: one["state"] for one in book.json("list")}["dev"] == "up"

    book.commit("kitchens.toml", runtime('memory = "1g"'), "dev")
    assert book.json("order", "run", "counts", "--kitchen", "dev")["status"] == "passed"
    (now,) = objects.containers(engine, warm.TOOLCHAIN, f"{LABEL}cookbook={NAME}")
    assert now.id != up["toolchain"]
    assert book.json("down", "dev")["containers"] == 1
    assert census(engine, NAME) == NOTHING


def test_a_run_that_was_killed_goes_on_in_the_same_container(book: Processes, engine: Engine) -> None:
    """What ran in it has ended, its logs are where its record says, and `delete` leaves nothing."""
    book.commit(
        "recipes/counts/recipe.toml",
        '[nodes.a]\nrun = "true"\n[nodes.b]\nneeds = ["a"]\nrun = "[ -e $KITCHEN_DATA/go ] || { echo up; touch $KITCHEN_DATA/up; sleep 300; }"\n',
        "dev",
    )
    book.json("up", "dev")
    data = book.folder.with_name(f"{book.folder.name}.kitchens") / ".data/dev"
    with subprocess.Popen(
        [sys.executable, "-m", "kitchens.cli.main", "order", "run", "counts", "--kitchen", "dev"],
        cwd=book.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as order, killed(order):  # fmt: skip
        until((data / "up").exists)
        counted = ("exec", "dev", "--", "sh", "-c", "ps -o args | grep -c '^sleep 300'")
        until(lambda: book.kitchen(*counted).out == "1\n")
    (data / "go").touch()
    (container,) = objects.containers(engine, warm.TOOLCHAIN, f"{LABEL}cookbook={NAME}")
    until(lambda: running(engine, container.id) == "")

    assert "up" in book.kitchen("order", "logs").out
    resumed = book.json("order", "resume", book.json("order", "list")[0]["run"])
    assert [(one["status"], one["attempts"]) for one in resumed["nodes"]] == [("passed", 1), ("passed", 2)]
    assert [one.id for one in objects.containers(engine, warm.TOOLCHAIN, f"{LABEL}cookbook={NAME}")] == [
        container.id
    ]
    assert not (book.folder / ".git/kitchens/runs" / resumed["run"]).is_symlink()
    book.json("delete", "dev", "--force")
    assert census(engine, NAME) == NOTHING


def test_a_command_whose_owner_was_killed_while_it_started_does_not_run(
    engine: Engine, warm_container: str
) -> None:
    """Its agent has ended everything by then, and would end nothing more."""
    said = [
        objects.read_in(engine, warm_container, agent.beside(number, ["echo", "x"])) for number in (1, 9999)
    ]
    assert said == [b"x\n", None]

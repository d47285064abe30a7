"""The process runtime: what it takes from the machine, and in bubblewrap what it sees of it."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import kitchens_engine
from kitchens.containers.choose import ProcessChoice
from kitchens.containers.nodes.bubblewrap import find_bubblewrap
from kitchens.containers.place import Limits, Place
from kitchens.containers.toolchains.toolchain import ProcessToolchain
from kitchens_engine.ports import Command, Ended
from kitchens_engine.runtimes import consumption
from kitchens_engine.runtimes.ceiling import Group

WORKER = Path(kitchens_engine.__file__).with_name("worker.py")
Attempt = Callable[..., tuple[Ended, str]]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A run's own folders."""
    folders = {name: tmp_path / name for name in ("checkout", "data", "folder")}
    for folder in folders.values():
        folder.mkdir()
    environment = {"PATH": os.environ["PATH"]}
    return Place(
        **folders, cookbook="c", kitchen="k", run="r", environment=environment, limits=Limits(1 << 30)
    )


@pytest.fixture
def program(tmp_path: Path) -> str:
    """bubblewrap, where this machine lets it work; required in CI."""
    found = find_bubblewrap({"PATH": os.environ["PATH"]}, tmp_path / "cache")
    if found.program is None:
        if os.environ.get("KITCHENS_REQUIRE_BUBBLEWRAP") == "1":
            pytest.fail(f"bubblewrap is required: {found.why}")
        pytest.skip(found.why)
    return found.program


def attempting(place: Place, program: str | None, home: Path) -> Attempt:
    """Runs shell text in the process runtime; how it ended and what it said."""

    def attempt(text: str, **changes: object) -> tuple[Ended, str]:
        made = ProcessToolchain(sys.executable, (), "x")
        environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
        choice = ProcessChoice("", made, WORKER, program, environment)
        runtime = choice.open(place._replace(**changes))  # type: ignore[arg-type]
        log = place.folder / "log"
        log.unlink(missing_ok=True)
        try:
            runtime.start(Command("attempt", ("/bin/sh", "-c", text), place.checkout, {}, log))
            ended: list[Ended] = []
            deadline = time.monotonic() + 60
            while not ended:
                assert time.monotonic() < deadline
                ended += runtime.wait(0.1)
        finally:
            runtime.close()
        return ended[0], log.read_text()

    return attempt


@pytest.fixture
def free(place: Place, tmp_path: Path) -> Attempt:
    """Without bubblewrap."""
    return attempting(place, None, tmp_path / "home")


@pytest.fixture
def confined(place: Place, program: str, tmp_path: Path) -> Attempt:
    """In bubblewrap."""
    return attempting(place, program, tmp_path / "home")


@pytest.fixture
def listening() -> Iterator[int]:
    """The port of a service of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_temporary_folder_of_its_own(free: Attempt, place: Place) -> None:
    """Under the caller's, with a name that is short enough for sockets; it goes with the run."""
    ended, said = free("echo x >$TMPDIR/mine; echo $TMPDIR; stat -c %a $TMPDIR")

    path, mode = said.split()
    assert (ended.status, mode) == (0, "700")
    assert len(path) < 40
    assert not Path(path).exists()


def test_memory_has_a_limit(free: Attempt, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes of a run together; the node that runs is red, with the key in a sentence."""
    monkeypatch.setattr(consumption, "_EVERY", 0.1)
    text = (
        f"{sys.executable} -S -c 'import time; kept = bytearray(b\"x\") * (96 << 20); time.sleep(60)' & wait"
    )

    ended, _ = free(text, limits=Limits(memory=64 << 20))

    assert (ended.status, ended.lost) == (143, None)
    assert ended.why == "the run took more memory than its 64 MiB (`memory` in `[runtime]`)"


def test_processes_have_a_limit(free: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their number counts, wherever in the tree they are."""
    monkeypatch.setattr(consumption, "_EVERY", 0.1)

    ended, _ = free("for i in 1 2 3 4 5 6; do (sleep 60 & sleep 60) & done; wait", limits=Limits(pids=8))

    assert ended.why is not None
    assert "and may have 8 (`pids` in `[runtime]`)" in ended.why


def test_the_kernel_holds_it_to_its_processes(confined: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    """What doubles with every step is past any number that is looked after now and then."""
    probe = Group.made(f"probe-{os.getpid()}", 1)
    if probe is not None:
        probe.close()
    elif os.geteuid() == 0:
        pytest.skip("the kernel holds root to a number in control groups only, and there are none")
    monkeypatch.setattr(consumption, "_EVERY", 60)

    ended, said = confined("for i in $(seq 300); do sleep 60 & done; echo all", limits=Limits(pids=40))

    assert (ended.status, ended.lost) == (2, None)
    assert "Cannot fork" in said
    assert "all" not in said.split()


def test_settings_of_the_kernel_stay(confined: Attempt) -> None:
    """Root need only be called root to change one."""
    name = "/proc/sys/kernel/threads-max"
    ended, said = confined(f"cat {name}; cat {name} > {name}")
    assert ended.status == 2
    assert "Read-only file system" in said


def test_whoever_is_root_has_no_capability_there(confined: Attempt) -> None:
    """With one, what is read-only is mounted anew; and in one more world of its own it stays locked."""
    again = "mount -o remount,rw,bind"
    ended, said = confined(
        f"grep -h ^Cap[EP] /proc/self/status; for at in / /proc/sys; do {again} $at && echo wrong; done 2>/dev/null;"
        f"unshare -rm {again} / 2>/dev/null && echo wrong; echo end"
    )
    assert ended.status == 0
    assert [word for word in said.split() if not word.startswith("Cap")] == ["0" * 16, "0" * 16, "end"]


def test_only_its_own_folders_can_be_written(confined: Attempt, place: Place, tmp_path: Path) -> None:
    """And `/tmp`, which is its own too; nothing of it is outside, or left."""
    (tmp_path / "home").mkdir()
    mine = f"{place.checkout} {place.data} {place.folder} /tmp"
    others = f"/etc /usr /var/tmp {Path(sys.executable).parent}"

    ended, said = confined(
        f"for f in {mine}; do echo x >$f/kept-{os.getpid()} || echo wrong $f; done;"
        f"for f in {others}; do echo x >$f/escaped-{os.getpid()} && echo wrong $f; done 2>/dev/null; echo $TMPDIR"
    )

    assert (ended.status, said) == (0, "/tmp\n")
    assert (place.data / f"kept-{os.getpid()}").exists()
    assert not Path(f"/tmp/kept-{os.getpid()}").exists()
    assert not (place.folder / "tmp").exists()


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="there is no memory to keep files in")
def test_what_lies_in_memory_is_there_too(confined: Attempt) -> None:
    """A toolchain below `/dev/shm`, say: its own `/dev` hides the rest."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        tool = Path(folder, "tool")
        tool.write_text("#!/bin/sh\necho here\n")
        tool.chmod(0o755)
        path = {"PATH": f"{folder}:{os.environ['PATH']}"}
        _, said = confined(f"tool; echo x >{folder}/mine && echo wrong", environment=path)
    assert said.split("\n")[0] == "here"
    assert "wrong" not in said


def test_a_node_cannot_end_what_keeps_it(confined: Attempt) -> None:
    """Its parent is the first process of that world, and whatever else runs there ends with it."""
    ended, said = confined("env -i /usr/bin/setsid /bin/sleep 600 & kill -9 $PPID; echo on")

    assert (ended.status, ended.lost, said) == (0, None, "on\n")


def test_the_network_is_there_where_it_is_open(confined: Attempt, listening: int) -> None:
    """Not even a service of this machine is in reach otherwise."""
    text = (
        f"{sys.executable} -S -c 'import socket; socket.create_connection((\"127.0.0.1\", {listening}), 3)'"
    )

    statuses = [confined(text, network=network)[0].status for network in ("open", "kitchen", "none")]

    assert statuses == [0, 1, 1]


def test_other_processes_are_out_of_sight(confined: Attempt) -> None:
    """Neither seen nor ended."""
    _, said = confined(f"ls /proc | grep -c '^[0-9]'; kill -0 {os.getpid()} && echo reached; ls /run")

    assert int(said.split()[0]) < 10
    assert "reached" not in said
    assert "docker" not in said


def test_what_lies_in_a_home_is_not_told(confined: Attempt, tmp_path: Path) -> None:
    """Keys of ssh, of clouds and of our own vault."""
    for name in (".ssh/id", ".config/kitchens/vault.key", ".netrc"):
        (tmp_path / "home" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "home" / name).write_text("told nobody")

    _, said = confined(f"grep -r told {tmp_path / 'home'}; cat {tmp_path / 'home' / '.netrc'}; echo done")

    assert "told nobody" not in said
    assert said.endswith("done\n")


def test_a_repository_in_the_checkout_cannot_be_changed(confined: Attempt, place: Place) -> None:
    """A hook put there would run outside."""
    (place.checkout / ".git" / "hooks").mkdir(parents=True)

    ended, _ = confined("echo evil >.git/hooks/post-commit")

    assert ended.status != 0


def test_what_does_not_work_is_said_and_left(tmp_path: Path) -> None:
    """A program that fails is tried once, and the sentence is remembered."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bwrap").write_text(
        f"#!/bin/sh\necho tried >>{tmp_path}/tries\necho no namespaces >&2\nexit 1\n"
    )
    (tmp_path / "bin" / "bwrap").chmod(0o755)
    environment = {"PATH": str(tmp_path / "bin")}

    found = [find_bubblewrap(environment, tmp_path / "cache") for _ in range(2)]

    assert {each.program for each in found} == {None}
    assert {each.why for each in found} == {"bubblewrap does not work here: no namespaces"}
    assert (tmp_path / "tries").read_text() == "tried\n"
    assert find_bubblewrap({**environment, "KITCHENS_BUBBLEWRAP": "no"}, tmp_path).program is None

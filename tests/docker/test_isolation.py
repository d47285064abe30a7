"""Ways out of a container that a recipe may try. None of them works."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kitchens.containers.engine import Engine
from kitchens.containers.nodes.docker_runtime import DockerRuntime
from kitchens.containers.place import Limits, Place
from kitchens.containers.toolchains.image import ImageToolchain
from kitchens_engine.language.shelf import FolderSource, Shelf
from kitchens_engine.order import KitchenFacts, Order
from kitchens_engine.ports import Command
from kitchens_engine.running import execution
from kitchens_engine.running.runner import run

OpenRuntime = Callable[..., DockerRuntime]


@pytest.fixture
def attempt(open_runtime: OpenRuntime, place: Place) -> Callable[..., tuple[int, str]]:
    """Runs a shell text in a container; its status and what it said."""

    def attempted(text: str, image: ImageToolchain | None = None, **changes: object) -> tuple[int, str]:
        runtime = open_runtime(*([image] if image else []), **changes)
        log = place.folder / "log"
        runtime.start(Command("attempt", ("/bin/sh", "-c", text), place.checkout, {}, log))
        (ended,) = runtime.wait(60)
        assert ended.lost is None
        return ended.status, log.read_text(errors="replace")

    return attempted


Attempt = Callable[..., tuple[int, str]]


@pytest.mark.parametrize(
    "path", ["/escaped", "/bin/escaped", "/opt/kitchens/escaped", "/etc/escaped", "/var/escaped"]
)
def test_nothing_outside_its_folders_can_be_written(attempt: Attempt, path: str) -> None:
    """The image is read-only, our own worker included."""
    status, _ = attempt(f"mkdir -p {Path(path).parent}; echo x > {path}")

    assert status != 0


def test_its_own_folders_can_be_written(attempt: Attempt, place: Place) -> None:
    """The checkout, the data folder, the run's folder, and memory for temporary files."""
    folders = f"{place.checkout} {place.data} {place.folder} /tmp /run /dev/shm"

    status, said = attempt(f"set -e; for folder in {folders}; do echo x > $folder/file; done")

    assert (status, said) == (0, "")
    assert not Path("/run/file").exists()


def test_no_file_of_the_machine_can_be_read(attempt: Attempt, place: Place) -> None:
    """What lies beside the mounted folders does not exist inside, by no way that leads there."""
    secret = place.checkout.parent / "secret"
    secret.write_text("told nobody")
    (place.checkout / "link").symlink_to(secret)

    _, said = attempt(
        f"cat {secret}; cat link; cat {place.checkout}/../secret; cat /proc/1/root{secret}; ls -a {place.checkout.parent}"
    )

    assert "told nobody" not in said
    assert said.splitlines()[-5:] == [".", "..", "checkout", "data", "folder"]


def reach(host: str, port: int = 80) -> str:
    """A program that says the name of the error with which an address refuses, or what its page says."""
    return f"""python3 -c '
import errno, socket, urllib.request
try:
    print(urllib.request.urlopen("http://{host}:{port}/", timeout=3).read().decode())
except OSError as error:
    why = getattr(error, "reason", error)
    print(errno.errorcode.get(why.errno, "name") if why.errno is not None and why.errno > 0 else "name")
'"""


def test_without_a_network_there_is_only_itself(attempt: Attempt, python_image: ImageToolchain) -> None:
    """No interface but the loopback, so no name and no address."""
    _, said = attempt(f"ls /sys/class/net; {reach('1.1.1.1')}; {reach('example.com')}", python_image)

    assert said.split() == ["lo", "ENETUNREACH", "name"]


@pytest.mark.parametrize("network", ["none", "kitchen"])
def test_the_metadata_address_is_out_of_reach(
    attempt: Attempt, python_image: ImageToolchain, network: str
) -> None:
    """What a cloud tells about the machine, credentials included, is told to no node."""
    _, said = attempt(reach("169.254.169.254"), python_image, network=network)

    assert said == "ENETUNREACH\n"


def test_another_kitchens_container_is_out_of_reach(
    attempt: Attempt, open_runtime: OpenRuntime, engine: Engine, place: Place, python_image: ImageToolchain
) -> None:
    """Even one that listens on the engine's own bridge, by its address."""
    other = open_runtime(python_image, network="open", kitchen="other")
    serve = "cd /tmp; echo theirs >index.html; python3 -m http.server 8080"
    other.start(Command("serve", ("/bin/sh", "-c", serve), place.checkout, {}, place.folder / "serve.log"))
    found = engine._api.inspect_container(other.container)["NetworkSettings"]["Networks"]["bridge"]
    page = reach(found["IPAddress"], 8080)

    said = []
    for network in ("open", "none", "kitchen"):
        (place.folder / "log").unlink(missing_ok=True)
        text = (
            f"for i in 1 2 3 4 5 6 7 8 9; do {page} | grep theirs && exit; sleep 0.2; done"
            if network == "open"
            else page
        )
        said.append(attempt(text, python_image, network=network)[1])

    assert said == ["theirs\n", "ENETUNREACH\n", "ENETUNREACH\n"]


def test_a_link_that_leaves_the_checkout_leads_nowhere(attempt: Attempt, place: Place) -> None:
    """Neither one that was committed nor one that a node makes writes outside: at best into the container's memory."""
    outside = place.checkout.parent / "outside"
    outside.write_text("as it was")
    (place.checkout / "committed").symlink_to(outside)
    (place.data / "up").symlink_to("../..")

    attempt(
        f"echo x >committed; echo x >{place.data}/up/outside; ln -s {outside} made; echo x >made; cat made"
    )

    assert outside.read_text() == "as it was"
    assert not (place.checkout.parent.parent / "outside").exists()


def test_kitchen_network_without_services_is_none(attempt: Attempt) -> None:
    """`kitchen` reaches the kitchen's own services only, and there are none."""
    _, said = attempt("ls /sys/class/net", network="kitchen")

    assert said.split() == ["lo"]


def test_an_open_network_has_an_address(attempt: Attempt) -> None:
    """What asks for it gets the engine's bridge."""
    _, said = attempt("ls /sys/class/net", network="open")

    assert said.split() == ["eth0", "lo"]


def test_the_engine_is_out_of_reach(attempt: Attempt) -> None:
    """No socket of an engine is inside."""
    status, said = attempt(
        "find / -xdev -type s 2>/dev/null | grep .; ls /var/run/docker.sock /run/docker.sock"
    )

    assert status != 0
    assert "docker.sock" not in said.replace("/var/run/docker.sock: No such", "").replace(
        "/run/docker.sock: No such", ""
    )


def test_there_are_no_capabilities(attempt: Attempt) -> None:
    """Root inside is root without power: every set is empty, the bounding set too."""
    _, said = attempt("grep ^Cap /proc/self/status; grep NoNewPrivs /proc/self/status")

    assert set(said.split()[1:-2:2]) == {"0000000000000000"}
    assert said.split()[-2:] == ["NoNewPrivs:", "1"]


@pytest.mark.parametrize(
    "text",
    [
        "mount -t tmpfs none /mnt",
        "mount -o remount,rw /",
        "mount --bind /proc /tmp",
        "unshare -r true",
        "chroot / true",
        "mknod /tmp/disk b 254 0",
        "hostname other",
        "ip link add dummy0 type dummy",
        "sysctl -w kernel.core_pattern=x",
        "echo x > /proc/sysrq-trigger",
        "dmesg -c",
        "chown 12345 .",
        "nsenter -t 1 -m true",
    ],
)
def test_the_machine_cannot_be_changed(attempt: Attempt, text: str) -> None:
    """Mounts, devices, namespaces, kernel settings and ownership are refused."""
    status, _ = attempt(text)

    assert status != 0


def test_a_setuid_program_gives_nothing(
    attempt: Attempt, place: Place, python_image: ImageToolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who is not root stays so, whatever bits a program of root's carries."""
    _give_away(place)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 1000)
    (place.checkout / "id").write_bytes(Path("/bin/busybox").read_bytes())
    (place.checkout / "id").chmod(0o4755)

    _, said = attempt(
        "id -u; ./id -u; ls -l /usr/bin/su; su -c 'id -u' </dev/null; su nobody -s /bin/id", python_image
    )

    assert [line for line in said.splitlines() if line.isdigit()] == ["1000", "1000"]
    assert "uid=65534" not in said


def test_files_belong_to_the_caller(attempt: Attempt, place: Place) -> None:
    """What a node writes is the caller's, so that it can be read, changed and removed outside."""
    attempt("id -u; touch mine; mkdir folder; touch folder/mine")

    owners = {(path.stat().st_uid, path.stat().st_gid) for path in place.checkout.rglob("*")}
    assert owners == {(os.getuid(), os.getgid())}


def test_a_callers_uid_is_kept(attempt: Attempt, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's files are the user's, not root's."""
    _give_away(place)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 1001)

    attempt("touch mine")

    status = (place.checkout / "mine").stat()
    assert (status.st_uid, status.st_gid) == (1000, 1001)


def test_a_fork_bomb_ends_with_its_node(open_runtime: OpenRuntime, place: Place) -> None:
    """It meets the limit of processes, fails, can be ended, and the next node runs."""
    runtime = open_runtime(limits=Limits(memory=256 << 20, cpus=1, pids=48))
    bomb = "bomb() { bomb | bomb & }; (bomb) & while :; do :; done"
    runtime.start(Command("bomb", ("/bin/sh", "-c", bomb), place.checkout, {}, place.folder / "bomb.log"))
    assert list(runtime.wait(2)) == []

    runtime.kill("bomb")
    (ended,) = runtime.wait(30)
    runtime.start(Command("after", ("true",), place.checkout, {}, place.folder / "after.log"))
    (after,) = runtime.wait(30)

    assert (ended.token, ended.lost) == ("bomb", None)
    assert (after.status, after.lost) == (0, None)


def test_at_the_limit_of_processes_a_node_is_refused(open_runtime: OpenRuntime, place: Place) -> None:
    """A node that cannot be started fails with the reason in its log; the runtime goes on."""
    runtime = open_runtime(limits=Limits(memory=256 << 20, cpus=1, pids=24))
    hog = "i=0; while [ $i -lt 40 ]; do sleep 30 & i=$((i+1)); done; wait"
    runtime.start(
        Command("hog", ("/bin/sh", "-c", f"({hog}); sleep 30"), place.checkout, {}, place.folder / "hog.log")
    )
    assert list(runtime.wait(1)) == []

    log = place.folder / "second.log"
    runtime.start(Command("second", ("true",), place.checkout, {}, log))
    (second,) = runtime.wait(30)
    runtime.kill("hog")
    (hogged,) = runtime.wait(30)

    assert (second.token, second.status, second.lost) == ("second", 126, None)
    assert "`pids` in `[runtime]`" in log.read_text()
    assert (hogged.token, hogged.lost) == ("hog", None)


def test_memory_is_limited(attempt: Attempt, python_image: ImageToolchain) -> None:
    """A node that takes more is ended by a signal, which is its own failure."""
    status, _ = attempt("python3 -c 'print(len(bytearray(600 << 20)))'", python_image)

    assert status == 137


def test_memory_that_ran_out_is_said_so(
    open_runtime: OpenRuntime, place: Place, python_image: ImageToolchain
) -> None:
    """Of the node that took it, in a sentence with the key; the runtime goes on, and the next failure is its own."""
    runtime = open_runtime(python_image)
    greedy = "python3 -c 'print(len(bytearray(600 << 20)))'; echo on; exit 3"
    for token, text in (("greedy", greedy), ("next", "exit 4")):
        runtime.start(Command(token, ("/bin/sh", "-c", text), place.checkout, {}, place.folder / "log"))

    ended = {end.token: end for end in (*runtime.wait(60), *runtime.wait(60))}
    runtime.start(Command("after", ("/bin/sh", "-c", "exit 5"), place.checkout, {}, place.folder / "log"))
    (after,) = runtime.wait(60)

    assert (ended["greedy"].status, ended["greedy"].lost) == (3, None)
    assert ended["greedy"].why == "the run took more memory than its 256 MiB (`memory` in `[runtime]`)"
    assert (ended["next"].status, ended["next"].why) == (4, None)
    assert (after.status, after.why) == (5, None)


def test_temporary_files_count_as_memory(attempt: Attempt) -> None:
    """`/tmp` is of a size, and cannot fill the machine's memory."""
    status, said = attempt("dd if=/dev/zero of=/tmp/big bs=1M count=1000")

    assert status != 0
    assert "No space left" in said


def test_filling_the_data_folder_is_ended(
    open_runtime: OpenRuntime, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that writes more than it may is red, with the key in a sentence."""
    monkeypatch.setattr(execution, "_LOOK", 0.1)
    recipe = place.checkout / "recipes" / "r" / "recipe.toml"
    recipe.parent.mkdir(parents=True)
    fill = "while :; do head -c 300000 /dev/zero >> $KITCHEN_DATA/big; sleep 0.02; done"
    recipe.write_text(f"[nodes.fill]\nrun = '{fill}'\n")
    order = Order(
        run=place.run, order="o", shelf=Shelf(FolderSource(place.checkout)), root=place.checkout, recipe="r",
        variation=None, variables={}, settings={}, nodes=None,
        kitchen=KitchenFacts("dev", "production", place.data), folder=place.folder,
        started=datetime(2026, 1, 2, tzinfo=UTC), disk_limit=2 << 20,
    )  # fmt: skip

    record = run(order, open_runtime(), None, lambda event: None, threading.Event())

    assert [(str(node.status), node.why) for node in record.walk()] == [
        ("failed", "the run wrote more than 2 MiB to its folders, and may not (`disk` in `[runtime]`)")
    ]


def test_a_git_file_cannot_be_rewritten(attempt: Attempt, place: Place) -> None:
    """A worktree's link to its repository stays as it is: outside, git would run the hooks of another."""
    link = place.checkout / ".git"
    link.write_text("gitdir: /somewhere\n")

    status, _ = attempt("echo 'gitdir: evil' > .git; rm -f .git; mv .git other; [ ! -e other ] && exit 7")

    assert status == 7
    assert link.read_text() == "gitdir: /somewhere\n"


def test_a_repository_inside_the_checkout_is_hidden(attempt: Attempt, place: Place) -> None:
    """Neither other branches nor the settings of a whole repository are inside, and no hook can be put there."""
    hooks = place.checkout / ".git" / "hooks"
    hooks.mkdir(parents=True)
    (place.checkout / ".git" / "config").write_text("token")

    _, said = attempt("ls -A .git; mkdir -p .git/hooks; echo evil > .git/hooks/post-commit; echo done")

    assert said == "done\n"
    assert not list(hooks.iterdir())


def test_evidence_cannot_be_a_link(open_runtime: OpenRuntime, place: Place) -> None:
    """A node cannot make us read, as the end of a process, a file that it could not read itself."""
    secret = place.checkout.parent / "secret"
    secret.write_text("told nobody")
    text = f"ln -s {secret} {place.folder}/.ended-$KITCHEN_ATTEMPT"
    runtime = open_runtime()
    runtime.start(Command("x", ("/bin/sh", "-c", text), place.checkout, {}, place.folder / "log"))

    (ended,) = runtime.wait(20)

    assert ended.lost is not None
    assert secret.read_text() == "told nobody"


def test_the_container_is_as_hard_as_it_says(open_runtime: OpenRuntime, engine: Engine) -> None:
    """What the engine itself says about the container: no privilege, no capability, limits, and a reaper."""
    runtime = open_runtime()

    host = engine._api.inspect_container(runtime.container)["HostConfig"]

    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert host["ReadonlyRootfs"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Init"]
    assert host["Memory"] == host["MemorySwap"] == 256 << 20
    assert host["PidsLimit"] == 64
    assert host["NanoCpus"] == 2_000_000_000
    assert not host["Devices"]
    assert not host["PortBindings"]


def _give_away(place: Place) -> None:
    """Let a user who is not root work in the place's folders."""
    for folder in (place.checkout, place.data, place.folder):
        folder.chmod(stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO)

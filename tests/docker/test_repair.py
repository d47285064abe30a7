"""What kitchens that are gone left on the engine is found by its labels, and goes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kitchens.containers import objects
from kitchens.containers.engine import Engine
from kitchens.containers.lock import alone
from kitchens.containers.services.seeds import LABEL
from tests.desk import desk, empty
from tests.docker.conftest import BUSYBOX, PYTHON
from tests.docker.services import NOTHING, Processes, census, web
from tests.docker.test_services import begin, book

__all__ = ["book", "desk", "empty"]

pytestmark = pytest.mark.docker

SERVICES = web("front", more='volumes = ["/data"]\n')


def test_what_kitchens_left_that_are_gone_is_removed(
    book: Processes, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refs that vanished, a deletion while no engine answered; and nothing of a kitchen that is there."""
    name = begin(book, SERVICES)
    for kitchen in ("dev", "stays"):
        book.json("create", kitchen, "--no-test")
        book.json("up", kitchen)
    before = {kind: len(found) for kind, found in census(engine, name).items()}
    shutil.rmtree(book.path("dev"))
    book.git("worktree", "prune")
    for ref in ("refs/heads/dev", "refs/kitchens/dev"):
        book.git("update-ref", "-d", ref)
    found = {(one["kind"], one["did"]) for one in book.json("repair")["findings"]}
    removed = {(kind, "removed") for kind in ("container", "network", "volume")}
    assert found == removed | {("data", "kept"), ("notes", "removed")}
    assert not (book.folder / ".git/kitchens/services/dev").exists()
    after = {kind: len(found) for kind, found in census(engine, name).items()}
    assert after == {kind: count // 2 for kind, count in before.items()}

    with monkeypatch.context() as away:
        away.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
        answer = book.kitchen("delete", "stays")
        assert (answer.status, "when an engine answers again" in answer.err) == (0, True), answer
        assert ("engine", "kept") in {(one["kind"], one["did"]) for one in book.json("repair")["findings"]}
    assert census(engine, name) != NOTHING
    book.json("repair")
    assert census(engine, name) == NOTHING


@pytest.mark.parametrize(
    "cycles",
    [2, pytest.param(100, marks=(pytest.mark.soak, pytest.mark.timeout(3600)))],
    ids=["few", "many"],
)
def test_killed_at_any_moment_nothing_leaks(book: Processes, engine: Engine, cycles: int) -> None:
    """`create`, `up` and `delete` die at random moments; a last `delete` and `repair`, and nothing is left."""
    name = begin(book, SERVICES)
    chance = random.Random(7)
    for _ in range(cycles):
        for words in (["create", "dev", "--no-test"], ["up", "dev"], ["delete", "dev", "--force"]):
            child = subprocess.Popen(
                [sys.executable, "-m", "kitchens.cli.main", *words],
                cwd=book.folder,
                stderr=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            time.sleep(0.1 + chance.random() * 1.2)
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        assert book.kitchen("delete", "dev", "--force").status in (0, 2)
        repaired = book.kitchen("repair", "--json")
        assert repaired.status == 0, repaired
        assert census(engine, name) == NOTHING, repaired.out
        assert str(book.folder) not in Path("/proc/self/mounts").read_text()


def test_a_seed_that_was_not_made_to_its_end_is_removed(
    book: Processes, engine: Engine, tmp_path: Path
) -> None:
    """Unless somebody is at it; a whole one stays, and one that was begun elsewhere."""
    begin(book, SERVICES)
    seeds = tmp_path / "cache/seeds"
    mark = os.urandom(8).hex()
    keys = {
        name: f"{mark}{number:048}" for number, name in enumerate(("whole", "half", "at it", "elsewhere"))
    }
    for key in keys.values():
        objects.make_volume(engine, f"kitchens-seed-{key[:32]}-{key[-1]}", {LABEL: key})
    try:
        for name in ("whole", "half", "at it"):
            with alone(seeds / f"{keys[name]}.lock", lambda _: None, ""):
                pass
        (seeds / keys["whole"]).touch()
        with alone(seeds / f"{keys['at it']}.lock", lambda _: None, ""):
            findings = book.json("repair")["findings"]
        found = {one["name"][-1]: one["did"] for one in findings if mark in one["name"]}
        assert (found["1"], found["2"], set(found)) == ("removed", "kept", {"1", "2"})
        book.json("repair")
        left = {name for name, _ in objects.volumes(engine, LABEL) if mark in name}
        assert {name[-1] for name in left} == {"0", "3"}
    finally:
        for name, _ in objects.volumes(engine, LABEL):
            if mark in name:
                objects.remove_volume(engine, name)


#: Its data is made once, from a file; without what that says it does not start.
_PICKY = (
    "[ -e /data/made ] || { cat /docker-entrypoint-initdb.d/* > /data/index.html; touch /data/made; };"
    "grep -q good /data/index.html || exit 9; exec httpd -f -p 8080 -h /data"
)


def test_a_seed_on_which_a_service_does_not_come_up_is_made_anew(
    book: Processes, engine: Engine, tmp_path: Path
) -> None:
    """Also while another kitchen's container holds it: whoever comes next begins with a new one."""
    book.write("words", "good\n")
    begin(book, web("shop", _PICKY, 'volumes = ["/data"]\ninit = ["words"]\n'))
    for name in ("dev", "other"):
        book.json("create", name, "--no-test")
    book.json("up", "dev")
    (key,) = (path.name for path in (tmp_path / "cache/seeds").glob("[0-9a-f]*[0-9a-f]"))
    spoil = "echo bad > /seed/index.html"
    volume = f"kitchens-seed-{key[:32]}-0:/seed"
    subprocess.run(
        ["docker", "run", "--rm", "-v", volume, BUSYBOX, "sh", "-c", spoil], check=True, capture_output=True
    )

    spoilt = book.kitchen("up", "other")

    assert (spoilt.status, "the next start makes it anew" in spoilt.err) == (5, True), spoilt
    assert book.json("up", "other")["status"] == "up"
    assert book.kitchen("exec", "other", "--service", "shop", "cat", "/data/index.html").out == "good\n"
    book.json("delete", "dev")
    book.json("repair")
    assert len(objects.volumes(engine, f"{LABEL}={key}")) == 1


def test_what_a_killed_gate_left_is_removed(book: Processes, engine: Engine) -> None:
    """Its services, which would go on without anybody; whether or not a kitchen ever had some."""
    name = begin(book, web("front"))
    book.write("kitchens.toml", (book.folder / "kitchens.toml").read_text().replace(PYTHON, BUSYBOX))
    book.commit("recipes/counts/recipe.toml", '[nodes.wait]\nrun = "sleep 60"\n')
    with subprocess.Popen(
        [sys.executable, "-m", "kitchens.cli.main", "test", "production", "--again"],
        cwd=book.folder,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as gate:
        deadline = time.monotonic() + 60
        while not census(engine, name)["containers"] and time.monotonic() < deadline:
            time.sleep(0.02)
        gate.kill()
    deadline = time.monotonic() + 30
    while census(engine, name) != NOTHING and time.monotonic() < deadline:
        assert book.kitchen("repair").status == 0
    assert census(engine, name) == NOTHING

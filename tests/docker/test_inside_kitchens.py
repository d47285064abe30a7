"""What a user does inside a kitchen with services: shell, exec, logs, port, cp, pause; and what show tells."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kitchens.containers import objects
from kitchens.containers.engine import Engine
from kitchens.containers.owners import LABEL
from kitchens.containers.sweeping import remove_all
from tests.desk import Answer, Desk, desk, empty
from tests.docker.services import SERVE, Processes, census, settings

__all__ = ["desk", "empty"]

pytestmark = pytest.mark.docker

WEB = f"""
[services.web]
image = "kitchens-test/busybox:static"
command = ["sh", "-c", "echo the key is $KEY; {SERVE.format(name="web")}"]
port = 8080
env = {{ KEY = "vault:web/key" }}
"""
KEY = "k3y'with\\odd$letters"


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A cookbook that no other test has."""
    return f"inside-{request.node.name}"


@pytest.fixture
def book(
    desk: Desk, engine: Engine, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Processes]:
    """A desk in a cookbook whose kitchen `dev` is up."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    found = Processes(desk.folder, lambda: ("", ""))
    found.keep("web/key", KEY)
    found.commit("kitchens.toml", settings(name, WEB))
    found.json("create", "dev", "--no-test")
    found.json("up", "dev")
    yield found
    remove_all(engine, f"{LABEL}cookbook={name}")


def test_a_user_works_inside_a_kitchen(book: Processes, engine: Engine, name: str) -> None:
    """In the toolchain and in a service, with the command's status, in and out of pipes; logs hide what is secret."""
    logs = book.kitchen("logs", "dev")
    assert logs.out == "web | the key is ***\nweb | up\n"
    assert book.json("logs", "dev", "web", "--lines", "1") == [{"service": "web", "line": "up"}]
    (port,) = book.json("port", "dev")
    assert book.kitchen("port", "dev", "web").out == f"{port['address']}\n"

    code = "import urllib.request as u; print(u.urlopen('http://web:8080/').read().decode(), end='')"
    assert book.kitchen("exec", "dev", "--", "python3", "-c", code).out == "web\n"
    assert book.kitchen("exec", "dev", "--", "sh", "-c", "pwd; exit 7") == Answer(
        7, f"{book.path('dev')}\n", ""
    )
    read = subprocess.run(
        [sys.executable, "-m", "kitchens.cli.main", "exec", "dev", "--service", "web", "--", "tr", "a-z", "A-Z"],
        cwd=book.folder, check=True, input=b"in and out\n", stdout=subprocess.PIPE,
    )  # fmt: skip
    assert read.stdout == b"IN AND OUT\n"
    answer = book.kitchen("exec", "dev", "--service", "web", "--json", "--", "hostname")
    assert (answer.document["status"], answer.document["output"]) == (0, "web\n")

    book.write("given/file.txt", "given\n")
    book.kitchen("cp", "dev", "given", "web:/tmp")
    assert (
        book.kitchen("exec", "dev", "--service", "web", "--", "cat", "/tmp/given/file.txt").out == "given\n"
    )
    book.kitchen("cp", "dev", "web:/tmp/given", "back")
    assert (book.folder / "back/file.txt").read_text() == "given\n"
    assert "has no `/no`" in book.kitchen("cp", "dev", "web:/no", ".").err

    assert book.json("pause", "dev")["services"] == ["web"]
    states = {one["name"]: one["state"] for one in book.json("list")}
    assert states == {"production": "ready", "dev": "paused"}
    book.json("resume", "dev")
    (shown,) = book.json("show", "dev")["services"]
    assert (shown["state"], shown["memory"] > 0, shown["address"]) == ("running", True, port["address"])
    assert (
        "no service `wbe` of `dev` runs\nhint: did you mean `web`?" in book.kitchen("logs", "dev", "wbe").err
    )
    assert len(census(engine, name)["containers"]) == 2  # the service and the toolchain


def test_a_shell_on_a_terminal(book: Processes) -> None:
    """Keys go in, the screen comes out, and the status is the shell's; the terminal is as it was."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(book.folder)
        os.execv(sys.executable, [sys.executable, "-m", "kitchens.cli.main", "shell", "dev"])
    seen = b""
    os.write(terminal, b"echo $((6 * 7)) $KITCHEN; tty; exit 3\n")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            seen += os.read(terminal, 4096)
        except OSError:
            break
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 3, seen
    assert b"42 dev" in seen
    assert b"/dev/pts/" in seen


def test_idle_services_are_stopped_by_the_next_command_of_anyone(book: Processes, name: str) -> None:
    """And an order, or `up`, starts them again; one that is in use stays."""
    book.commit("kitchens.toml", settings(name, WEB, 'idle = "30s"'))
    book.json("create", "other", "--no-test")
    mark = book.folder / ".git/kitchens/services/dev/used"
    os.utime(mark, (time.time() - 60, time.time() - 60))
    with mark.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # as an order does, for as long as it runs
        book.json("up", "other")
        assert {one["name"]: one["state"] for one in book.json("list")}["dev"] == "up"
    answer = book.kitchen("up", "other")
    assert "the services of `dev` were idle, and are stopped" in answer.err
    assert {one["name"]: one["state"] for one in book.json("list")}["dev"] == "stopped"
    assert "no service of `dev` runs" in book.kitchen("port", "dev").err
    assert book.json("up", "dev")["status"] == "up"
    assert book.kitchen("logs", "dev").out.count("the key is ***") == 2


def test_what_did_not_become_ready_is_stopped_when_it_is_idle(
    book: Processes, engine: Engine, name: str
) -> None:
    """By the kitchen's own settings, uncommitted ones included; `prune` says so before."""
    settings = book.path("dev") / "kitchens.toml"
    never = WEB.replace("services.web", "services.slow") + 'health = "false"\nready_within = 1\n'
    settings.write_text(settings.read_text().replace("[runtime]", '[runtime]\nidle = "30s"') + never)
    assert book.kitchen("up", "dev").status == 1
    mark = book.folder / ".git/kitchens/services/dev/used"
    assert book.json("prune")["findings"] == []
    os.utime(mark, (time.time() - 60, time.time() - 60))

    planned = book.json("prune", "--dry-run")["findings"]
    done = book.json("prune")["findings"]

    assert [(one["kind"], one["name"], one["did"]) for one in done] == [("services", "dev", "stopped")]
    assert planned == done
    assert {one.state for one in objects.containers(engine, f"{LABEL}cookbook={name}")} == {"exited"}
    assert book.json("prune")["findings"] == []

"""Images that work as stock ones do: they begin as root, give their volume to a user of their own, and go on as that one."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

import pytest

from kitchens.containers import objects
from kitchens.containers.engine import Engine
from kitchens.containers.stopping import stop
from tests.docker.services import Processes
from tests.docker.test_services import begin, book, desk, empty

__all__ = ["book", "desk", "empty"]

pytestmark = pytest.mark.docker

#: As redis's own: what it holds is written down when it ends, and read when it begins.
SERVER = """
import os, pathlib, signal, socketserver, sys
dump, held = pathlib.Path("dump"), {}
def save(*_):
    dump.write_text(held.get("said", "nothing"))
    os._exit(0)
signal.signal(signal.SIGTERM, save)
if dump.exists():
    held["said"] = dump.read_text()
class Answer(socketserver.StreamRequestHandler):
    def handle(self):
        word = self.rfile.readline().decode().strip()
        if word != "tell":
            held["said"] = word
        self.wfile.write(f"{held.get('said', 'nothing')} {os.getuid()} {os.getcwd()}".encode())
socketserver.TCPServer.allow_reuse_address = True
print("ready", flush=True)
socketserver.TCPServer(("", 6379), Answer).serve_forever()
"""
ENTRY = """#!/bin/sh
set -e
if [ "$1" = keeper ] && [ "$(id -u)" = 0 ]; then
    find . \\! -user daemon -exec chown daemon '{}' +
    exec setpriv --reuid=daemon --regid=daemon --clear-groups "$0" "$@"
fi
exec python3 /usr/local/bin/server.py
"""
DOCKERFILE = """
FROM kitchens-test/python:bookworm
COPY entry.sh server.py /usr/local/bin/
RUN chmod 755 /usr/local/bin/entry.sh && mkdir /data
VOLUME /data
WORKDIR /data
ENTRYPOINT ["/usr/local/bin/entry.sh"]
CMD ["keeper"]
"""
CACHE = """
[services.cache]
build = "cache/Dockerfile"
port = 6379
"""
ASK = "import socket as s; c = s.create_connection(('cache', 6379), 9); c.sendall(b'tell\\n'); print(c.recv(99).decode())"


def say(address: str, word: str) -> str:
    """What the service on a port of this machine answers."""
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=9) as connection:
        connection.sendall(f"{word}\n".encode())
        return connection.recv(99).decode()


def test_what_a_service_writes_when_it_ends_is_there_again(book: Processes, engine: Engine) -> None:
    """It is its image's own user who serves, on a volume that root gave him; taken down, or made anew because its settings
    changed, it is asked to end first. It is reached by name and on its port."""
    for name, text in (("entry.sh", ENTRY), ("server.py", SERVER), ("Dockerfile", DOCKERFILE)):
        book.write(f"cache/{name}", text)
    begin(book, CACHE)
    book.json("create", "dev", "--no-test")

    (service,) = book.json("up", "dev")["services"]
    assert say(service["address"], "plums") == "plums 1 /data"
    assert book.kitchen("exec", "dev", "--", "python3", "-c", ASK).out == "plums 1 /data\n"

    book.json("down", "dev")
    (service,) = book.json("up", "dev")["services"]
    assert say(service["address"], "tell").startswith("plums ")

    say(service["address"], "pears")
    settings = book.path("dev") / "kitchens.toml"
    settings.write_text(settings.read_text() + 'env = { CHANGED = "yes" }\n')
    (service,) = book.json("up", "dev")["services"]
    assert say(service["address"], "tell").startswith("pears ")


@pytest.fixture
def started(engine: Engine) -> Iterator[list[str]]:
    """Containers that go after the test."""
    made: list[str] = []
    yield made
    for container in made:
        engine.remove(container)


@pytest.mark.parametrize("first", ["trap '' TERM; while :; do sleep 1; done", "while :; do sleep 1; done"])
def test_a_server_that_does_not_hear_is_not_waited_for(
    engine: Engine, started: list[str], first: str
) -> None:
    """The first process of a container is ended by no signal that it does not catch."""
    name = f"kitchens-tests-{os.urandom(4).hex()}"
    container = engine.create("kitchens-test/busybox:static", ["/bin/sh", "-c", first], {"name": name}, {})
    started.append(container)
    engine.start(container)
    began = time.monotonic()

    stop(engine, container, 60)

    assert time.monotonic() - began < 20
    assert objects.state_of(engine, container)["Running"] is False

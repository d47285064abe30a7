"""Requests over a local socket, to an engine that a test plays."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kitchens.containers.engine import EngineUnreachable, connect
from kitchens.containers.wire import unix
from kitchens.containers.wire.calls import Calls
from kitchens.containers.wire.unix import Missing, NoImage, Refusal

PONG = b"HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\n\r\nOK"


class Played:
    """An engine at `path`: what it is asked, without its head, and what it says to each request; None: nothing at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.says: Callable[[bytes], bytes | None] = lambda request: PONG
        self.heard: list[bytes] = []
        self.held: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                request = connection.recv(65536)
                length = re.search(rb"Content-Length: (\d+)", request)
                while length and len(request.partition(b"\r\n\r\n")[2]) < int(length[1]):
                    request += connection.recv(65536)
                self.heard.append(request)
                answer = self.says(request)
                self.held.append(connection)
                if answer is not None:
                    connection.sendall(answer)
                    if b"keep-alive" not in answer:
                        connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Nobody answers any more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self.held:
            each.close()


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    found = Played(tmp_path / "s")
    yield found
    found.close()


def calls(played: Played) -> Calls:
    def rest() -> None:
        raise AssertionError("nothing is left to the SDK")

    made = Calls(str(played.path), "1.41", rest)
    made.timeout = 60
    return made


def says(status: str, body: bytes, head: str = "") -> bytes:
    return f"HTTP/1.0 {status}\r\n{head}\r\n".encode() + body


@pytest.mark.timeout(20)
def test_a_refusal_ends_with_its_length(played: Played) -> None:
    """A process in a container that has ended is asked for in the protocol that keeps its connections."""
    body = b'{"message": "it is not running"}'
    head = f"Connection: keep-alive\r\nContent-Length: {len(body)}\r\n"
    played.says = lambda request: says("409 Conflict", body, head)
    with pytest.raises(Refusal, match="it is not running"):
        calls(played).exec_start("x", socket=True)


def test_what_is_asked_is_what_the_engine_reads(played: Played) -> None:
    """The version, the filters as lists, a body with its length."""
    played.says = lambda request: says("200 OK", b'[{"Id": "x"}]')
    assert calls(played).containers(all=True, filters={"label": "a=b"}) == [{"Id": "x"}]
    head = played.heard[0].decode()
    assert head.startswith(
        "GET /v1.41/containers/json?all=1&size=0&filters=%7B%22label%22%3A+%5B%22a%3Db%22%5D%7D HTTP/1.0\r\n"
    )

    played.says = lambda request: says("201 Created", b'{"Id": "y"}')
    host = calls(played).create_host_config(mem_limit=5, port_bindings={80: ("127.0.0.1", 9)})
    made = calls(played).create_container(
        "image", name="n", environment={"A": "1"}, stdin_open=True, host_config=host
    )
    assert made == {"Id": "y"}
    head, _, body = played.heard[1].decode().partition("\r\n\r\n")
    assert f"Content-Length: {len(body)}" in head
    asked = json.loads(body)
    assert (asked["Env"], asked["StdinOnce"]) == (["A=1"], True)
    assert asked["HostConfig"]["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "9"}]}


@pytest.mark.parametrize(
    ("status", "kind"), [("404 Not Found", Missing), ("409 Conflict", Refusal), ("500 Oh", Refusal)]
)
def test_a_refusal_carries_the_engines_words(played: Played, status: str, kind: type[Refusal]) -> None:
    """And what is not there is a kind of its own; an image that a container wants, another one."""
    played.says = lambda request: says(status, b'{"message": "the reason"}')
    with pytest.raises(Refusal) as refused:
        calls(played).inspect_container("x")
    assert (type(refused.value), refused.value.explanation) == (kind, "the reason")
    if kind is Missing:
        with pytest.raises(NoImage):
            calls(played).create_container("image")


def test_a_process_may_speak_at_once(played: Played) -> None:
    """What comes in one piece with the answer's head is not lost."""
    played.says = lambda request: b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nfirst words"
    with calls(played).attach_socket("x", {"stream": 1}) as stream:
        assert stream.recv(100) == b"first words"


def test_an_engine_that_stops_while_it_is_asked_is_noticed(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before an answer has taken too long; one that is only slow is waited for."""
    monkeypatch.setattr(unix, "_SILENCE", 0.1)
    monkeypatch.setattr(unix, "_KNOCK", 0.2)
    played.says = lambda request: PONG if b"_ping" in request else None
    asked = calls(played)
    asked.timeout = 0.5
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        asked.info()
    assert time.monotonic() - began >= 0.5
    assert sum(b"_ping" in each for each in played.heard) >= 2

    played.says = lambda request: None
    asked.timeout = None
    with pytest.raises(TimeoutError):
        asked.info()


def test_what_hangs_up_is_no_engine_that_answers(played: Played) -> None:
    """Neither is what speaks another language: one sentence, and no traceback."""
    for answer in (b"", b"hello\r\n\r\n"):
        played.says = lambda request, answer=answer: answer  # type: ignore[misc]
        with pytest.raises(EngineUnreachable):
            connect({"DOCKER_HOST": f"unix://{played.path}"})

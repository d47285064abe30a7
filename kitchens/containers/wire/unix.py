"""Requests to an engine over its local socket: each on a connection of its own, answered to its end."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from typing import IO, Any
from urllib.parse import quote, urlencode

from kitchens_engine.tuples import NamedTuple

_PIECE = 65536
#: So long nothing may come before the engine is asked whether it is there, and so long may it take to say so.
_SILENCE = 10.0
_KNOCK = 8.0
_MISSING = 404
_REFUSED = 400


class Refusal(Exception):
    """The engine answered, and the answer is no."""

    def __init__(self, status_code: int, explanation: str) -> None:
        super().__init__(explanation)
        self.status_code = status_code
        self.explanation = explanation


class Missing(Refusal):
    """What was asked about is not there."""


class NoImage(Missing):
    """The image is not there."""


class Answer(NamedTuple):
    """The head of an answer, and the connection that its body comes from."""

    status: int
    headers: Mapping[str, str]
    line: Line

    def pieces(self) -> Generator[bytes, None, None]:
        """The body as it comes."""
        with self.line:
            while piece := self.line.receive():
                yield piece

    def value(self) -> Any:
        """The body as JSON; None when there is none."""
        body = b"".join(self.pieces())
        return json.loads(body) if body.strip() else None


class Line:
    """A connection to the engine. While nothing comes the engine is asked now and then, on another one, whether it is there:
    OSError when it is not, and TimeoutError after `limit` seconds of silence (None: never)."""

    def __init__(self, path: str, limit: float | None) -> None:
        self.path = path
        self.limit = limit
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.settimeout(_SILENCE)
            self.socket.connect(path)
        except BaseException:
            self.socket.close()
            raise

    def send(self, data: bytes) -> None:
        """Write all of it."""
        view = memoryview(data)
        while view:
            view = view[self._patiently(self.socket.send, view[:_PIECE]) :]

    def receive(self, most: int = _PIECE, flags: int = 0) -> bytes:
        """What came, waiting for it; empty at the end."""
        data: bytes = self._patiently(self.socket.recv, most, flags)
        return data

    def _patiently(self, act: Callable[..., Any], *words: Any) -> Any:
        began = time.monotonic()
        while True:
            try:
                return act(*words)
            except TimeoutError:
                require_answer(self.path)
                if self.limit is not None and time.monotonic() - began >= self.limit:
                    raise

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def knock(path: str, patience: float) -> str:
    """Ask whether an engine is there; the version of its interface. OSError when nothing answers, or no engine."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(patience)
        connection.connect(path)
        connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
        head = connection.recv(_PIECE)
    status, headers = _parsed(head.partition(b"\r\n\r\n")[0])
    if status != 200:
        raise OSError(None, "what answers is no Docker engine")
    return headers.get("api-version", "")


def require_answer(path: str) -> None:
    """Return when the engine is there; OSError when it did not say so twice, which takes a busy one long at times."""
    with suppress(OSError):
        knock(path, _KNOCK)
        return
    knock(path, _KNOCK)


def ask(
    path: str,
    method: str,
    target: str,
    parameters: Mapping[str, Any] | None = None,
    body: bytes | IO[bytes] | Mapping[str, Any] | None = None,
    *,
    limit: float | None,
    stream: bool = False,
) -> Answer:
    """Send a request and read the head of its answer. With `stream` the connection becomes one to a process, open in both
    directions. Raises `Refusal`, and OSError when nobody answers.
    """
    kind, length, content = _body(body)
    query = f"?{urlencode(parameters)}" if parameters else ""
    words = [
        # The older protocol has answers that end with their connection.
        f"{method} {quote(target, safe='/:@')}{query} HTTP/{'1.1' if stream else '1.0'}",
        "Host: docker",
        f"Content-Length: {length}",
        *([f"Content-Type: {kind}"] if kind else []),
        *(["Connection: Upgrade", "Upgrade: tcp"] if stream else []),
    ]
    line = Line(path, limit)
    try:
        # An engine that refuses may answer, and hang up, before it has read all.
        with suppress(BrokenPipeError, ConnectionResetError):
            line.send("\r\n".join([*words, "", ""]).encode())
            for piece in content:
                line.send(piece)
        status, headers = _head(line)
        answer = Answer(status, headers, line)
        if status >= _REFUSED:
            raise _refusal(answer)
        return answer
    except BaseException:
        line.socket.close()
        raise


def _body(body: bytes | IO[bytes] | Mapping[str, Any] | None) -> tuple[str, int, Iterator[bytes]]:
    if body is None:
        return "", 0, iter(())
    if isinstance(body, bytes):
        return "application/x-tar", len(body), iter((body,))
    if isinstance(body, Mapping):
        text = json.dumps(body).encode()
        return "application/json", len(text), iter((text,))
    begin = body.tell()
    length = body.seek(0, os.SEEK_END) - begin
    body.seek(begin)
    return "application/x-tar", length, iter(lambda: body.read(_PIECE), b"")


def _head(line: Line) -> tuple[int, dict[str, str]]:
    """Read up to the end of the head and no further: what comes then may be a process's first words."""
    head = b""
    while b"\r\n\r\n" not in head:
        seen = line.receive(_PIECE, socket.MSG_PEEK)
        if not seen:
            raise ConnectionResetError("the engine hung up")
        end = (head + seen).find(b"\r\n\r\n")
        head += line.receive(len(seen) if end < 0 else end + 4 - len(head))
    return _parsed(head[:-4])


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    first, *rest = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[1].isdecimal():
        raise OSError(None, "what answers is no Docker engine")
    return int(words[1]), {
        name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)
    }


def _refusal(answer: Answer) -> Refusal:
    # The newer protocol, which a stream is asked for in, leaves the connection open behind what is said.
    length = int(answer.headers.get("content-length", "0")) or None
    body, pieces = b"", answer.pieces()
    while (length is None or len(body) < length) and (piece := next(pieces, b"")):
        body += piece
    pieces.close()
    try:
        why = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        why = body.decode("utf-8", "replace").strip() or f"status {answer.status}"
    return (Missing if answer.status == _MISSING else Refusal)(answer.status, why)

"""The stream to a container's first process: requests in, frames of its answers out."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator

from kitchens.containers.engine import Attached
from kitchens.containers.frames import ERRORS, OUTPUT, Frames

_KEPT = 65536


class Silenced(Exception):
    """The stream ended: nothing more will be heard, and nothing said."""


class Conversation:
    """Talks line by line over the raw stream that an engine gave.

    A thread of its own listens, because the stream may be a socket, TLS or ssh, which
    can be waited for in one way only.
    """

    def __init__(self, stream: Attached) -> None:
        self._stream = stream
        self._frames = Frames()
        self._text = {OUTPUT: b"", ERRORS: b""}
        self._over = False
        self._inbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, name="docker-agent", daemon=True)
        self._listener.start()

    def say(self, request: bytes) -> None:
        """Send a request. Silenced when nobody can hear it."""
        try:
            self._stream.send(request)
        except OSError as error:
            raise Silenced from error

    def hear(self, timeout: float) -> list[list[str]]:
        """The answers so far, each as its words; waits at most `timeout` seconds for the first.

        Silenced when the stream ended and all that was said before is heard.
        """
        if self._over:
            raise Silenced
        answers: list[list[str]] = []
        with contextlib.suppress(queue.Empty):
            data = self._inbox.get(timeout=timeout) if timeout > 0 else self._inbox.get_nowait()
            while True:
                answers.extend([[]] if data is None else self._feed(data))
                if data == b"":
                    self._over = True
                    break
                data = self._inbox.get_nowait()
        if self._over and not answers:
            raise Silenced
        return answers

    def wake(self) -> None:
        """From any thread: let `hear` return, with an answer of no words."""
        self._inbox.put(None)

    @property
    def complaint(self) -> str:
        """The last line on standard error, such as a missing `/bin/sh`."""
        lines = self._text[ERRORS].decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def finish(self) -> None:
        """Nothing more will be said; the other side's last words can still be heard."""
        with contextlib.suppress(OSError):
            self._stream.finish()

    def close(self) -> None:
        """End the conversation, from either side."""
        self._stream.close()
        self._listener.join(timeout=1)

    def _listen(self) -> None:
        data = b"-"
        while data:
            data = self._stream.receive()
            self._inbox.put(data)

    def _feed(self, data: bytes) -> Iterator[list[str]]:
        """The answers that are complete with `data`: standard output by lines, standard error kept aside."""
        for kind, written in self._frames.feed(data):
            if kind in self._text:
                self._text[kind] = (self._text[kind] + written)[-_KEPT:]
        *lines, self._text[OUTPUT] = self._text[OUTPUT].split(b"\n")
        yield from (line.decode("ascii", "replace").split() for line in lines)

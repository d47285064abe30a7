"""The stream to a container's process loses nothing that came with the answer's head."""

from __future__ import annotations

import socket
from types import SimpleNamespace

from kitchens.containers.engine import Attached


def test_what_came_with_the_head_is_read_first() -> None:
    """A quick command's words may be in the SDK's buffer when the stream is handed over."""
    ours, theirs = socket.socketpair()
    theirs.sendall(b"head\nhello")
    reader = ours.makefile("rb")
    assert reader.readline() == b"head\n"
    held = SimpleNamespace(
        _sock=ours,
        _response=SimpleNamespace(raw=SimpleNamespace(_fp=SimpleNamespace(fp=reader)), close=reader.close),
    )
    held.close = reader.close

    attached = Attached("c", held)
    theirs.sendall(b" again")
    theirs.shutdown(socket.SHUT_WR)

    assert attached.receive() + attached.receive() + attached.receive() == b"hello again"
    attached.close()
    theirs.close()

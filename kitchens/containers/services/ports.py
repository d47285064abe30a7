"""Free ports on 127.0.0.1 that stay the same: below those that the system gives to outgoing connections."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Collection, Iterator

FIRST, LAST = 20000, 32767
HOST = "127.0.0.1"


def candidates(key: str, taken: Collection[int]) -> Iterator[int]:
    """Ports in an order of the key's own, without those in `taken`."""
    count = LAST - FIRST + 1
    start = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")
    for number in range(count):
        port = FIRST + (start + number) % count
        if port not in taken:
            yield port


def is_free(port: int) -> bool:
    """Whether nobody on this machine listens there."""
    with socket.socket() as trial:
        # As the engine does it: a port whose last connection is only just over is free.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError:
            return False
    return True


def choose(key: str, wanted: int | None, taken: Collection[int]) -> int:
    """The port that was had before, if it is free; else the first free one."""
    if wanted is not None and is_free(wanted):
        return wanted
    return next(port for port in candidates(key, taken) if is_free(port))

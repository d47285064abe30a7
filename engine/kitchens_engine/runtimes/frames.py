"""Values through a pipe between two processes of one program, each as its length and its bytes.

`marshal` is the interpreter's own format: quicker than JSON, and both ends are one interpreter.
"""

from __future__ import annotations

import marshal
import os

TYPE_CHECKING = False  # `typing` itself costs as much as all else here
if TYPE_CHECKING:
    from typing import Any

_LENGTH = 4
#: Beyond this the allocator maps and unmaps memory for every read.
_ATONCE = 1 << 16


class Reader:
    """Gathers what came through the pipe; half a frame waits for its rest."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._held = b""
        self.at_end = False

    def read(self) -> list[Any]:
        """The frames that are whole now. Waits for the first byte; at the pipe's end `at_end` is set."""
        more = os.read(self._descriptor, _ATONCE)
        self.at_end = not more
        held = self._held + more
        found, start = [], 0
        while len(held) - start >= _LENGTH:
            end = start + _LENGTH + int.from_bytes(held[start : start + _LENGTH], "little")
            if end > len(held):
                break
            found.append(marshal.loads(held[start + _LENGTH : end]))  # noqa: S302 - our own child, our own pipe
            start = end
        self._held = held[start:]
        return found


def frame(value: Any) -> bytes:
    """One value, ready to be written."""
    body = marshal.dumps(value)
    return len(body).to_bytes(_LENGTH, "little") + body


def write(descriptor: int, values: list[Any]) -> None:
    """Write them all, however long that takes. BrokenPipeError when nobody reads any more."""
    left = memoryview(b"".join(map(frame, values)))
    while left:
        left = left[os.write(descriptor, left) :]

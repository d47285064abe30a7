"""An engine's stream without a terminal: frames of eight bytes of head, then what was written."""

from __future__ import annotations

from collections.abc import Iterator

OUTPUT, ERRORS = 1, 2
_HEAD = 8


class Frames:
    """Takes a stream apart, however it is cut."""

    def __init__(self) -> None:
        self._raw = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """What is complete with `data`: which stream (`OUTPUT`, `ERRORS`) and what was written to it."""
        self._raw += data
        while len(self._raw) >= _HEAD:
            end = _HEAD + int.from_bytes(self._raw[4:_HEAD], "big")
            if len(self._raw) < end:
                return
            frame, self._raw = self._raw[:end], self._raw[end:]
            yield frame[0], frame[_HEAD:]

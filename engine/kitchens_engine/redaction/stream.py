"""Replaces hidden texts in a stream, however it is cut.

The keeper of a run's processes imports this: it needs no more than `re`, and that only once
something is found.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` itself costs as much as all else here
if TYPE_CHECKING:
    from collections.abc import Iterable

#: What stands in the place of a hidden text.
MARK = b"***"


class Redactor:
    """Takes a stream in pieces and gives it back without the hidden `texts`.

    What comes out does not depend on how the stream was cut: at each place the longest text
    counts. Of what came in, only an end that may be the beginning of a text is held back, so
    memory is bounded by the longest text, and a line is passed on as soon as it is whole.
    """

    def __init__(self, texts: Iterable[bytes]) -> None:
        self._texts = sorted(filter(None, set(texts)), key=len, reverse=True)
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """What can be passed on now."""
        data = self._held + piece
        passed, position = [], 0
        while True:
            undecided = self._undecided(data, position)
            start, end = self._first(data, position)
            if start >= undecided:
                break
            passed += [data[position:start], MARK]
            position = end
        self._held = data[undecided:]
        passed.append(data[position:undecided])
        return b"".join(passed)

    def finish(self) -> bytes:
        """What was held back; nothing more will come."""
        held, self._held = self._held, b""
        return self._replaced(held)

    def whole(self, data: bytes) -> bytes:
        """All of `data` at once, apart from the stream."""
        return self._replaced(data)

    def _replaced(self, data: bytes) -> bytes:
        if not any(text in data for text in self._texts):
            return data
        import re

        return re.sub(b"|".join(map(re.escape, self._texts)), lambda _: MARK, data)

    def _first(self, data: bytes, position: int) -> tuple[int, int]:
        """The first text from `position` on, the longest of those that begin there; the end where there is none."""
        first, end = len(data), len(data)
        for text in self._texts:
            # Only what begins before the first that is known: a scan ends where it cannot win any more.
            start = data.find(text, position, first + len(text) - 1)
            if start >= 0:
                first, end = start, start + len(text)
        return first, end

    def _undecided(self, data: bytes, position: int) -> int:
        """Where the first end of `data` begins that more data could make a text; the end where there is none."""
        undecided = len(data)
        for text in self._texts:
            start = max(position, len(data) - len(text) + 1)
            while (start := data.find(text[:1], start, undecided)) >= 0:
                if text.startswith(data[start:]):
                    undecided = start
                    break
                start += 1
        return undecided

"""A few rows at the bottom of a terminal that are painted anew, below lines that stay."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TextIO

from kitchens.drawing.words import width

Size = tuple[int, int]


class Painter:
    """Writes to one terminal. Rows are rewritten in place in one piece, so nothing flickers.

    `size` gives columns and rows, which may change at any time. A terminal that is gone is
    left alone.
    """

    def __init__(self, stream: TextIO, size: Callable[[], Size]) -> None:
        self._stream = stream
        self._size = size
        self._painted: list[int] = []
        self._gone = False

    def paint(self, lines: Sequence[str], rows: Sequence[tuple[str, int]]) -> None:
        """Write `lines`, which stay, and below them `rows` (each with its width) in the place of the last ones."""
        if self._gone or not (lines or rows or self._painted):
            return
        out = []
        if self._painted:
            columns = max(1, self._size()[0])
            # A terminal that became narrower broke the old rows into several.
            up = sum(max(1, -(-size // columns)) for size in self._painted)
            out.append(f"\x1b[{up}A\r")
        out += [f"{text}\x1b[K\n" for text in (*lines, *(text for text, _ in rows))]
        if self._painted:
            out.append("\x1b[J")
        try:
            self._stream.write("".join(out))
            self._stream.flush()
        except (OSError, ValueError):
            self._gone = True
        self._painted = [size for _, size in rows]


def size_of(stream: TextIO) -> Size:
    """Columns and rows of the terminal behind a stream; 80 by 24 where it does not say."""
    try:
        columns, rows = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        columns, rows = 0, 0
    return columns or 80, rows or 24


def row(text: str, plain: str) -> tuple[str, int]:
    """A row with its width: `plain` is the same text without colours."""
    return text, width(plain)

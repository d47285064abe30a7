"""A terminal as far as the painter uses one: lines that break, the cursor up, clear to the end."""

from __future__ import annotations

import io
import re


class Terminal(io.StringIO):
    """What is written appears on `rows`, which break at `columns`; what was printed above scrolls nowhere."""

    def __init__(self, columns: int = 80) -> None:
        super().__init__()
        self.columns = columns
        self.rows: list[str] = [""]
        self.cursor = 0
        self.writes = 0

    def write(self, text: str) -> int:
        """Show it."""
        self.writes += 1
        for up, clear_line, clear_all, new_line, letters in re.findall(
            r"\x1b\[(\d+)A\r|(\x1b\[K)|(\x1b\[J)|(\n)|([^\x1b\n]+)", text
        ):
            if up:
                self.cursor -= int(up)
                self._column = 0
            elif clear_line:
                self.rows[self.cursor] = self.rows[self.cursor][: self._column]
            elif clear_all:
                del self.rows[self.cursor + 1 :]
                self.rows[self.cursor] = ""
            elif new_line:
                self._next()
            else:
                self._letters(letters)
        return len(text)

    def resize(self, columns: int) -> None:
        """Break every row anew, as most terminals do."""
        broken: list[str] = []
        for row in self.rows[: self.cursor]:
            broken += [row[at : at + columns] for at in range(0, max(len(row), 1), columns)]
        self.columns, self.rows, self.cursor = columns, [*broken, ""], len(broken)

    _column = 0

    def _letters(self, letters: str) -> None:
        for letter in letters:
            if self._column == self.columns:
                self._next()
            row = self.rows[self.cursor].ljust(self._column)
            self.rows[self.cursor] = row[: self._column] + letter + row[self._column + 1 :]
            self._column += 1

    def _next(self) -> None:
        self.cursor += 1
        self._column = 0
        if self.cursor == len(self.rows):
            self.rows.append("")

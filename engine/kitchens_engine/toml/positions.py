"""Where every key of a TOML text stands, which `tomllib` does not tell.

The scanner trusts its text: it is asked only after `tomllib` has accepted it.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from kitchens_engine.tuples import NamedTuple

#: The way to a value: keys of tables, and indexes (from 0) in lists.
Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY = re.compile(r"""([A-Za-z0-9_-]+)|"((?:[^"\\]|\\.)*)"|'([^']*)'""")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
# A closing delimiter of three may have up to two quotes of the content right before it.
_STRING = re.compile(
    r'''"""(?:[^"\\]|\\.|"(?!""))*"""(?:"{0,2})|\'\'\'(?:[^']|'(?!\'\'))*\'\'\'(?:'{0,2})'''
    r"""|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'""",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


class Place(NamedTuple):
    """Line and column of a key, both from 1, and the line on which the text of its value begins."""

    line: int
    column: int
    value_line: int


def positions(text: str) -> dict[Path, Place]:
    """The place of every key, table and item of a list in a valid TOML text, by its path."""
    scan = _Scan(text)
    scan.document()
    starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def place(key: int, value: int) -> Place:
        line = bisect_right(starts, key)
        return Place(line, key - starts[line - 1] + 1, bisect_right(starts, value))

    return {path: place(*offsets) for path, offsets in scan.found.items()}


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        #: Offsets of key and value by path.
        self.found: dict[Path, tuple[int, int]] = {}
        #: How many tables each array of tables has so far.
        self.counts: dict[Path, int] = {}

    def document(self) -> None:
        table: Path = ()
        while self.blank() < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            elif not self.pair(table):
                return

    def blank(self) -> int:
        self.at = self._after(_BLANK)
        return self.at

    def header(self) -> Path:
        start = self.at
        listed = self.text.startswith("[[", start)
        self.at += 2 if listed else 1
        keys, _ = self.keys()
        self.at = self.text.find("]", self.at) + (2 if listed else 1)
        path: Path = ()
        for depth, key in enumerate(keys, 1):
            path = (*path, key)
            last = depth == len(keys)
            if last and listed:
                self.found.setdefault(path, (start, start))
                self.counts[path] = self.counts.get(path, 0) + 1
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
            if last:
                self.found[path] = (start, start)
            else:
                self.found.setdefault(path, (start, start))
        return path

    def pair(self, table: Path) -> bool:
        """One `key = value` of the table; False where there is none."""
        keys, start = self.keys()
        if not keys:
            return False
        self.at = self._after(_EQUALS)
        # TOML drops a line break right after the three opening quotes.
        text = self.at + 4 if self.text.startswith(('"""\n', "'''\n"), self.at) else self.at
        path = table
        for key in keys:
            path = (*path, key)
            self.found.setdefault(path, (start, text))
        self.value(path)
        return True

    def keys(self) -> tuple[list[str], int]:
        """The parts of a dotted key, and where it starts."""
        self.at = self._after(_BLANK)
        start = self.at
        keys: list[str] = []
        while found := _KEY.match(self.text, self.at):
            bare, basic, literal = found.groups()
            keys.append(bare or literal or _unescaped(basic or ""))
            self.at = found.end()
            dot = _DOT.match(self.text, self.at)
            if dot is None:
                break
            self.at = dot.end()
        return keys, start

    def value(self, path: Path) -> None:
        first = self.text[self.at : self.at + 1]
        if first == "[":
            self.items(path)
        elif first == "{":
            self.inline_table(path)
        else:
            self.at = max(self._after(_STRING if first in ("'", '"') else _SCALAR), self.at + 1)

    def items(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self.blank() < len(self.text) and self.text[self.at] != "]":
            item = (*path, index)
            self.found[item] = (self.at, self.at)
            self.value(item)
            index += 1
            if self.blank() < len(self.text) and self.text[self.at] == ",":
                self.at += 1
        self.at += 1

    def inline_table(self, path: Path) -> None:
        self.at += 1
        while self.blank() < len(self.text) and self.text[self.at] != "}":
            if not self.pair(path):
                return
            if self.blank() < len(self.text) and self.text[self.at] == ",":
                self.at += 1
        self.at += 1

    def _after(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self.text, self.at)
        return found.end() if found else self.at


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    import tomllib

    key = tomllib.loads(f'key = "{text}"')["key"]
    return str(key)

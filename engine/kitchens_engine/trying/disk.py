"""What a run adds to its folders, measured now and then: a node that writes without end fills the disk for everybody."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from kitchens_engine.values import in_words

#: A measure may take this share of one processor's time: at 10,000 files it takes 40 ms.
_SHARE = 0.04
_BLOCK = 512


class DiskWatch:
    """Measures the folders in a thread of its own when it is asked, and not more often than it can be afforded.

    The first measure is what was there; beyond that a run may have `limit` bytes. A repository inside is not measured.
    """

    def __init__(self, folders: Sequence[Path], limit: int) -> None:
        self._folders = _outermost(folders)
        self._limit = limit
        self._first: int | None = None
        self._over = False
        self._measuring: threading.Thread | None = None
        self._next = 0.0

    @property
    def why(self) -> str:
        """The sentence for a node that was ended because of it."""
        limit = in_words(self._limit)
        return f"the run wrote more than {limit} to its folders, and may not (`disk` in `[runtime]`)"

    def look(self) -> bool:
        """Whether the last measure was over the limit; begins another one when it is time."""
        idle = self._measuring is None or not self._measuring.is_alive()
        if idle and time.monotonic() >= self._next:
            self._measuring = threading.Thread(target=self.measure, name="disk-watch", daemon=True)
            self._measuring.start()
        return self._over

    def measure(self) -> bool:
        """Measure now, however long that takes; whether it was over the limit."""
        began = time.monotonic()
        size = sum(map(_size, self._folders))
        if self._first is None:
            self._first = size
        self._over = size - self._first > self._limit
        ended = time.monotonic()
        self._next = ended + (ended - began) / _SHARE
        return self._over


def _outermost(folders: Sequence[Path]) -> tuple[str, ...]:
    """Each folder once, and none that lies in another; but one in a repository inside another counts by itself."""
    found: list[Path] = []
    for folder in sorted(set(folders)):
        above = [outer for outer in found if folder.is_relative_to(outer)]
        if not any(".git" not in folder.relative_to(outer).parts for outer in above):
            found.append(folder)
    return tuple(map(str, found))


def _size(folder: str) -> int:
    """The bytes that all below a folder takes on disk; links lead nowhere, and what has several names counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for entry in _below(folder):
        try:
            facts = entry.stat(follow_symlinks=False)
        except OSError:
            continue  # it went while we looked
        if facts.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
            if (facts.st_dev, facts.st_ino) in seen:
                continue
            seen.add((facts.st_dev, facts.st_ino))
        total += facts.st_blocks * _BLOCK
    return total


def _below(folder: str) -> Iterator[os.DirEntry[str]]:
    todo = [folder]
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    yield entry
                    if entry.is_dir(follow_symlinks=False) and entry.name != ".git":
                        todo.append(entry.path)
        except OSError:
            continue

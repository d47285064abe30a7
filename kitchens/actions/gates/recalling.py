"""Who reaches whom, kept from one command to the next: a gate reads the recipes that changed, and no others.

The file can go at any time, and so can what is in it. It is written whole or not at all; of two commands that write it
at once the later one's word stays, with all that it found there. Proofs do not look at it.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from kitchens import __version__
from kitchens.gate import reach

#: A half-written file of a command that was killed is removed when it is older than so many seconds.
STALE = 60.0


class Recall:
    """What is kept in `file`: read once, and written when more was learned."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._news: int | None = None

    def __enter__(self) -> None:
        if self._news is None:
            reach.recall(_read(self._file))
            self._news = reach.news()

    def __exit__(self, *_: object) -> None:
        if self._news != reach.news():
            self._news = reach.news()
            # Somebody else may have learned something meanwhile.
            _write(self._file, {**_read(self._file), **reach.readable()})


def _read(file: Path) -> Mapping[str, Sequence[str]]:
    with suppress(OSError, ValueError):
        seal, _, content = file.read_bytes().partition(b"\n")
        if seal == _seal(content):
            found: Mapping[str, Sequence[str]] = json.loads(content)
            return found
    return {}


def _write(file: Path, known: Mapping[str, Sequence[str]]) -> None:
    newest = dict(list(known.items())[-reach.MANY :])
    content = json.dumps(newest, separators=(",", ":")).encode()
    unnamed = file.with_name(f"{file.name}.{os.getpid()}")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        for left in file.parent.glob(f"{file.name}.*"):
            if time.time() - left.stat().st_mtime > STALE:
                left.unlink(missing_ok=True)
        unnamed.write_bytes(_seal(content) + b"\n" + content)
        unnamed.replace(file)


def _seal(content: bytes) -> bytes:
    """What only this program writes over just this content."""
    of = f"reach {reach.FORMAT} {__version__}\n".encode()
    return hashlib.sha256(of + content).hexdigest().encode()

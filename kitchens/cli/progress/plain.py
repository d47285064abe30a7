"""Lines for a log: one for each thing that happens, or one for many when they come by the hundred."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TextIO

import click

from kitchens.cli.progress.lines import is_quiet, line_of
from kitchens.drawing.words import counted
from kitchens_engine.ports import Event

#: So many lines of each sort pass in one second; the rest is counted.
QUIET, TROUBLE = 20, 200
_SECOND = 1.0
_CROWDS = frozenset({"node-ended", "test-ended", "node-retried"})


class Crowd:
    """Lets the first lines of a second through, and counts the others by status until the second is over."""

    def __init__(self) -> None:
        self._since = float("-inf")
        self._passed: Counter[bool] = Counter()
        self._held: Counter[str] = Counter()

    def take(self, event: Event, now: float) -> list[str]:
        """The lines to be written now."""
        crowds = event.kind in _CROWDS
        quiet = crowds and is_quiet(event)
        # The words for one that is only counted are never looked for.
        held = crowds and now - self._since < _SECOND and self._passed[quiet] >= (QUIET if quiet else TROUBLE)
        line = "" if held and quiet else line_of(event)
        if line is None:
            return []
        lines = self.overdue(now)
        if now - self._since >= _SECOND:
            self._since = now
            self._passed.clear()
        if held:
            self._held[_word(event)] += 1
            return lines
        if crowds:
            self._passed[quiet] += 1
        return [*lines, line]

    @property
    def holds(self) -> bool:
        """Whether anything was counted that no line says yet."""
        return bool(self._held)

    def overdue(self, now: float) -> list[str]:
        """What was counted, once its second is over."""
        return self.rest() if now - self._since >= _SECOND else []

    def rest(self) -> list[str]:
        """What was counted, as one line."""
        held, self._held = self._held, Counter()
        return [f"  … {counted(held)} more"] if held else []


class PlainScreen:
    """Writes lines to a stream that is no terminal."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._crowd = Crowd()
        self._lock = threading.Lock()
        self._later: threading.Timer | None = None
        self._gone = False

    def __call__(self, event: Event) -> None:
        """Say it when it is worth a line."""
        with self._lock:
            if event.kind == "run-ended":
                self._say(self._crowd.rest())
            self._say(self._crowd.take(event, self._clock()))
            if self._crowd.holds and self._later is None:
                # Nothing may happen for an hour now: what was counted is said when its second is over.
                self._later = threading.Timer(_SECOND, self._say_rest)
                self._later.daemon = True
                self._later.start()

    def close(self) -> None:
        """Say what was not said yet."""
        with self._lock:
            if self._later is not None:
                self._later.cancel()
            self._say(self._crowd.rest())

    def _say_rest(self) -> None:
        with self._lock:
            self._later = None
            self._say(self._crowd.rest())

    def _say(self, lines: list[str]) -> None:
        if not lines or self._gone:
            return
        try:
            click.echo("\n".join(lines), file=self._stream)
        except (OSError, ValueError):
            # Nobody hears it (`2>&1 | head`, a full disk), and that is no reason to end what runs.
            self._gone = True


def _word(event: Event) -> str:
    if event.kind == "node-retried":
        return "retried"
    status = str(event.detail.get("status"))
    return f"tests {status}" if event.kind == "test-ended" else status

"""A live view on a terminal: what matters stays as a line, below it the run as it is now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TextIO

import click

from kitchens.cli import show
from kitchens.cli.progress.lines import is_quiet
from kitchens.cli.progress.painter import Painter, Size, row, size_of
from kitchens.cli.progress.picture import PRETTY, Signs, picture
from kitchens.cli.progress.plain import Crowd
from kitchens.cli.progress.remaining import NOTHING_KNOWN, Usual
from kitchens.cli.progress.state import RunProgress
from kitchens.drawing.spans import Line
from kitchens.drawing.words import counted
from kitchens_engine.ports import Event

#: Seconds between two paintings; when nothing happens only the clocks move.
_BEAT = 0.125
_CLOCKS = 0.5
#: Runs with more nodes show only what did not simply pass as lines.
_MANY = 100


class LiveScreen:
    """Hears events, and paints in a thread of its own: neither a slow terminal nor a crowd of events slows a run.

    `usual` tells what the nodes of a run took before; it is asked once a run, in that thread.
    """

    def __init__(
        self,
        stream: TextIO,
        usual: Callable[[str], Usual],
        *,
        colour: bool = True,
        signs: Signs = PRETTY,
        size: Callable[[], Size] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._size = size or (lambda: size_of(stream))
        self._painter = Painter(stream, self._size)
        self._usual = usual
        self._colour = colour
        self._signs = signs
        self._clock = clock
        # The facts, held for moments; and the terminal, which may hold up whoever writes to it.
        self._lock = threading.Lock()
        self._painting = threading.Lock()
        self._crowd = Crowd()
        self._lines: list[str] = []
        self._runs: dict[str, RunProgress] = {}
        self._known: dict[str, Usual] = {}
        self._changed = False
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self, event: Event) -> None:
        """Take it in; the terminal hears of it at the next beat. Never waits for the terminal."""
        with self._lock:
            now = self._clock()
            self._changed = True
            if event.kind == "run-started":
                self._runs[event.run] = RunProgress(event.run, now, event)
            progress = self._runs.get(event.run)
            if progress is None or not (is_quiet(event) and progress.total > _MANY):
                self._lines += self._crowd.take(event, now)
            if progress is not None:
                progress.hear(event, now)
            if event.kind == "run-ended" and progress is not None:
                self._end(progress)
            if self._thread is None:
                self._thread = threading.Thread(target=self._paint_on, name="progress", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Take the view away; the lines stay."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._runs.clear()
            self._lines += self._crowd.rest()
        self.paint()

    def paint(self) -> None:
        """Bring the terminal up to date."""
        with self._painting:
            with self._lock:
                now = self._clock()
                lines = self._lines + self._crowd.overdue(now)
                self._lines = []
                columns, rows = self._size()
                runs = [
                    (progress, self._known.get(progress.run, NOTHING_KNOWN))
                    for progress in self._runs.values()
                ]
                shown = picture(runs, now, columns, rows, self._signs)
                self._changed = False
            self._painter.paint([self._plain(line) for line in lines], [self._row(line) for line in shown])

    def _end(self, progress: RunProgress) -> None:
        self._lines += self._crowd.rest()
        if progress.total > _MANY:
            self._lines.append(
                f"  {counted({one: number for one, number in progress.counts.items() if number})}"
            )
        del self._runs[progress.run]

    def _paint_on(self) -> None:
        painted = 0.0
        while not self._closed.wait(_BEAT):
            self._learn()
            if self._changed or (self._runs and time.monotonic() - painted >= _CLOCKS):
                painted = time.monotonic()
                self.paint()

    def _learn(self) -> None:
        """Ask what the nodes of a new run took before: a question to a database, so not while the run waits."""
        for run in [run for run in list(self._runs) if run not in self._known]:
            self._known[run] = self._usual(run)

    def _plain(self, text: str) -> str:
        return text if self._colour else click.unstyle(text)

    def _row(self, line: Line) -> tuple[str, int]:
        plain = "".join(span.text for span in line)
        if not self._colour:
            return row(plain, plain)
        return row("".join(show.toned(span.text, span.tone) for span in line), plain)

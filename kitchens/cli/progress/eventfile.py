"""`--events FILE`: what happens as JSON Lines, for programs. The format is in docs/reference/events.md."""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import BinaryIO

from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.outcome import timestamp
from kitchens_engine.ports import Event
from kitchens_engine.values import json_safe

#: How long the end of a command waits for a slow reader, in seconds.
_PATIENCE = 10.0


class EventFile:
    """Writes each event as a line, in a thread: a slow disk or reader never holds up a run.

    What cannot be written ends the events, with one warning, and nothing else.
    """

    def __init__(self, file: BinaryIO, name: str, warn: Callable[[str], None]) -> None:
        self._file = file
        self._name = name
        self._warn = warn
        self._waiting: queue.SimpleQueue[tuple[float, Event] | None] = queue.SimpleQueue()
        self._over = False
        self._thread = threading.Thread(target=self._write_on, name="events", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Have it written. Never waits."""
        if not self._over:
            self._waiting.put((time.time(), event))

    def close(self, patience: float = _PATIENCE) -> None:
        """Write what is waiting; a reader that does not read is left behind after so many seconds."""
        self._waiting.put(None)
        self._thread.join(patience)
        if self._thread.is_alive():
            self._over = True
            unsaid = self._waiting.qsize()
            self._warn(f"nobody reads the events from {self._name}; {unsaid:,} were not written")

    def _write_on(self) -> None:
        with suppress(OSError), self._file as file:
            while not self._over and (found := self._waiting.get()) is not None:
                try:
                    # One write a line, unbuffered: a reader sees whole lines, at once.
                    _write(file, line_of(*found))
                except (OSError, ValueError) as error:
                    self._end(error)

    def _end(self, error: OSError | ValueError) -> None:
        if self._over:
            return
        self._over = True
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        self._warn(f"the events in {self._name} end here: {why[:1].lower()}{why[1:]}; the run goes on")


def line_of(moment: float, event: Event) -> bytes:
    """The event as one line of JSON."""
    document = {
        "time": timestamp(datetime.fromtimestamp(moment, UTC)),
        "run": event.run or None,
        "kind": event.kind,
        "node": event.node,
        "detail": json_safe(event.detail),
    }
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def open_events(path: str) -> BinaryIO:
    """The file at `path`, emptied; a FIFO waits for its reader. Raises `InvalidInput` where there can be none."""
    try:
        return open(path, "wb", buffering=0)
    except (FileNotFoundError, NotADirectoryError):
        folder = os.path.dirname(path) or "."
        raise InvalidInput(f"`--events {path}`: there is no folder `{folder}`", code="usage") from None
    except IsADirectoryError:
        raise InvalidInput(f"`--events {path}`: this is a folder", code="usage") from None
    except PermissionError:
        raise InvalidInput(f"`--events {path}`: it may not be written", code="usage") from None
    except OSError as error:
        raise EnvironmentFailure(f"`--events {path}`: {error.strerror}") from error


def _write(file: BinaryIO, line: bytes) -> None:
    """All of it: an unbuffered file may take a part only."""
    while line:
        line = line[file.write(line) or 0 :]

"""^C, SIGTERM and a closed terminal: an order run is asked to stop and cleans up; everything else is interrupted where it is.

A second one ends the clean-up too.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from kitchens_engine.interrupts import interrupt
from kitchens_engine.ports import Stop


class StopSignal:
    """Set by a signal. While `watched`, whoever watches ends in good order; otherwise the signal interrupts."""

    def __init__(self) -> None:
        self.event = Stop()
        self._watchers = 0
        self._interrupts = False

    @contextmanager
    def watched(self) -> Iterator[threading.Event]:
        """Promise to look at the event at least every second."""
        self._watchers += 1
        try:
            yield self.event
        finally:
            self._watchers -= 1

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Where a signal raises `KeyboardInterrupt`; what came before does it at once. Outside of it, nobody would
        find words for that: what was said stands."""
        self._interrupts = True
        try:
            if self.event.is_set():
                raise KeyboardInterrupt
            yield
        finally:
            self._interrupts = False

    @classmethod
    @contextmanager
    def installed(cls) -> Iterator[StopSignal]:
        """Take SIGINT, SIGTERM and SIGHUP (unless `nohup` has it ignored) for the time of one command."""
        stop = cls()

        def handle(number: int, frame: FrameType | None) -> None:
            stop.event.set()
            if stop._interrupts and not stop._watchers:
                interrupt()

        taken = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            taken.append(signal.SIGHUP)
        before = {number: signal.signal(number, handle) for number in taken}
        # A node is a background process group: asking the terminal for a password would stop it for ever.
        # Ignored, the question fails instead.
        before[signal.SIGTTIN] = signal.signal(signal.SIGTTIN, signal.SIG_IGN)
        try:
            yield stop
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def stop_with_input() -> None:
    """Ask this process to stop when its standard input ends: whoever started it holds the other end, and has died then,
    however suddenly."""

    def follow() -> None:
        while os.read(0, 1 << 12):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=follow, daemon=True).start()

"""Long work that says now and then that it goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_EVERY = 10.0
#: So much of what was said last is repeated.
_SHOWN = 100


@contextmanager
def life_signs(
    what: str, tell: Callable[[str], object], every: float = _EVERY
) -> Iterator[Callable[[str], None]]:
    """Every ten seconds `tell` that `what` goes on, with the last line that was given to what this yields."""
    last = ""
    over = threading.Event()
    began = time.monotonic()

    def hear(line: str) -> None:
        nonlocal last
        last = line.strip()[:_SHOWN] or last

    def beat() -> None:
        while not over.wait(every):
            seconds = f"{time.monotonic() - began:.0f} s"
            tell(f"{what}: {seconds}{f', {last}' if last else ''}")

    thread = threading.Thread(target=beat, name="life-signs", daemon=True)
    thread.start()
    try:
        yield hear
    finally:
        over.set()
        thread.join()

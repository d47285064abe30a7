"""When a signal may interrupt the program, and when it must wait a moment.

Python looks for signals after every call. Whoever is interrupted between the start of a process and the moment from
which on he waits for it has lost it: it goes on, and does its work after everything was cleared up.
"""

from __future__ import annotations

import threading
from types import TracebackType

_held = 0
_waiting = False


def interrupt() -> None:
    """What a signal's handler calls: raises `KeyboardInterrupt` now, or once nobody holds it back."""
    global _waiting
    if _held:
        _waiting = True
    else:
        raise KeyboardInterrupt


class Held:
    """Holds interruptions back, until `let_go` or its end. For moments only.

    Signals reach the main thread, so that nothing is held back in others.
    """

    def __init__(self) -> None:
        self._holds = False

    def __enter__(self) -> Held:
        global _held
        if threading.current_thread() is threading.main_thread():
            # Interrupted between these two, nothing has begun, and `__exit__` is not called.
            self._holds = True
            _held += 1
        return self

    def let_go(self) -> None:
        """From here on signals interrupt again; one that came meanwhile does it now."""
        global _held, _waiting
        if not self._holds:
            return
        self._holds = False
        _held -= 1
        if _waiting and not _held:
            _waiting = False
            raise KeyboardInterrupt

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go()

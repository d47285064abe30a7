"""Inside a detached command: whoever started it hears which run it is, and what it says goes into that run's folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from kitchens.cli.progress.choose import Audience
from kitchens.cli.progress.plain import PlainScreen
from kitchens_engine.ports import Event

#: In the run's folder: what the command would have said on the screen.
_LOG = "runner.log"


class _Announcer:
    """Tells the id of the first run that is on record, and goes on in that run's folder."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def __call__(self, event: Event) -> None:
        """Look for the one event that matters."""
        if event.kind != "run-queued" or self._descriptor is None:
            return
        log = os.open(Path(event.detail["folder"], _LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        os.write(self._descriptor, f"{event.run}\n".encode("ascii"))
        self.close()

    def close(self) -> None:
        """Nothing more is told."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def announcing(descriptor: int, others: Audience) -> Audience:
    """Who listens in the detached command: whoever started it, until the run is on record; a log; and `others`."""
    return Audience([_Announcer(descriptor), PlainScreen(sys.stderr), others])

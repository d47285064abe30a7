"""How a process ended, judged from its exit status and the result that it left behind."""

from __future__ import annotations

import signal
from typing import Any

from kitchens_engine.ports import Ended
from kitchens_engine.state.attempt import Attempt

_ENDED_BY_OTHERS = frozenset(
    128 + number for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGHUP, signal.SIGINT)
)


def why_failed(
    ended: Ended, attempt: Attempt, result: dict[str, Any] | None, *, worker: bool, after: int = 0
) -> str | None:
    """Why the process counts as failed, in one line; None when it passed.

    What it said begins after that many bytes of the log.
    The worker's processes pass only with a result: an exit status alone is no evidence.
    """
    if result is not None and "error" in result:
        return str(result["error"])
    if ended.status == 0:
        return "it ended without a result" if worker and result is None else None
    status = _in_words(ended.status)
    if ended.why:
        return f"{status}: {ended.why}"
    last = attempt.last_line(after)
    return f"{status}: {last}" if last else status


def unexplained(ended: Ended, result: dict[str, Any] | None, *, worker: bool) -> str | None:
    """Why the end of a process that nobody watched says nothing about its node; None when it does.

    Whoever ended it meanwhile (another run that needed the data, a machine that went down) is not known.
    """
    if ended.status in _ENDED_BY_OTHERS:
        return f"{_in_words(ended.status)} while its runner was gone"
    if worker and result is None and ended.status == 0:
        return "it ended without a result while its runner was gone"
    return None


def _in_words(status: int) -> str:
    if status > 128:
        try:
            return f"killed by {signal.Signals(status - 128).name}"
        except ValueError:
            return f"exit status {status}"
    return f"exit status {status}"

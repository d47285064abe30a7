"""How a process ended, judged from its exit status and the result that it left behind."""

from __future__ import annotations

import signal
from typing import Any

from kitchens_engine.ports import Ended
from kitchens_engine.running.attempt import Attempt


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
    last = attempt.last_line(after)
    return f"{status}: {last}" if last else status


def _in_words(status: int) -> str:
    if status > 128:
        try:
            return f"killed by {signal.Signals(status - 128).name}"
        except ValueError:
            return f"exit status {status}"
    return f"exit status {status}"

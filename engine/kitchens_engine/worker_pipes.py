"""The two named pipes of a companion of the worker: requests come in, answers go out, a line of JSON each.

Needs the standard library only, Python 3.9 or newer, and is copied into toolchains beside `worker.py`.
"""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict


class Pipes:
    """Both ends as a companion has them. `ear` is the descriptor to be polled, `path` where the answers' pipe lies."""

    def __init__(self, requests: str, answers: str) -> None:
        # Not waiting for the other end: one that is gone by now will never come.
        self.ear = os.open(requests, os.O_RDONLY | os.O_NONBLOCK)
        self._mouth = os.open(answers, os.O_WRONLY | os.O_NONBLOCK)
        os.set_blocking(self._mouth, True)
        self.path = answers
        self._held = b""

    def hear(self, take: Callable[[Dict[str, Any]], None]) -> bool:
        """Give `take` each request that is there now; False when nobody writes requests any more."""
        try:
            while True:
                more = os.read(self.ear, 1 << 16)
                if not more:
                    return False
                *lines, self._held = (self._held + more).split(b"\n")
                for line in lines:
                    take(json.loads(line))
        except BlockingIOError:
            return True

    def answer(self, answer: Dict[str, Any]) -> None:
        """Say it, in one piece."""
        os.write(self._mouth, json.dumps(answer).encode() + b"\n")

    def close(self) -> None:
        """In a fork, which has neither ear nor mouth."""
        os.close(self.ear)
        os.close(self._mouth)

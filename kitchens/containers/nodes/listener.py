"""Waits for a descriptor beside a conversation, which can be waited for in one way only."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable


class Listener:
    """Calls `wake`, from a thread of its own, each time that something new can be read at `descriptor`."""

    def __init__(self, descriptor: int, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._poll = select.epoll()
        # Once for each arrival: whether the last was read by now is not this thread's to know.
        self._poll.register(descriptor, select.EPOLLIN | select.EPOLLET)
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)
        self._poll.register(self._stop, select.EPOLLIN)
        self._thread = threading.Thread(target=self._listen, name="docker-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):
            os.eventfd_write(self._stop, 1)
        self._thread.join(timeout=1)
        self._poll.close()
        os.close(self._stop)

    def _listen(self) -> None:
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == self._stop:
                    return
                self._wake()

"""Waits for files, URLs and rows, however many at once, in one process.

Requests and answers are those of `worker_forks.py`, with `wait` as the command:

    {"file", "stable", "url", "sql", "connection", "every", "token"}

of which one of `file`, `url` and `sql` is no null. Needs the standard library only (and what a
connection needs), Python 3.9 or newer, and is copied into toolchains beside `worker.py`.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import os
import select
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

if TYPE_CHECKING:
    from kitchens_engine.worker_pipes import Pipes

_THREADS = 8
_PATIENCE_FOR_URL = 30.0
_KILLED = 143

#: Whether a query on a connection (its name and URL) gives a row that is true.
Holds = Callable[[str, str, str], bool]
Write = Callable[[str, Dict[str, Any]], None]


class Wait:
    """One thing that is waited for."""

    def __init__(
        self, request: Dict[str, Any], folder: str, url: str, holds: Holds, log: Optional[str]
    ) -> None:
        self.request = request
        self.every = max(float(request["every"]), 0.01)
        self._folder = folder
        self._url = url
        self._holds = holds
        self._log = log
        self._seen: Any = None
        self._since = 0.0
        self._said = ""

    @property
    def is_quick(self) -> bool:
        """Whether a look waits for nobody else."""
        return self.request["file"] is not None

    def look(self) -> bool:
        """Whether it is there now. Why not is said in the log, once."""
        try:
            return self._look()
        except Exception as error:
            self._say(f"not yet: {error}")
            return False

    def _look(self) -> bool:
        if self.request["file"] is not None:
            return self._look_at_file()
        if self.request["url"] is not None:
            if not self.request["url"].startswith(("http://", "https://")):
                raise ValueError(f"`{self.request['url']}` is no URL of `http` or `https`")
            with urllib.request.urlopen(self.request["url"], timeout=_PATIENCE_FOR_URL) as answer:  # noqa: S310 - looked at above
                return bool(200 <= answer.status < 300)
        return self._holds(self.request["connection"], self._url, self.request["sql"])

    def _look_at_file(self) -> bool:
        try:
            found = os.stat(os.path.join(self._folder, self.request["file"]))
        except FileNotFoundError:
            self._seen = None
            return False
        now, seen = time.monotonic(), (found.st_ino, found.st_size, found.st_mtime_ns)
        if seen != self._seen:
            self._seen, self._since = seen, now
        return bool(now - self._since >= self.request["stable"])

    def _say(self, text: str) -> None:
        if text == self._said:
            return
        self._said = text
        if self._log is None:
            print(text, flush=True)
            return
        with contextlib.suppress(OSError), open(self._log, "a", encoding="utf-8") as log:
            log.write(f"{text}\n")


def wait(request: Dict[str, Any], holds: Holds) -> int:
    """Wait here, in a process of its own."""
    one = Wait(request, os.getcwd(), os.environ.pop("KITCHEN_CONNECTION", ""), holds, None)
    while not one.look():
        time.sleep(one.every)
    return 0


def serve(pipes: Pipes, holds: Holds, write: Write) -> int:
    """Wait for all that is asked, until nobody asks any more."""
    Server(pipes, holds, write).serve()
    sys.stdout.flush()
    # A look that takes long is not waited for.
    os._exit(0)


class Server:
    """Looks at what is due; what may take long is looked at in threads."""

    def __init__(self, pipes: Pipes, holds: Holds, write: Write) -> None:
        self._pipes = pipes
        self._holds = holds
        self._write = write
        self._waits: Dict[str, Tuple[Wait, str]] = {}
        self._due: List[Tuple[float, str]] = []
        self._looking: Dict[str, "Future[bool]"] = {}
        self._threads = ThreadPoolExecutor(_THREADS)
        self._bell, self._ring = os.pipe()

    def serve(self) -> None:
        """Until the requests' pipe has no writer."""
        self._pipes.answer({"ready": "waits"})
        poll = select.poll()
        poll.register(self._pipes.ear, select.POLLIN)
        poll.register(self._bell, select.POLLIN)
        while self._pipes.hear(self._take):
            self._look()
            for descriptor, _ in poll.poll(self._patience()):
                if descriptor == self._bell:
                    os.read(self._bell, 4096)

    def _take(self, asked: Dict[str, Any]) -> None:
        if "kill" in asked:
            if self._waits.pop(asked["kill"], None) is not None:
                self._pipes.answer({"ended": asked["kill"], "status": _KILLED})
            return
        token = asked["start"]
        _, request_path, result = asked["words"]
        try:
            with open(request_path, encoding="utf-8") as file:
                request = json.load(file)
        except (OSError, ValueError) as error:
            self._pipes.answer({"refused": token, "why": str(error)})
            return
        url = asked["environment"].get("KITCHEN_CONNECTION", "")
        self._waits[token] = (Wait(request, asked["folder"], url, self._holds, asked["log"]), result)
        heapq.heappush(self._due, (time.monotonic(), token))

    def _look(self) -> None:
        for token in [token for token, looking in self._looking.items() if looking.done()]:
            self._seen(token, self._looking.pop(token).result())
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, token = heapq.heappop(self._due)
            if token not in self._waits:
                continue
            one, _ = self._waits[token]
            if one.is_quick:
                self._seen(token, one.look())
            else:
                looking = self._looking[token] = self._threads.submit(one.look)
                looking.add_done_callback(lambda _: os.write(self._ring, b"."))

    def _seen(self, token: str, there: bool) -> None:
        if token not in self._waits:
            return
        one, result = self._waits[token]
        if not there:
            heapq.heappush(self._due, (time.monotonic() + one.every, token))
            return
        del self._waits[token]
        self._write(result, {"outputs": {}, "token": one.request["token"]})
        self._pipes.answer({"ended": token, "status": 0})

    def _patience(self) -> Optional[float]:
        return max(0.0, self._due[0][0] - time.monotonic()) * 1000 if self._due else None

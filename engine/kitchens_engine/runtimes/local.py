"""Runs the processes of an order run on this machine, each in a process group of its own."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue

from kitchens_engine.ports import Command, Ended
from kitchens_engine.runtimes import processes

_GRACE = 2.0
#: Marks every process of an attempt in its environment, so that those which left its group are found.
_MARK = "KITCHEN_ATTEMPT"
#: Who starts a process is suspended until it has loaded its program; two threads keep two processors busy.
_STARTERS = 2
#: Why a program cannot be started that is the command's own fault. All else is the machine's.
_FAULTS = frozenset(
    {
        errno.ENOENT,
        errno.EACCES,
        errno.EPERM,
        errno.ENOTDIR,
        errno.ENOEXEC,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.E2BIG,
    }
)


@dataclass(slots=True)
class _Child:
    token: str
    mark: str
    process: subprocess.Popen[bytes] | None = None
    forced_at: float | None = None


class LocalRuntime:
    """The process runtime: process groups instead of containers, which isolates less than docker.

    `python` and `worker` are paths on this machine; `environment` is what every process
    gets below the variables of its command.
    """

    kind = "process"

    def __init__(self, python: str, worker: str, environment: Mapping[str, str]) -> None:
        self.python = python
        self.worker = worker
        self._environment = dict(environment)
        self._mark = os.urandom(8).hex()
        self._children: dict[str, _Child] = {}
        self._orders: SimpleQueue[tuple[Command, _Child] | None] = SimpleQueue()
        self._starters: list[threading.Thread] = []
        # What the starters' threads tell: who runs, by descriptor, and who does not, with the status or the error.
        self._lock = threading.Lock()
        self._started: dict[int, _Child] = {}
        self._unstarted: deque[tuple[str, int | Exception]] = deque()
        self._poll = select.epoll()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll.register(self._bell, select.EPOLLIN)

    def start(self, command: Command) -> None:
        """Start it. A program that is not there ends with status 127 and a line in its log."""
        child = self._children[command.token] = _Child(command.token, f"{self._mark}:{command.token}")
        if len(self._starters) < _STARTERS:
            starter = threading.Thread(target=self._start_all, daemon=True)
            self._starters.append(starter)
            starter.start()
        self._orders.put((command, child))

    def wait(self, timeout: float | None) -> Sequence[Ended]:
        """The processes that ended; waits at most `timeout` seconds for the first, and not when nothing runs.

        Raises `OSError` when one could not be started for want of memory, descriptors or disk.
        """
        ended: list[Ended] = []
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            for descriptor, _ in self._poll.poll(self._patience(deadline)) if self._children else ():
                ended += self._heard() if descriptor == self._bell else [self._reap(descriptor)]
            self._force(time.monotonic())
            late = deadline is not None and time.monotonic() >= deadline
            if ended or late or not self._children:
                return ended

    def kill(self, token: str) -> None:
        """End the process with all its descendants: asked first, forced after two seconds."""
        child = self._children.get(token)
        if child is None or child.forced_at is not None:
            return
        self._doom(child)
        _signal(child, signal.SIGTERM)

    def close(self) -> None:
        """End what still runs, daemons that nodes left behind included."""
        if self._poll.closed:
            return
        for child in self._children.values():
            self._doom(child)
        for _ in self._starters:
            self._orders.put(None)
        for starter in self._starters:
            starter.join()
        for child in self._children.values():
            _signal(child, signal.SIGKILL)
        for descriptor in list(self._started):
            self._reap(descriptor)
        processes.signal_marked(_MARK, self._mark, signal.SIGKILL)
        self._poll.close()
        os.close(self._bell)

    # --- in the starters' threads ----------------------------------------------------------

    def _start_all(self) -> None:
        while (order := self._orders.get()) is not None:
            command, child = order
            try:
                status = self._start(command, child)
            except Exception as error:  # noqa: BLE001 - raised again by `wait`, in the thread that runs the order
                self._not_started(child, error)
            else:
                if status is not None:
                    self._not_started(child, status)

    def _start(self, command: Command, child: _Child) -> int | None:
        """Start one process, or say with which status it has ended instead."""
        if child.forced_at is not None:
            return 128 + signal.SIGTERM
        environment = {**self._environment, **command.environment, _MARK: child.mark}
        log = os.open(command.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            process = subprocess.Popen(
                command.argv,
                cwd=command.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A group, not a session: the kernel schedules each session as a group of its own
                # (autogroup), and on a busy machine starting one takes twice as long.
                process_group=0,
            )
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno not in _FAULTS:
                raise
            why = error.strerror if isinstance(error, OSError) else str(error)
            status = 126 if isinstance(error, OSError) and error.errno == errno.E2BIG else 127
            os.write(log, f"{command.argv[0]}: {why}\n".encode())
            return status
        finally:
            os.close(log)
        descriptor = os.pidfd_open(process.pid)
        with self._lock:
            child.process = process
            killed = child.forced_at is not None
        if killed:
            _signal(child, signal.SIGTERM)
        self._started[descriptor] = child
        self._poll.register(descriptor, select.EPOLLIN)
        return None

    def _not_started(self, child: _Child, why: int | Exception) -> None:
        self._unstarted.append((child.token, why))
        os.eventfd_write(self._bell, 1)

    # --- in the caller's thread --------------------------------------------------------------

    def _heard(self) -> list[Ended]:
        """The bell rang: what could not be started has ended."""
        os.eventfd_read(self._bell)
        ended = []
        while self._unstarted:
            token, why = self._unstarted.popleft()
            del self._children[token]
            if isinstance(why, Exception):
                raise why
            ended.append(Ended(token, why))
        return ended

    def _doom(self, child: _Child) -> None:
        """From now on it is to end: not started if it is not yet, else forced after a grace."""
        with self._lock:
            child.forced_at = child.forced_at or time.monotonic() + _GRACE

    def _patience(self, deadline: float | None) -> float | None:
        """Seconds until something must be done, or None when nothing must."""
        times = [child.forced_at for child in self._children.values() if child.forced_at is not None]
        if deadline is not None:
            times.append(deadline)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _force(self, now: float) -> None:
        for child in self._children.values():
            if child.forced_at is not None and child.forced_at <= now:
                child.forced_at = now + _GRACE
                _signal(child, signal.SIGKILL)

    def _reap(self, descriptor: int) -> Ended:
        self._poll.unregister(descriptor)
        child = self._started.pop(descriptor)
        self._children.pop(child.token, None)
        assert child.process is not None
        _end_group(child.process.pid)
        status = child.process.wait()
        os.close(descriptor)
        if child.forced_at is not None:
            processes.signal_marked(_MARK, child.mark, signal.SIGKILL)
        return Ended(child.token, status if status >= 0 else 128 - status)


def _signal(child: _Child, number: signal.Signals) -> None:
    """To all processes of a child; one that is about to be started gets its signal then."""
    if child.process is not None:
        processes.signal_all(child.process.pid, _MARK, child.mark, number)


def _end_group(leader: int) -> None:
    """What a node left in its group ends with it. Its leader is not reaped yet, so the number is still its own."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return

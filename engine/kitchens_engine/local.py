"""Runs the processes of an order run on this machine, each in a process group of its own."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kitchens_engine import processes
from kitchens_engine.ports import Command, Ended

_GRACE = 2.0
#: Marks every process of an attempt in its environment, so that those which left its group are found.
_MARK = "KITCHEN_ATTEMPT"


@dataclass(slots=True)
class _Child:
    token: str
    process: subprocess.Popen[bytes]
    mark: str
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
        self._children: dict[int, _Child] = {}
        self._unstarted: list[Ended] = []
        self._poll = select.poll()
        self._mark = os.urandom(8).hex()

    def start(self, command: Command) -> None:
        """Start it. A program that is not there ends with status 127 and a line in its log."""
        mark = f"{self._mark}:{command.token}"
        environment = {**self._environment, **command.environment, _MARK: mark}
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
        except (FileNotFoundError, PermissionError, NotADirectoryError, ValueError) as error:
            os.write(log, f"{command.argv[0]}: {error}\n".encode())
            self._unstarted.append(Ended(command.token, 127))
            return
        finally:
            os.close(log)
        descriptor = os.pidfd_open(process.pid)
        self._children[descriptor] = _Child(command.token, process, mark)
        self._poll.register(descriptor, select.POLLIN)

    def wait(self, timeout: float | None) -> Sequence[Ended]:
        """The processes that ended; waits at most `timeout` seconds for the first, and not when nothing runs."""
        ended, self._unstarted = self._unstarted, []
        if ended or not self._children:
            timeout = 0
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._children:
            for descriptor, _ in self._poll.poll(self._patience(deadline)):
                ended.append(self._reap(descriptor))
            self._force(time.monotonic())
            if ended or (deadline is not None and time.monotonic() >= deadline):
                break
        return ended

    def kill(self, token: str) -> None:
        """End the process with all its descendants: asked first, forced after two seconds."""
        for child in self._children.values():
            if child.token == token and child.forced_at is None:
                child.forced_at = time.monotonic() + _GRACE
                processes.signal_all(child.process.pid, _MARK, child.mark, signal.SIGTERM)

    def close(self) -> None:
        """End what still runs, daemons that nodes left behind included."""
        for child in self._children.values():
            processes.signal_all(child.process.pid, _MARK, child.mark, signal.SIGKILL)
        for descriptor in list(self._children):
            self._children[descriptor].process.wait()
            self._reap(descriptor)
        processes.signal_marked(_MARK, self._mark, signal.SIGKILL)

    def _patience(self, deadline: float | None) -> float | None:
        """Milliseconds until something must be done, or None when nothing must."""
        times = [child.forced_at for child in self._children.values() if child.forced_at is not None]
        if deadline is not None:
            times.append(deadline)
        return max(0.0, (min(times) - time.monotonic()) * 1000) if times else None

    def _force(self, now: float) -> None:
        for child in self._children.values():
            if child.forced_at is not None and child.forced_at <= now:
                child.forced_at = now + _GRACE
                processes.signal_all(child.process.pid, _MARK, child.mark, signal.SIGKILL)

    def _reap(self, descriptor: int) -> Ended:
        self._poll.unregister(descriptor)
        child = self._children.pop(descriptor)
        _end_group(child.process.pid)
        status = child.process.wait()
        os.close(descriptor)
        if child.forced_at is not None:
            processes.signal_marked(_MARK, child.mark, signal.SIGKILL)
        return Ended(child.token, status if status >= 0 else 128 - status)


def _end_group(leader: int) -> None:
    """What a node left in its group ends with it. Its leader is not reaped yet, so the number is still its own."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return

"""Processes of this machine by pid, start time and environment, read from `/proc`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from kitchens_engine.tuples import NamedTuple


class Owner(NamedTuple):
    """A process that cannot be mistaken for another: pids are used again, start times and boots are not."""

    pid: int
    started: str
    boot: str

    @classmethod
    def myself(cls) -> Owner:
        """This process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Owner:
        """The process that has this id now."""
        return cls(pid, _start_time(pid) or "", _boot())

    def alive(self) -> bool:
        """Whether that very process still runs on this machine."""
        return self.boot == _boot() and _start_time(self.pid) == self.started


def signal_all(leader: int, name: str, mark: str, number: signal.Signals) -> None:
    """Send a signal to a group's leader, its group, its descendants, and all that carry `name=mark`."""
    pids = {leader, *_descendants(leader), *_marked(name, mark)}
    _signal(-leader, number)
    for pid in pids:
        _signal(pid, number)


def signal_marked(name: str, mark: str, number: signal.Signals) -> None:
    """Send a signal to every process whose environment has `name` as `mark`, or as `mark:` and more."""
    for pid in _marked(name, mark):
        _signal(pid, number)


def signal_children(spared: set[int], number: signal.Signals) -> None:
    """Send a signal to the children of this process that are not spared, and to all their descendants."""
    children = _children()
    strays = [pid for pid in children.get(os.getpid(), ()) if pid not in spared]
    for pid in (*strays, *_below(strays, children)):
        _signal(pid, number)


def end_marked(name: str, mark: str) -> None:
    """Kill all that `signal_marked` finds, and wait a moment until nothing of it is left."""
    deadline = time.monotonic() + 5
    while list(_marked(name, mark)) and time.monotonic() < deadline:
        signal_marked(name, mark, signal.SIGKILL)
        time.sleep(0.01)


def end_below(owner: Owner) -> None:
    """Kill a process and all below it, what it adopted of others included, and wait a moment until nothing is left."""
    if not owner.alive():
        return
    _signal(owner.pid, signal.SIGSTOP)  # what it has adopted is found as long as it is there
    deadline = time.monotonic() + 5
    while below := [pid for pid in _descendants(owner.pid) if _start_time(pid)]:
        for pid in below:
            _signal(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    _signal(owner.pid, signal.SIGKILL)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _pids() -> Iterator[int]:
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    mine = os.getpid()
    yield from (int(name) for name in names if name.isdigit() and int(name) != mine)


def _marked(name: str, mark: str) -> Iterator[int]:
    exact = f"{name}={mark}".encode()
    for pid in _pids():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if any(entry == exact or entry.startswith(exact + b":") for entry in environment.split(b"\0")):
            yield pid


def _descendants(leader: int) -> set[int]:
    return _below([leader], _children())


def _children() -> dict[int, list[int]]:
    """The children of each process, in one look: after a fork bomb there are thousands."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        if fields := _stat(pid):
            children.setdefault(int(fields[1]), []).append(pid)
    return children


def _below(leaders: list[int], children: dict[int, list[int]]) -> set[int]:
    found: set[int] = set()
    todo = list(leaders)
    while todo:
        inner = [pid for pid in children.get(todo.pop(), ()) if pid not in found]
        found.update(inner)
        todo.extend(inner)
    return found


def _stat(pid: int) -> list[str] | None:
    """The fields after the program's name, which may hold blanks and brackets: state, parent, ..."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _start_time(pid: int) -> str | None:
    fields = _stat(pid)
    if not fields or fields[0] in "ZX":
        return None
    return fields[19]


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""

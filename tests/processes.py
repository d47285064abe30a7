"""Processes of this machine, as tests look at them: by id, and gone at any moment."""

from __future__ import annotations

import time
from pathlib import Path


def state(pid: int) -> str:
    """Its letter in `/proc`; nothing when there is no such process."""
    fields = _fields(pid)
    return fields[0] if fields else ""


def runs(pid: int) -> bool:
    """Whether it runs; one that only waits to be collected does not."""
    return state(pid) not in ("", "Z", "X")


def parent_of(pid: int) -> int:
    """The process that started it, or adopted it."""
    return int(_fields(pid)[1])


def gone(pid: int, within: float = 20) -> None:
    """Wait until it does not run any more."""
    deadline = time.monotonic() + within
    while runs(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.01)


def _fields(pid: int) -> list[str]:
    """What stands behind its name, which may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()

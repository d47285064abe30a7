"""How many processes may be below a keeper at once, held by the kernel where this user may ask it to.

The kernel's own limit does not count root, who may make a control group instead; everybody else has a count of his own
in a world of his own (bubblewrap). Where there is neither, what is counted now and then has to do (`consumption`).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

#: The keeper and its shells have room beside the processes that a run may have.
_OWN = 16
_GROUPS = Path("/sys/fs/cgroup")
#: From this version on the kernel counts a user's processes in each world apart.
_COUNTS_APART = (5, 14)


class Group:
    """A control group for the processes of one keeper, at most `pids` of them and its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # By version 1 a thread that moves itself waits for nobody; to move a process, all of a system's forks stop (13 ms).
        threads = folder / "tasks"
        #: Whoever has one thread, and writes 0 here, is in the group, with all that it is going to start.
        self.entrance = str(threads if threads.exists() else folder / "cgroup.procs")

    @classmethod
    def made(cls, name: str, pids: int) -> Group | None:
        """A new one; None where this user may make none, or the kernel has none for this."""
        parent = _parent() if os.geteuid() == 0 else None
        if parent is None:
            return None
        for left in parent.glob("kitchens-*-*"):
            # One whose maker lives may be about to be entered; one in which something runs stays anyway.
            if not Path("/proc", left.name.split("-")[1]).exists():
                with suppress(OSError):
                    left.rmdir()
        folder = parent / f"kitchens-{os.getpid()}-{name}"
        try:
            folder.mkdir()
            (folder / "pids.max").write_text(str(pids + _OWN), encoding="ascii")
        except OSError:
            return None
        return cls(folder)

    def words(self) -> tuple[str, ...]:
        """The words before a command that enters it first."""
        return ("/bin/sh", "-c", 'echo 0 >"$0"; exec "$@"', self.entrance)

    def close(self) -> None:
        """Its processes have ended; what is not gone yet, the next one removes."""
        with suppress(OSError):
            self._folder.rmdir()


def _parent() -> Path | None:
    """Where groups that count processes are made: by version 1 of the kernel's control groups below our own, by version 2
    where we are in the first of all: nothing else may have both processes and groups below it."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        mine = {name: path for _, name, path in (line.split(":", 2) for line in lines)}
        if "pids" in mine:
            parent = _GROUPS / "pids" / mine["pids"].lstrip("/")
            return parent if (parent / "cgroup.procs").exists() else None
        given = (_GROUPS / "cgroup.subtree_control").read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    return _GROUPS if mine.get("") == "/" and "pids" in given.split() else None


def limit_own_world(pids: int) -> bool:
    """Hold this process and all below it, in a world of their own, to a number; whether the kernel does."""
    if os.getpid() != 1 or os.geteuid() == 0 or _version() < _COUNTS_APART:
        return False
    import resource

    most = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    number = pids + _OWN if most == resource.RLIM_INFINITY else min(pids + _OWN, most)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NPROC, (number, number))
        return True
    return False


def _version() -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in os.uname().release.split(".")[:2])

"""What a process is about to hold on disk, written down before it takes it.

A claim is a file in `<common>/kitchens/locks/`: JSON lines, of which later ones add to
earlier ones. It names its owner (process, start time, boot), its purpose, and the locks
and folders that exist on the owner's account. While the owner lives it also holds a lock
of the operating system on that file, which the git processes that it starts for the
purpose inherit: so neither a reused process id nor a git that outlives us for a moment is
taken for a dead owner. Whoever finds a claim whose owner is dead clears away what it
names, and nothing else.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kitchens_engine.errors import EnvironmentFailure

SUFFIX = ".claim"

#: Git holds a ref's lock for milliseconds. One that a claim names is stale when it has
#: lain untouched for this many seconds, and was made within a minute of the claim.
STALE_AFTER = 1.0
MADE_WITHIN = 60.0

#: Seconds for which we wait for a git that outlives the process that started it.
OUTLIVES = 2.0


class Claim:
    """A claim that this process holds, its own or taken over from the dead.

    `descriptor` is to be inherited by the git that acts for it; `what` is all that was
    written down.
    """

    def __init__(self, path: Path, descriptor: int, what: dict[str, Any]) -> None:
        self.path = path
        self.descriptor = descriptor
        self.what = what

    def note(self, **what: Any) -> None:
        """Write down more, before it is done."""
        self.what |= what
        _append(self.descriptor, what)

    def release(self) -> None:
        """What it named is complete or gone."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)

    def forget(self) -> None:
        """What it named is neither: whoever comes next takes it over."""
        os.close(self.descriptor)


def claim(folder: Path, purpose: str, /, **what: Any) -> Claim:
    """Write down a claim in `folder`; `purpose` says who knows how to clear up after it."""
    pid = os.getpid()
    whole = {
        "purpose": purpose,
        "process": pid,
        "start": _start(pid),
        "boot": boot(),
        "when": time.time(),
        **what,
    }
    token = os.urandom(8).hex()
    unnamed, path = folder / f"{token}.new", folder / f"{token}{SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        # Locked before it has its name: nobody ever sees a claim that looks abandoned but is not.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _append(descriptor, whole)
        # A power cut may take what was written last, but never this and leave what it names.
        os.fsync(descriptor)
        unnamed.rename(path)
    except OSError as error:
        with suppress(OSError):
            unnamed.unlink(missing_ok=True)
        raise EnvironmentFailure(f"`{folder}` cannot be written: {error.strerror}", code="disk") from error
    return Claim(path, descriptor, whole)


def any_claim(folder: Path) -> bool:
    """Whether anybody, dead or alive, has a claim in `folder`: one listing."""
    try:
        return any(name.endswith(SUFFIX) for name in os.listdir(folder))
    except FileNotFoundError:
        return False


def abandoned(folder: Path, *purposes: str) -> Iterator[Claim]:
    """Take over each claim for one of `purposes` whose owner is dead. Whoever gets it must release it.

    One listing of a folder when there is none.
    """
    for name in _names(folder):
        path = folder / name
        if name.endswith(SUFFIX) and (found := _take_over(path, purposes)):
            yield found
        elif name.endswith(".new") and _age(path) > 60:
            path.unlink(missing_ok=True)


def present(folder: Path, purpose: str) -> bool:
    """Whether there is a claim for `purpose`, whoever holds it."""
    found = (_read(folder / name) for name in _names(folder) if name.endswith(SUFFIX))
    return any(whole is not None and whole["purpose"] == purpose for whole in found)


def standing(folder: Path) -> list[tuple[dict[str, Any], bool]]:
    """What every claim says, and whether its owner lives."""
    found = (_read(folder / name) for name in _names(folder) if name.endswith(SUFFIX))
    return [(whole, _alive(whole)) for whole in found if whole is not None]


@contextmanager
def alone(
    folder: Path, what: str, patience: float, waiting: Callable[[], object] = lambda: None
) -> Iterator[None]:
    """Do something that one process at a time may do; others wait, at most `patience` seconds, and call `waiting`
    before they do.

    Nothing is left to clear up: the operating system lets go when the process ends.
    """
    path = folder / f"{what}.flock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise EnvironmentFailure(f"`{path}` cannot be written: {error.strerror}", code="disk") from error
    deadline = time.monotonic() + patience
    try:
        if not _locked(descriptor):
            waiting()
        while not _locked(descriptor):
            if time.monotonic() > deadline:
                raise EnvironmentFailure(f"another process has held `{path}` for too long", code="locked")
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def clear_lock(path: Path, claimed: float) -> bool:
    """Remove git's lock file at `path` if it was left behind by who claimed it at that time.

    The owner must be known to be dead. False when the lock is too young to tell, or not his.
    """
    try:
        made = path.stat().st_mtime
    except FileNotFoundError:
        return True
    if not (claimed - 2 <= made <= claimed + MADE_WITHIN):
        return False
    if time.time() - made < STALE_AFTER:
        return False
    path.unlink(missing_ok=True)
    return True


def _take_over(path: Path, purposes: tuple[str, ...]) -> Claim | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
    except FileNotFoundError:
        return None
    whole = _read(path)
    left = whole is not None and whole["purpose"] in purposes and not _alive(whole)
    # Whoever held it, a last git of the dead or somebody who clears up after him, may be done with it.
    if whole is not None and left and _locked_soon(descriptor) and path.exists():
        return Claim(path, descriptor, whole)
    os.close(descriptor)
    return None


def _locked_soon(descriptor: int) -> bool:
    deadline = time.monotonic() + OUTLIVES
    while not _locked(descriptor):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _locked(descriptor: int) -> bool:
    """Take the operating system's lock, or say that somebody has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> dict[str, Any] | None:
    """What a claim says, or None when it was released meanwhile."""
    whole: dict[str, Any] = {}
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return None
    # What follows the last newline was cut off while it was written, so it was never acted on.
    for line in lines[:-1]:
        whole |= json.loads(line)
    return whole or None


def _append(descriptor: int, what: dict[str, Any]) -> None:
    os.write(descriptor, json.dumps(what).encode() + b"\n")


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _alive(whole: dict[str, Any]) -> bool:
    """Whether the process that wrote a claim still runs."""
    if whole["boot"] != boot():
        return False
    pid = whole["process"]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return bool(_start(pid) == whole["start"])


def _start(pid: int) -> str | None:
    """When a process started, in the kernel's own count; None where the kernel does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The program's name, in parentheses, may hold spaces. Field 22 is the 20th after it;
    # a zombie (first field Z) has ended.
    fields = stat.rpartition(b") ")[2].split()
    return None if fields[0] == b"Z" else fields[19].decode()


def boot() -> str:
    """What names this start of the machine; empty where the kernel does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""

"""Runs actions in forked children: cut with SIGKILL at a chosen step or time, or several at once."""

from __future__ import annotations

import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator

#: What an action does to the world, as Python's audit events name it.
STEPS = frozenset(
    (
        "os.rename",
        "os.remove",
        "os.rmdir",
        "os.mkdir",
        "os.link",
        "os.symlink",
        "os.chmod",
        "subprocess.Popen",
    )
)


def fork() -> int:
    """A child that is this process once more."""
    with warnings.catch_warnings():
        # The test runner has a thread that waits for its master, and holds nothing while it waits.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def count_steps(last: int | None = None) -> Callable[[], int]:
    """Count the steps of this process from now on; it kills itself just before its `last`."""
    done = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal done
        writes = (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if event in STEPS or writes:
            done += 1
            if done == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    return lambda: done


def killed_at(step: int, act: Callable[[], object]) -> bool:
    """Run `act` in a forked child that kills itself just before its n-th step; whether it was killed."""
    child = fork()
    if child == 0:
        count_steps(step)
        _finish(act)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def every_step(act: Callable[[], object], stride: int = 1) -> Iterator[int]:
    """Cut `act` before its first step, its second (or the one a `stride` on), and so on, until it comes to its end."""
    step = 1
    while killed_at(step, act):
        yield step
        step += stride


def killed_after(seconds: float, act: Callable[[], object], *, group: bool = True) -> None:
    """Run `act` in a child and kill it after a time, with the git processes that it started or without."""
    child = fork()
    if child == 0:
        os.setsid()
        _finish(act)
    time.sleep(seconds)
    try:
        (os.killpg if group else os.kill)(child, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(child, 0)


def together(count: int, act: Callable[[int], object]) -> list[int]:
    """Run `act(0)`, `act(1)` … at once, each in a process of its own; their exit statuses."""
    children = []
    for number in range(count):
        child = fork()
        if child == 0:
            _finish(lambda number=number: act(number))  # type: ignore[misc]
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def _finish(act: Callable[[], object]) -> None:
    try:
        act()
    except BaseException as error:  # noqa: BLE001
        sys.stderr.write(f"{error!r}\n")
        os._exit(1)
    os._exit(0)

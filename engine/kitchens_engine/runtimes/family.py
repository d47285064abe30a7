"""The children of this process: those that it started, and the strays that it adopts when their parents end."""

from __future__ import annotations

import os

_SET_CHILD_SUBREAPER = 36
#: Bytes of the list of children that are looked at.
_LISTED = 1 << 16


class Family:
    """`adopts` says whether processes whose parents have ended become this one's children from now on, and `is_listed`
    whether the kernel also lists them."""

    def __init__(self) -> None:
        self.adopts = _adopt_orphans()
        self._list = _open_list() if self.adopts else None
        #: What the list was when there was nobody in it but these.
        self._alone: tuple[bytes, set[int]] = (b"", set())

    @property
    def is_listed(self) -> bool:
        """Whether `has_left` can be asked."""
        return self._list is not None

    def is_empty(self) -> bool:
        """Whether nothing is left that was started here, or by what was."""
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return True
        return False

    def has_left(self, group: int, own: set[int]) -> bool:
        """Whether the group has anybody but `own`, the processes that were started here: then it is a stray by now."""
        assert self._list is not None
        family = os.pread(self._list, _LISTED, 0)
        if (family, own) == self._alone:
            return False
        strays = set(map(int, family.split())) - own
        if not strays:
            self._alone = family, own
            return False
        self.bury(own)
        return any(_group(pid) == group for pid in strays)

    def bury(self, own: set[int]) -> None:
        """Forget the strays that have ended by themselves, as far as they come before any of `own` that has."""
        try:
            while self.adopts and (ended := _first_ended()) is not None:
                if ended in own:
                    return
                os.waitpid(ended, 0)
        except ChildProcessError:
            return


def children_of(pid: int) -> bytes:
    """The processes that a process of one thread has started and that have not been collected, as text; none of one
    that is gone."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _adopt_orphans() -> bool:
    import ctypes

    try:
        return bool(ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def _open_list() -> int | None:
    try:
        return os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _first_ended() -> int | None:
    ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return None if ended is None else ended.si_pid


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None

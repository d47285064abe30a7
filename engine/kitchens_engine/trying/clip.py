"""Logs that grow without end: their beginning and their end are kept, and a line says how much is missing between."""

from __future__ import annotations

import os
import re
import stat

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MARKER = rb"\n?\[kitchen: (\d+) bytes were cut out here; `log_limit` is \d+\]\n"
#: A writer may be quicker than we are; what it writes in the last moment before the cut may be lost.
_CATCHING_UP = 3


def clip(path: str, limit: int) -> bool:
    """Cut a log that has more than `limit` bytes down to half of it; whether there was need to.

    Whoever writes it appends, and may go on writing: what comes while it is cut stays, perhaps
    above the marker; of a flood some is lost. Anything that is no plain file is left alone.
    """
    try:
        if os.lstat(path).st_size <= limit:
            return False
        descriptor = os.open(path, _FLAGS)
    except OSError:
        return False
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return False
        _cut(descriptor, limit)
        return True
    finally:
        os.close(descriptor)


def _cut(log: int, limit: int) -> None:
    head = _whole_lines(os.pread(log, limit // 4, 0))
    size = os.fstat(log).st_size
    begin = max(head, size - limit // 4)
    tail = os.pread(log, size - begin, begin)
    # Only from the next line on, unless the end is all one line.
    skipped = tail.find(b"\n") + 1 if begin > head else 0
    before = re.match(_MARKER, os.pread(log, 200, head))
    missing = begin + skipped - head
    if before is not None:
        missing += int(before[1]) - len(before[0])
    tail = tail[skipped:]
    for _ in range(_CATCHING_UP):  # with what was written since
        more = os.pread(log, limit, size)
        tail += more
        size += len(more)
    os.ftruncate(log, head)
    line = b"" if not head or os.pread(log, 1, head - 1) == b"\n" else b"\n"
    marker = line + b"[kitchen: %d bytes were cut out here; `log_limit` is %d]\n" % (missing, limit)
    _write(log, marker + tail)


def _whole_lines(text: bytes) -> int:
    """The length of the whole lines at the beginning; of all of it where there is none."""
    return text.rfind(b"\n") + 1 or len(text)


def _write(log: int, text: bytes) -> None:
    left = memoryview(text)
    while left:
        left = left[os.write(log, left) :]

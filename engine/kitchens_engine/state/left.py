"""Files in folders where a node's processes write too, and may leave anything but what was asked for.

Inside a container a node sees little; outside, a link that it left in place of a file
would lead us to any file of the machine, and a pipe would hold us for ever.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read(path: str, last: int | None = None) -> bytes:
    """The content of the plain file at `path`, or its `last` bytes. FileNotFoundError for whatever else is there, and
    for a file that a node does not let us read."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.EACCES):
            raise FileNotFoundError(errno.ENOENT, "no plain file", path) from error
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):  # of a folder no file object can be made
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "no plain file", path)
    with os.fdopen(descriptor, "rb") as file:
        if last is not None:
            file.seek(max(0, status.st_size - last))
        return file.read()


def size(path: str) -> int:
    """The bytes of what is at `path` itself; 0 when nothing is."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def write(path: str, text: str) -> None:
    """A new file at `path`, in place of whatever is there."""
    try:
        Path(path).unlink()
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        import shutil

        shutil.rmtree(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def append(path: str, text: str) -> None:
    """Add to the plain file at `path`, or make it. OSError for whatever else is there."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o644), "a", encoding="utf-8") as file:
        file.write(text)

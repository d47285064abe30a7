"""Folders of our own: made for a moment, and removed whole."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kitchens_engine.errors import EnvironmentFailure

#: `FS_IOC_GETFLAGS` and `FS_IOC_SETFLAGS` of <linux/fs.h>, and `EXT4_TOPDIR_FL`.
_GET_FLAGS, _SET_FLAGS, _TOP = 0x80086601, 0x40086602, 0x00020000


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A fresh folder `scratch-…` in `parent`, removed at the end."""
    folder = parent / f"scratch-{os.urandom(8).hex()}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise EnvironmentFailure(f"`{folder}` cannot be made: {error.strerror}", code="disk") from error
    try:
        yield folder
    finally:
        remove_folder(folder)


def make_spread(folder: Path) -> None:
    """Make a folder whose folders have nothing to do with each other, and say so to ext4: it puts each where there is room.

    Side by side they would lie among what was deleted just now, which an ext4 without a journal goes through for
    each new file: half of the system's time for a run of many nodes. The flag is `T` in chattr(1).
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return
    with suppress(OSError):  # another file system has no such flag
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            flags = int.from_bytes(fcntl.ioctl(descriptor, _GET_FLAGS, bytes(4)), sys.byteorder)
            fcntl.ioctl(descriptor, _SET_FLAGS, (flags | _TOP).to_bytes(4, sys.byteorder))
        finally:
            os.close(descriptor)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it. Links are not followed; fine when it is gone."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink(missing_ok=True)
        return
    try:
        entries = _entries(folder)
    except FileNotFoundError:
        return
    except PermissionError:
        # A tool made its folder read-only; it is still ours to remove.
        os.chmod(folder, stat.S_IRWXU)
        entries = _entries(folder)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            remove_folder(Path(entry.path))
        else:
            _unlink(folder, entry.path)
    try:
        folder.rmdir()
    except FileNotFoundError:
        pass


def flush(paths: Sequence[Path]) -> None:
    """Wait until what these files and folders hold is on the disk: what a power cut could take are then whole files,
    never parts of one. Links are passed over: a link is in its folder.

    Raises `EnvironmentFailure` when the disk does not take it.
    """
    try:
        if len(paths) > 1 and hasattr(os, "posix_fadvise"):
            # All are on their way before the first is waited for: one wait, not thousands.
            for path in paths:
                with _opened(path) as descriptor:
                    if descriptor is not None:
                        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        for path in paths:
            with _opened(path) as descriptor:
                if descriptor is not None:
                    os.fsync(descriptor)
    except OSError as error:
        raise EnvironmentFailure(
            f"`{error.filename or paths[0]}` cannot be written: {error.strerror}", code="disk"
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """A descriptor of what is there itself; None for a link."""
    if path.is_symlink():
        yield None
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_empty_folder(path: Path) -> bool:
    """Whether `path` is a folder, not a link to one, with nothing in it."""
    return not path.is_symlink() and path.is_dir() and not os.listdir(path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _unlink(folder: Path, path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except PermissionError:
        os.chmod(folder, stat.S_IRWXU)
        os.unlink(path)

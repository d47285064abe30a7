"""Where a run's folder lies while its nodes are in the kitchen's warm container.

That container is made before the run is known. So it has one folder of its kitchen, the lodge, mounted in the place
where all runs' folders lie; while a run is under way its folder is in there, and a link stands at its own path. What it
sees of runs is thereby those of its kitchen that are under way, and every path is the same inside and outside.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kitchens.actions.services.home import Home


def lodge_of(home: Home) -> Path:
    """The kitchen's lodge, made if it is not there."""
    lodge = home.folder / "runs"
    lodge.mkdir(parents=True, exist_ok=True)
    return lodge


@contextmanager
def lodged(home: Home, folder: Path) -> Iterator[Path]:
    """The run's `folder` is in the lodge for the time of the block. Gives the lodge.

    What a killed process left there goes back to its own place.
    """
    lodge = lodge_of(home)
    with _alone(lodge):
        _settle(lodge, folder.parent)
        real = lodge / folder.name
        if folder.is_dir() and not folder.is_symlink():
            folder.rename(real)
        real.mkdir(exist_ok=True)
        descriptor = os.open(real, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        folder.unlink(missing_ok=True)
        folder.symlink_to(os.path.relpath(real, folder.parent))
    try:
        yield lodge
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError), _alone(lodge):
            _bring_back(real, folder)


def settle(home: Home, runs: Path) -> None:
    """What lies in the lodge of a kitchen that is gone goes back to its own place, which is in `runs`: the record of a run
    outlives its kitchen, that of one which is still under way included."""
    lodge = home.folder / "runs"
    if lodge.is_dir():
        with _alone(lodge):
            for real in lodge.iterdir():
                with suppress(OSError):
                    _bring_back(real, runs / real.name)


def _settle(lodge: Path, runs: Path) -> None:
    for real in lodge.iterdir():
        with suppress(OSError):
            descriptor = os.open(real, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _bring_back(real, runs / real.name)
            finally:
                os.close(descriptor)


def _bring_back(real: Path, folder: Path) -> None:
    """The folder in the place of its link. Cut off in between, it is still in the lodge, from where it is brought back later."""
    if folder.is_symlink():
        folder.unlink()
    real.rename(folder)


@contextmanager
def _alone(lodge: Path) -> Iterator[None]:
    descriptor = os.open(lodge, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

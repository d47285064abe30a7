"""Where `init` builds a cookbook before it stands in its place: a folder of its own, which a killed `init` leaves."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: What such a folder's name ends with: nobody else's file is called so.
SUFFIX = ".kitchen-init"


@contextmanager
def building_site(folder: Path) -> Iterator[Path]:
    """An empty folder, locked while its builder lives; it goes at the end with what is in it.

    It lies in `folder` where that exists, which may be a mount, or all that its user can write; else beside it.
    """
    place = folder if folder.is_dir() else folder.parent
    site = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=SUFFIX, dir=place))
    descriptor = os.open(site, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        site.chmod(0o777 & ~_umask())
        yield site
    finally:
        shutil.rmtree(site, ignore_errors=True)
        os.close(descriptor)


def abandoned(folder: Path) -> Iterator[Path]:
    """The sites for `folder` whose builder is dead; each is locked while its turn lasts."""
    for site in (*_sites(folder.parent, folder.name), *_sites(folder, folder.name)):
        with suppress(FileNotFoundError):  # its builder was just done
            descriptor = os.open(site, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield site
            except BlockingIOError:
                pass  # somebody builds there
            finally:
                os.close(descriptor)


def is_built(folder: Path) -> bool:
    """Whether somebody builds within `folder` right now; asked when those who are dead are gone."""
    return any(_sites(folder, folder.name))


def finish(site: Path, folder: Path) -> None:
    """Complete a move that was cut off, in which the repository goes first; else undo: remove the site."""
    if (folder / ".git").is_dir() and not (site / ".git").exists():
        for name in os.listdir(site):
            if not os.path.lexists(folder / name):
                os.rename(site / name, folder / name)
    shutil.rmtree(site, ignore_errors=True)


def move_into_place(site: Path, folder: Path) -> None:
    """Put what was built where it belongs; `finish` completes what a crash leaves of it."""
    if not folder.exists():
        site.rename(folder)
        return
    # The folder may be somebody's current one, so it stays and its content moves in: the repository first, which
    # tells a move that was begun.
    for name in sorted(os.listdir(site), key=lambda name: name != ".git"):
        os.rename(site / name, folder / name)


def _sites(place: Path, name: str) -> Iterator[Path]:
    return place.glob(f".{_literal(name)}.????????{SUFFIX}")


def _literal(name: str) -> str:
    """The name with what a pattern would take for more than itself."""
    return "".join(f"[{one}]" if one in "*?[" else one for one in name)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current

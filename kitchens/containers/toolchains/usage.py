"""Who used which toolchain image, and when: what may be pruned is known from here alone.

    <cache>/toolchains/used/<tag>/<hash of the repository's path>     holds that path; its time is the last use

An engine serves several users and machines. An image without a word here is somebody else's.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from kitchens_engine.tuples import NamedTuple


class Use(NamedTuple):
    """A repository that used an image, and when it last did (seconds since the epoch)."""

    repository: Path
    when: float

    @property
    def exists(self) -> bool:
        """Whether the repository is still there."""
        return self.repository.exists()


def note_use(cache: Path, tag: str, repository: Path) -> None:
    """It is used now. A cache that cannot be written keeps nobody from running."""
    file = _folder(cache, tag) / hashlib.sha256(os.fsencode(repository)).hexdigest()[:16]
    with suppress(OSError):
        try:
            os.utime(file)
        except FileNotFoundError:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(os.fsencode(repository))


def uses_of(cache: Path, tag: str) -> list[Use]:
    """Everybody who ever used it."""
    found = []
    for file in _folder(cache, tag).glob("*"):
        with suppress(OSError):
            found.append(Use(Path(os.fsdecode(file.read_bytes())), file.stat().st_mtime))
    return found


def forget_uses(cache: Path, tag: str) -> None:
    """The image is gone."""
    for file in _folder(cache, tag).glob("*"):
        with suppress(OSError):
            file.unlink()
    with suppress(OSError):
        _folder(cache, tag).rmdir()


def _folder(cache: Path, tag: str) -> Path:
    return cache / "toolchains" / "used" / tag

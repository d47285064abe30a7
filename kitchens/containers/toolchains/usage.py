"""Who used which of our images, and when: what may be removed is known from here alone.

    <cache>/toolchains/used/<image>/<hash of repository and kitchen>     holds both; its time is the last use

An engine serves several users and machines. An image without a word here is somebody else's.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from kitchens.containers.toolchains.source import REPOSITORY
from kitchens_engine.tuples import NamedTuple

_PREFIX = "kitchens/"


class Use(NamedTuple):
    """A repository that used an image, for which of its kitchens (None: for a gate), and when it last did (seconds since
    the epoch)."""

    repository: Path
    when: float
    kitchen: str | None = None

    @property
    def exists(self) -> bool:
        """Whether the repository is still there."""
        return self.repository.exists()


def note_use(cache: Path, image: str, repository: Path, kitchen: str | None = None) -> None:
    """It is used now. A cache that cannot be written keeps nobody from running."""
    user = os.fsencode(repository) + (b"" if kitchen is None else b"\0" + kitchen.encode())
    file = _folder(cache, image) / hashlib.sha256(user).hexdigest()[:16]
    with suppress(OSError):
        try:
            os.utime(file)
        except FileNotFoundError:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(user)


def uses_of(cache: Path, image: str) -> list[Use]:
    """Everybody who ever used it."""
    return list(_uses(_folder(cache, image)))


def used_by(cache: Path, repository: Path, kitchen: str) -> list[str]:
    """The images that a kitchen ever used."""
    used = cache / "toolchains" / "used"
    return [
        _image(folder.name)
        for folder in (sorted(used.iterdir()) if used.is_dir() else ())
        if any(use.repository == repository and use.kitchen == kitchen for use in _uses(folder))
    ]


def forget_uses(cache: Path, image: str) -> None:
    """The image is gone."""
    for file in _folder(cache, image).glob("*"):
        with suppress(OSError):
            file.unlink()
    with suppress(OSError):
        _folder(cache, image).rmdir()


def _uses(folder: Path) -> Iterator[Use]:
    for file in folder.glob("*"):
        with suppress(OSError):
            repository, mark, kitchen = file.read_bytes().partition(b"\0")
            yield Use(Path(os.fsdecode(repository)), file.stat().st_mtime, kitchen.decode() if mark else None)


def _folder(cache: Path, image: str) -> Path:
    """A toolchain's is called as its tag, any other image's as its kind and tag."""
    name, _, tag = image.rpartition(":")
    return (
        cache / "toolchains" / "used" / (tag if name == REPOSITORY else f"{name.removeprefix(_PREFIX)}-{tag}")
    )


def _image(folder: str) -> str:
    kind, dash, tag = folder.partition("-")
    return f"{_PREFIX}{kind}:{tag}" if dash else f"{REPOSITORY}:{folder}"

"""A few objects written as git writes loose ones: whole and on the disk before they have their names."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kitchens.git.checkouts.folders import flush
from kitchens.git.pack import Written

#: More objects are git's to write, in one go.
FEW = 32

#: What git calls an object that has no name yet: what a killed process leaves of them, `git gc` removes.
_UNNAMED = "tmp_obj_"


def store(folder: Path, objects: Sequence[Written]) -> None:
    """Write `objects` into the object folder of a repository, those first that others name. Raises `OSError`, or
    `EnvironmentFailure` where the disk does not take them; what has its name by then is whole.

    One that is there already is written anew: it counts as new for `git gc` then, and whatever a power cut left of it
    is whole again.
    """
    waiting: list[tuple[Path, Path]] = []
    try:
        for each in objects:
            path = folder / each.oid[:2] / each.oid[2:]
            waiting.append((_unnamed(path, each), path))
        flush([unnamed for unnamed, _ in waiting])
        for unnamed, path in waiting:
            unnamed.replace(path)
    except BaseException:
        for unnamed, _ in waiting:
            with suppress(OSError):
                unnamed.unlink(missing_ok=True)
        raise


def _unnamed(path: Path, each: Written) -> Path:
    path.parent.mkdir(exist_ok=True)
    unnamed = path.with_name(f"{_UNNAMED}{os.urandom(6).hex()}")
    content = zlib.compress(b"%s %d\0%s" % (each.kind.encode(), len(each.content), each.content), 1)
    descriptor = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    with open(descriptor, "wb") as file:
        file.write(content)
    return unnamed

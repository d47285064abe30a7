"""The images that a cookbook is built on, and `[images]` of `kitchens.lock`, which pins each of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from kitchens.model.cookbook import Cookbook
from kitchens.model.cookbook_shape import LOCK
from kitchens.model.pins import LOCK_FILE
from kitchens_engine.errors import Fault, InvalidFiles
from kitchens_engine.recipe import EMPTY
from kitchens_engine.toml.document import read_document
from kitchens_engine.toml.shape import examine
from kitchens_engine.tuples import NamedTuple

_FROM = r"(?im)^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$"
#: The Dockerfile's word for nothing at all below.
_SCRATCH = "scratch"


class ImagePin(NamedTuple):
    """What an image was when it was pinned: its registry's `digest`, or the `id` of one that only this engine has."""

    name: str
    digest: str | None = None
    id: str | None = None

    @property
    def content(self) -> str:
        """The digest or the id, which goes into keys."""
        return self.digest or self.id or ""

    @property
    def reference(self) -> str:
        """What an engine knows exactly this image by."""
        return f"{repository(self.name)}@{self.digest}" if self.digest else str(self.id)


def repository(name: str) -> str:
    """An image's name without its tag and digest, as an engine shortens it: `python` of `python:3.12-slim`."""
    name = name.partition("@")[0].removeprefix("docker.io/").removeprefix("library/")
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"


def read_images(lock: bytes | None) -> Mapping[str, ImagePin]:
    """The pins in `kitchens.lock`, by name. Raises `InvalidFiles` when it pins images and cannot be read."""
    return EMPTY if lock is None or b"images" not in lock else _read(lock)


@lru_cache(maxsize=32)
def _read(lock: bytes) -> Mapping[str, ImagePin]:
    document = read_document(lock, LOCK_FILE)
    if isinstance(document, Fault):
        raise InvalidFiles(
            (document._replace(hint="after a merge: take one side of it, and `kitchen lock`"),)
        )
    found, faults = examine(document, LOCK)
    if faults:
        raise InvalidFiles(faults)
    return {
        name: ImagePin(name, table.get("digest"), table.get("id"))
        for name, table in found.get("images", {}).items()
        if table
    }


def as_table(pins: Mapping[str, ImagePin]) -> dict[str, Any] | None:
    """What `kitchens.lock` says of them; None when there are none."""
    return {
        name: {"digest": pin.digest} if pin.digest else {"id": pin.id} for name, pin in sorted(pins.items())
    } or None


def bases_of(dockerfile: str) -> tuple[str, ...]:
    """The images that a Dockerfile begins with, each once. A name that holds an `ARG` is not known before the build."""
    stages: set[str] = set()
    found: dict[str, None] = {}
    for match in re.finditer(_FROM, dockerfile):
        name, stage = match[1], match[2]
        if "$" not in name and name.lower() != _SCRATCH and name.lower() not in stages:
            found[name] = None
        if stage:
            stages.add(stage.lower())
    return tuple(found)


def with_bases(dockerfile: str, references: Mapping[str, str]) -> str:
    """The Dockerfile with each of these images called by its reference."""

    def renamed(match: re.Match[str]) -> str:
        start, end = match.start(1) - match.start(), match.end(1) - match.start()
        return match[0][:start] + references.get(match[1], match[1]) + match[0][end:]

    return re.sub(_FROM, renamed, dockerfile)


def wanted_images(cookbook: Cookbook, read: Callable[[str], bytes | None]) -> tuple[str, ...]:
    """The images that the cookbook begins with: those below its toolchain, and those of its services."""
    services = (each.image for each in cookbook.services.values() if each.image and "@" not in each.image)
    return tuple(dict.fromkeys((*_toolchain_images(cookbook, read), *services)))


def _toolchain_images(cookbook: Cookbook, read: Callable[[str], bytes | None]) -> tuple[str, ...]:
    """The images below the toolchain: that of `[runtime]`, or those that its Dockerfile begins with."""
    runtime = cookbook.runtime
    if runtime.kind == "process":
        return ()
    if runtime.build is not None:
        return bases_of((read(runtime.build) or b"").decode("utf-8", "replace"))
    # One that is named by its digest is pinned already.
    return () if runtime.image is None or "@" in runtime.image else (runtime.image,)


def pins_for(cookbook: Cookbook, read: Callable[[str], bytes | None]) -> Mapping[str, ImagePin]:
    """The pins of the images that the cookbook's toolchain is made on, as far as there are any."""
    locked = read_images(read(LOCK_FILE))
    if not locked:
        return EMPTY
    return {name: locked[name] for name in _toolchain_images(cookbook, read) if name in locked}

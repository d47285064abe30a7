"""What a cookbook asks of its toolchain, apart from the making: the process runtime needs to know no more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kitchens.containers.toolchains.requirements import NEEDS
from kitchens.model.images import ImagePin
from kitchens_engine.recipe import EMPTY
from kitchens_engine.tuples import NamedTuple

#: What our images are called on an engine.
REPOSITORY = "kitchens/toolchain"


class ImageSource(NamedTuple):
    """What the cookbook asks for. `key` is the toolchain key (`kitchens.model.toolchain`).

    Either `image`, or `context` (a folder) with the `dockerfile` in it. `worker` maps
    file names to the content of our own scripts, the one to call first.
    `requirements_name` is the file's name in messages; `needs` is what the worker imports;
    `packages` are Debian's; `pins` say which content each image below must have, by name.
    """

    key: str
    worker: Mapping[str, bytes]
    image: str | None = None
    context: Path | None = None
    dockerfile: str = "Dockerfile"
    requirements: bytes | None = None
    requirements_name: str = "requirements.txt"
    needs: tuple[str, ...] = NEEDS
    packages: tuple[str, ...] = ()
    pins: Mapping[str, ImagePin] = EMPTY

"""The toolchain of the docker runtime: an image, made once per content, shared by all kitchens with the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kitchens.containers import hardening
from kitchens.containers.engine import Engine, Image
from kitchens.containers.life_signs import life_signs
from kitchens.containers.lock import alone
from kitchens.containers.toolchains import layer
from kitchens.containers.toolchains import requirements as pip
from kitchens.containers.toolchains.base_image import base_image
from kitchens.containers.toolchains.layer import LABEL
from kitchens.containers.toolchains.source import REPOSITORY, ImageSource
from kitchens_engine.errors import EnvironmentFailure

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class ImageToolchain:
    """An image that is ready to run nodes. `id` (`sha256:…`) is the evidence; `path` is PATH inside."""

    name: str
    id: str
    python: str
    worker: str
    path: str


def make_image(
    engine: Engine,
    source: ImageSource,
    cache: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], object],
) -> ImageToolchain:
    """The toolchain image of `source`, building it where the engine has none.

    The caller's proxies, pip's index and CA bundle in `environment` reach the build and
    do not stay in the image. ImageMissing when the base image cannot be had (remembered
    for ten minutes); InvalidInput for a Dockerfile or requirements that cannot be built.
    Two processes at once build one.
    """
    if source.requirements is not None:
        pip.check(source.requirements, source.requirements_name)
    tag = tag_of(source)
    name = f"{REPOSITORY}:{tag}"
    image = engine.image(name)
    if image is None:
        lock = cache / "toolchains" / f"image-{tag}.lock"
        try:
            with alone(lock, tell, "another process makes the toolchain's image: waiting"):
                image = engine.image(name)
                if image is None:
                    base = base_image(engine, source, cache, environment, tell)
                    what = f"making the toolchain's image from `{source.image or source.dockerfile}`"
                    tell(f"{what}, once")
                    with life_signs(what, tell) as hear:
                        layer.add_layer(engine, base, source, tag, cache, environment, hear)
                    image = engine.image(name)
        except OSError as error:
            raise EnvironmentFailure(f"the toolchain's image could not be made: {error.strerror}") from error
    if image is None:
        raise EnvironmentFailure(f"the image `{name}` was removed while it was needed")
    _tell_of_change(engine, image, source, tell)
    worker = next(iter(source.worker), "worker.py")
    path = f"{layer.BINARIES}:{image.path or hardening.DEFAULT_PATH}"
    return ImageToolchain(name, image.id, f"{layer.BINARIES}/python", f"{layer.HOME}/{worker}", path)


def _tell_of_change(engine: Engine, image: Image, source: ImageSource, tell: Callable[[str], object]) -> None:
    """Tell when the image below means another one by now. What was made stays what it was."""
    if source.image is None or "@" in source.image:
        return
    now = engine.image(source.image)
    if now is None or now.id == image.labels.get(f"{LABEL}base"):
        return
    pinned = source.image in source.pins
    act = f"`kitchen lock --update {source.image}`" if pinned else "`kitchen lock`"
    tell(
        f"`{source.image}` is another image now than the toolchain was made from: {act} pins what is there now"
    )


def tag_of(source: ImageSource) -> str:
    """The toolchain image's tag: a hash of the toolchain key, and of what we ourselves put into it."""
    digest = hashlib.sha256(b"%d\n%s\n%s\n" % (_FORMAT, source.key.encode(), layer.SCRIPT.encode()))
    for name, content in source.worker.items():
        digest.update(b"%s\n%d\n%s\n" % (name.encode(), len(content), content))
    if source.needs != pip.NEEDS:
        digest.update(" ".join(source.needs).encode())
    return digest.hexdigest()[:32]

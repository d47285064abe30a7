"""What a cookbook asks of its toolchain: as its files lie on disk, or as they stand in a commit."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import kitchens_engine
from kitchens.containers.toolchains.requirements import FOR_CONNECTIONS, NEEDS
from kitchens.containers.toolchains.source import ImageSource
from kitchens.gate.fingerprint import build_context
from kitchens.model.cookbook import FILE, Cookbook, missing_files
from kitchens.model.images import pins_for, read_images
from kitchens.model.pins import LOCK_FILE
from kitchens.model.toolchain import toolchain_key
from kitchens_engine.errors import InvalidFiles
from kitchens_engine.ports import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kitchens.actions.house import House
    from kitchens.containers.choose import DockerChoice, ProcessChoice
    from kitchens.git.objects import Objects

#: The script that runs inside toolchains.
WORKER = Path(kitchens_engine.__file__).with_name("worker.py")
_PROGRAM, _SUBMODULE = "100755", "160000"


def source_on_disk(source: Source, cookbook: Cookbook, checkout: Path) -> ImageSource:
    """What the cookbook in `checkout` asks for, uncommitted edits included. Raises `InvalidFiles` for a file that
    it names and lacks."""
    build = cookbook.runtime.build
    if build is None:
        return _source(source, cookbook)
    context = checkout / build_context(build)
    return _source(source, cookbook, context, content_on_disk(context))


def source_at(source: Source, cookbook: Cookbook, objects: Objects, tree: str, checkout: Path) -> ImageSource:
    """What the cookbook in a tree of git asks for; a Dockerfile would be built in `checkout`, a checkout of it.

    The same as of that checkout on disk, where no filter changes files on their way there.
    """
    build = cookbook.runtime.build
    if build is None:
        return _source(source, cookbook)
    folder = build_context(build)
    return _source(source, cookbook, checkout / folder, content_at(objects, tree, folder))


def chosen(
    house: House,
    source: Source,
    cookbook: Cookbook,
    checkout: Path,
    *,
    kind: str | None = None,
    asks: str = "runtime.kind",
    images: Iterable[str] = (),
) -> ProcessChoice | DockerChoice:
    """The runtime that the cookbook in `checkout` asks for, or the `kind` that `asks` asks for instead; its toolchain made,
    and that of `images`, which single nodes have for their own."""
    from kitchens.containers.choose import choose_runtime

    toolchain = source_on_disk(source, cookbook, checkout)
    return choose_runtime(
        kind or cookbook.runtime.kind,
        toolchain,
        worker=WORKER,
        interpreter=house.interpreter,
        cache=house.cache,
        environment=house.environment,
        tell=house.note,
        images=sources_of_nodes(source, toolchain, images),
        asks=asks,
    )


def sources_of_nodes(source: Source, toolchain: ImageSource, images: Iterable[str]) -> dict[str, ImageSource]:
    """What nodes with an image of their own ask for: that image and our worker, nothing of the cookbook's toolchain."""
    locked = read_images(source.read(LOCK_FILE))
    found = {}
    for image in images:
        pins = {image: locked[image]} if image in locked else {}
        key = toolchain_key(image=image, bases={name: pin.content for name, pin in pins.items()})
        found[image] = ImageSource(key, toolchain.worker, image, needs=toolchain.needs, pins=pins)
    return found


def _source(
    source: Source, cookbook: Cookbook, context: Path | None = None, content: str | None = None
) -> ImageSource:
    runtime = cookbook.runtime
    missing = missing_files(source.read(FILE) or b"", source)
    if errors := tuple(fault for fault in missing if fault.severity == "error"):
        raise InvalidFiles(errors)
    requirements = None if runtime.requirements is None else source.read(runtime.requirements)
    pins = pins_for(cookbook, source.read)
    key = toolchain_key(
        image=runtime.image if context is None else None,
        dockerfile=None if context is None else runtime.build,
        context=content,
        requirements=requirements,
        bases={name: pin.content for name, pin in pins.items()},
        packages=runtime.packages,
    )
    return ImageSource(
        key,
        _worker(),
        image=runtime.image if context is None else None,
        context=context,
        dockerfile=(runtime.build or "Dockerfile").rpartition("/")[2],
        requirements=requirements,
        requirements_name=runtime.requirements or "requirements.txt",
        needs=(*NEEDS, *FOR_CONNECTIONS) if cookbook.connections else NEEDS,
        packages=runtime.packages,
        pins=pins,
    )


@cache
def _worker() -> Mapping[str, bytes]:
    """The script itself first, then what lies beside it."""
    return MappingProxyType(
        {path.name: path.read_bytes() for path in sorted(WORKER.parent.glob("worker*.py"))}
    )


def content_on_disk(folder: Path) -> str:
    """A hash of a build context as it lies on disk: names, modes and contents."""

    def files() -> Iterator[tuple[bytes, bool, bytes]]:
        for path in folder.rglob("*"):
            inside = path.relative_to(folder)
            if ".git" in inside.parts or (path.is_dir() and not path.is_symlink()):
                continue
            content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
            program = not path.is_symlink() and bool(path.lstat().st_mode & 0o100)
            yield os.fsencode(inside), program, content

    return _hash(files())


def content_at(objects: Objects, tree: str, folder: str) -> str:
    """The same hash of a folder of a tree in git."""
    found = objects.entry(tree, folder)
    if found is None or found.kind != "tree":
        return _hash(())

    def walk(oid: str, above: str) -> Iterator[tuple[bytes, bool, bytes]]:
        for entry in objects.entries(oid):
            name = f"{above}{entry.name}"
            if entry.kind == "tree":
                yield from walk(entry.oid, f"{name}/")
            elif entry.mode != _SUBMODULE:
                yield os.fsencode(name), entry.mode == _PROGRAM, objects.blob(entry.oid)

    return _hash(walk(found.oid, ""))


def _hash(files: Iterable[tuple[bytes, bool, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, program, content in sorted(files):
        digest.update(b"%s\0%d\0%d\0" % (name, program, len(content)))
        digest.update(content)
    return digest.hexdigest()

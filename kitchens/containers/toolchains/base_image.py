"""The image below our layer: as the cookbook names it, or built from its own Dockerfile."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from kitchens.containers.engine import BuildFailed, Engine, Image, ImageMissing, included
from kitchens.containers.life_signs import life_signs
from kitchens.containers.toolchains import buildx, certificates
from kitchens.containers.toolchains.source import REPOSITORY, ImageSource
from kitchens.model.images import ImagePin, bases_of, with_bases
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

_REMEMBER_SECONDS = 600
#: The classic builder's and BuildKit's way to begin a step.
_STEP = re.compile(r"(?:Step \d+/\d+ : |#\d+ \[)")


def base_image(
    engine: Engine,
    source: ImageSource,
    cache: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], object],
) -> Image:
    """The image that our layer is put on: pinned, fetched or built. ImageMissing when it cannot be had."""
    if source.context is not None:
        return _built(engine, source, source.context, cache, environment, tell)
    if source.image is None:
        raise InvalidInput("the cookbook names no image", 'set `image = "python:3.12-slim"` in `[runtime]`')
    return had(engine, source.image, source.pins.get(source.image), cache, tell)


def base_name(key: str) -> str:
    """What the image that was built from a cookbook's own Dockerfile is called; `key` is the toolchain key."""
    return f"{REPOSITORY}-base:{key[:32]}"


def had(engine: Engine, name: str, pin: ImagePin | None, cache: Path, tell: Callable[[str], object]) -> Image:
    """The image of this name, or exactly the one that is pinned, from the engine or its registry."""
    if pin is None:
        return engine.image(name) or pulled(engine, name, cache, tell)
    found = engine.image(pin.reference)
    if found is not None:
        return found
    if pin.digest:
        return pulled(engine, pin.reference, cache, tell)
    now = engine.image(name)
    what = "this engine does not have it" if now is None else f"here that name means {short(now.id)}"
    raise ImageMissing(
        f"`kitchens.lock` pins the image `{name}` at {short(pin.content)}, and {what}",
        "make that image here" if now is None else f"`kitchen lock --update {name}` pins what is there now",
    )


def short(content: str) -> str:
    """A digest as people read it."""
    return content.partition(":")[2][:12] or content


def pulled(engine: Engine, name: str, cache: Path, tell: Callable[[str], object]) -> Image:
    """Pull, and remember a failure: `auto` would otherwise ask a dead registry at every command."""
    note = cache / "pulls" / f"{hashlib.sha256(f'{engine.address} {name}'.encode()).hexdigest()[:32]}.json"
    try:
        failed = json.loads(note.read_text(encoding="utf-8"))
        if 0 <= time.time() - failed["when"] < _REMEMBER_SECONDS:
            raise ImageMissing(
                failed["why"], f"tried within the last ten minutes; `docker pull {name}` tries again"
            )
    except (OSError, ValueError, KeyError):
        pass  # no note, or an unreadable one: then the registry is asked
    what = f"fetching the image `{name}`"
    tell(what)
    try:
        with life_signs(what, tell) as hear:
            return engine.pull(name, hear)
    except ImageMissing as error:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({"when": time.time(), "why": error.message}), encoding="utf-8")
        raise


def _built(
    engine: Engine,
    source: ImageSource,
    context: Path,
    cache: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], object],
) -> Image:
    """The cookbook's own Dockerfile. It gets the CA bundle when it declares `ARG KITCHENS_CA`."""
    name = base_name(source.key)
    if found := engine.image(name):
        return found
    file = context / source.dockerfile
    text = file.read_text(encoding="utf-8", errors="surrogateescape")
    references = {}
    for base in bases_of(text):
        pin = source.pins.get(base)
        had(engine, base, pin, cache, tell)
        if pin is not None:
            references[base] = _reference(engine, pin)
    arguments = {
        key: value
        for key, value in certificates.for_builds(environment, None).items()
        if "PROXY" in key.upper()
    }
    extra = {}
    bundle = certificates.bundle(environment)
    if "KITCHENS_CA" in text and bundle is not None:
        extra["kitchens-ca.crt"] = bundle.read_bytes()
        arguments["KITCHENS_CA"] = "kitchens-ca.crt"
    extra[source.dockerfile] = with_bases(text, references).encode("utf-8", "surrogateescape")
    archive = archive_of(context, source.dockerfile, extra)
    log = cache / "toolchains" / f"build-{source.key[:32]}.log"
    called = source.dockerfile
    return build(engine, archive, called, called, name, arguments, log, environment, tell)


def build(
    engine: Engine,
    archive: bytes,
    dockerfile: str,
    file: str,
    name: str,
    arguments: Mapping[str, str],
    log: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], object],
) -> Image:
    """Make the image `name` of a context, by `docker buildx` where the caller has that. `file` is how the cookbook calls the
    Dockerfile, `log` takes what is said. Raises `InvalidInput` for a step that fails."""
    what = f"building `{file}`"
    tell(f"{what}, once")
    log.parent.mkdir(parents=True, exist_ok=True)
    program = buildx.find_buildx(environment)
    if program is None:
        lines = engine.build(archive, dockerfile, name, arguments)
    else:
        lines = buildx.build(program, engine.address, archive, dockerfile, name, arguments, environment)
    try:
        _follow(lines, what, log, tell)
    except BuildFailed as error:
        engine.image(name)  # an engine that is gone says so, and then nothing is wrong with the file
        raise InvalidInput(
            f"`{file}` cannot be built: {error.message}", f"what it said: {log}", file=file
        ) from error
    built = engine.image(name)
    if built is None:
        raise EnvironmentFailure(f"the image of `{file}` was removed while it was needed")
    return built


def _reference(engine: Engine, pin: ImagePin) -> str:
    """What a Dockerfile calls a pinned image. BuildKit knows none by its id: its name must mean it."""
    if pin.digest:
        return pin.reference
    now = engine.image(pin.name)
    if now is not None and now.id == pin.id:
        return pin.name
    raise ImageMissing(
        f"the image `{pin.name}` changed under its name since `kitchens.lock` pinned it at {short(pin.content)}",
        f"`kitchen lock --update {pin.name}` pins what is there now",
    )


def _follow(lines: Iterator[str], what: str, log: Path, tell: Callable[[str], object]) -> None:
    """Keep what a build says, and tell its steps."""
    with log.open("w", encoding="utf-8", errors="replace") as file, life_signs(what, tell) as hear:
        for line in lines:
            file.write(f"{line}\n")
            hear(line)
            if _STEP.match(line):
                tell(f"{what}: {line.strip()[:100]}")


def archive_of(context: Path, dockerfile: str, extra: Mapping[str, bytes]) -> bytes:
    """The build's context as a tar without owners and times, so that the engine's cache holds."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in sorted(included(context, dockerfile)):
            if name not in extra:
                archive.add(context / name, name, recursive=False, filter=plain)
        for name, content in extra.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()

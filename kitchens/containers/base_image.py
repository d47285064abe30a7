"""The image below our layer: as the cookbook names it, or built from its own Dockerfile."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from kitchens.containers import certificates
from kitchens.containers.engine import Engine, Image, ImageMissing, included
from kitchens.containers.source import REPOSITORY, ImageSource
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

_REMEMBER_SECONDS = 600


def base_image(
    engine: Engine,
    source: ImageSource,
    cache: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], object],
) -> Image:
    if source.context is not None:
        return _built(engine, source, source.context, environment, tell)
    if source.image is None:
        raise InvalidInput("the cookbook names no image", 'set `image = "python:3.12-slim"` in `[runtime]`')
    return engine.image(source.image) or _pulled(engine, source.image, cache, tell)


def _pulled(engine: Engine, name: str, cache: Path, tell: Callable[[str], object]) -> Image:
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
    tell(f"fetching the image `{name}`")
    try:
        return engine.pull(name)
    except ImageMissing as error:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({"when": time.time(), "why": error.message}), encoding="utf-8")
        raise


def _built(
    engine: Engine,
    source: ImageSource,
    context: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], object],
) -> Image:
    """The cookbook's own Dockerfile. It gets the CA bundle when it declares `ARG KITCHENS_CA`."""
    name = f"{REPOSITORY}-base:{source.key[:32]}"
    if found := engine.image(name):
        return found
    tell(f"building `{source.dockerfile}`, once")
    arguments = {
        key: value
        for key, value in certificates.for_builds(environment, None).items()
        if "PROXY" in key.upper()
    }
    extra = {}
    text = (context / source.dockerfile).read_text(encoding="utf-8", errors="replace")
    bundle = certificates.bundle(environment)
    if "KITCHENS_CA" in text and bundle is not None:
        extra["kitchens-ca.crt"] = bundle.read_bytes()
        arguments["KITCHENS_CA"] = "kitchens-ca.crt"
    for _ in engine.build(_archive(context, source.dockerfile, extra), source.dockerfile, name, arguments):
        pass
    built = engine.image(name)
    if built is None:
        raise EnvironmentFailure(f"the image of `{source.dockerfile}` was removed while it was needed")
    return built


def _archive(context: Path, dockerfile: str, extra: Mapping[str, bytes]) -> bytes:
    """The build's context as a tar without owners and times, so that the engine's cache holds."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in sorted(included(context, dockerfile)):
            archive.add(context / name, name, recursive=False, filter=plain)
        for name, content in extra.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()

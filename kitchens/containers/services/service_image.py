"""The image of a service that the cookbook builds from a Dockerfile."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from kitchens.containers.engine import Engine, Image
from kitchens.containers.lock import alone
from kitchens.containers.toolchains import certificates
from kitchens.containers.toolchains.base_image import archive_of, build, had
from kitchens.model.images import bases_of

#: What our images of services are called on an engine.
REPOSITORY = "kitchens/service"


def service_image(file: str, content: str) -> str:
    """What the image that a Dockerfile makes is called; `content` is the hash of the folder that it lies in."""
    made_of = "\0".join((file.rpartition("/")[2], content))
    return f"{REPOSITORY}:{hashlib.sha256(made_of.encode()).hexdigest()[:32]}"


def built_image(
    engine: Engine,
    context: Path,
    file: str,
    name: str,
    cache: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], object],
) -> Image:
    """The image that a Dockerfile makes, made where the engine has none of this `name` (`service_image`); `file` is its
    path in the cookbook, and `context` the folder that it lies in. Two processes at once build one. Raises `InvalidInput` for a step that fails, and
    `ImageMissing` for an image that it begins with."""
    if found := engine.image(name):
        return found
    dockerfile, tag = file.rpartition("/")[2], name.rpartition(":")[2]
    with alone(
        cache / "toolchains" / f"service-{tag}.lock",
        tell,
        "another process builds the service's image: waiting",
    ):
        if found := engine.image(name):
            return found
        text = (context / dockerfile).read_text(encoding="utf-8", errors="surrogateescape")
        for base in bases_of(text):
            had(engine, base, None, cache, tell)
        proxies = certificates.for_builds(environment, None).items()
        arguments = {key: value for key, value in proxies if "PROXY" in key.upper()}
        content = archive_of(context, dockerfile, {})
        log = cache / "toolchains" / f"build-service-{tag}.log"
        return build(engine, content, dockerfile, file, name, arguments, log, environment, tell)

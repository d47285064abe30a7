"""The image of a service that the cookbook builds from a Dockerfile."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from kitchens.containers.engine import Engine, Image
from kitchens.containers.lock import alone
from kitchens.containers.toolchains import certificates
from kitchens.containers.toolchains.base_image import archive_of
from kitchens_engine.errors import EnvironmentFailure

#: What our images of services are called on an engine.
REPOSITORY = "kitchens/service"


def built_image(
    engine: Engine,
    context: Path,
    dockerfile: str,
    cache: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], object],
) -> Image:
    """The image that a Dockerfile in the folder `context` makes, named by the hash of all that goes in. Two processes
    at once build one."""
    content = archive_of(context, dockerfile, {})
    tag = hashlib.sha256(dockerfile.encode() + b"\0" + content).hexdigest()[:32]
    name = f"{REPOSITORY}:{tag}"
    if found := engine.image(name):
        return found
    with alone(
        cache / "toolchains" / f"service-{tag}.lock",
        tell,
        "another process builds the service's image: waiting",
    ):
        if engine.image(name) is None:
            tell(f"building `{dockerfile}`, once")
            proxies = certificates.for_builds(environment, None).items()
            arguments = {key: value for key, value in proxies if "PROXY" in key.upper()}
            for _ in engine.build(content, dockerfile, name, arguments):
                pass
    image = engine.image(name)
    if image is None:
        raise EnvironmentFailure(f"the image of `{dockerfile}` was removed while it was needed")
    return image

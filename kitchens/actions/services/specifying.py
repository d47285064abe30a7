"""What `[services.*]` asks for, down to images, files and secrets: everything that a container is made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.containers.services.service import Spec, volumes_of
from kitchens.containers.toolchains.usage import note_use
from kitchens.gate.fingerprint import build_context
from kitchens.model.cookbook import FILE, Cookbook
from kitchens.model.images import ImagePin, read_images
from kitchens.model.pins import LOCK_FILE
from kitchens.model.service import Service
from kitchens_engine.errors import InvalidInput
from kitchens_engine.language.secrets import filled, reference
from kitchens_engine.ports import Secrets, Source

if TYPE_CHECKING:
    from kitchens.actions.house import House
    from kitchens.containers.engine import Engine, Image

#: Raised when the meaning of a spec changes: services of an older one are made anew.
_FORMAT = 1


def refuse_missing(services: Iterable[Service], secrets: Secrets, scope: str) -> None:
    """Raise `InvalidInput` for the first secret of a service that the vault lacks."""
    for service in services:
        for variable, text in service.env.items():
            name = reference(text)
            if name is not None and not secrets.has(name, scope):
                where = "" if scope == "default" else f" in its scope `{scope}`"
                raise InvalidInput(
                    f"service `{service.name}` wants secret `{name}` as `{variable}`, which the vault does not have{where};"
                    " nothing was started",
                    secrets.how_to_set(name, scope),
                    code="secret",
                    file=FILE,
                )


def specify(
    house: House,
    engine: Engine,
    cookbook: Cookbook,
    source: Source,
    secrets: Secrets,
    scope: str,
    context: Callable[[str], Path],
    kitchen: str | None,
) -> dict[str, Spec]:
    """Every service by its name, its image fetched or built. `context` gives the folder of a path in the cookbook; `kitchen`
    is whose they are (None: a gate's)."""
    refuse_missing(cookbook.services.values(), secrets, scope)
    pins = read_images(source.read(LOCK_FILE))
    found = {}
    for name, service in cookbook.services.items():
        image = _image(house, engine, service, context, pins)
        if service.build is not None:
            note_use(house.cache, image.name, house.repository.common, kitchen)
        found[name] = _spec(service, image, source, secrets, scope)
    return found


def _image(
    house: House,
    engine: Engine,
    service: Service,
    context: Callable[[str], Path],
    pins: Mapping[str, ImagePin],
) -> Image:
    from kitchens.actions.cookbook.toolchain import content_on_disk
    from kitchens.containers.services.service_image import built_image, service_image
    from kitchens.containers.toolchains.base_image import had

    if service.build is None:
        name = str(service.image)
        return had(engine, name, pins.get(name), house.cache, house.note)
    folder = context(build_context(service.build))
    built = service_image(service.build, content_on_disk(folder))
    return built_image(engine, folder, service.build, built, house.cache, house.environment, house.note)


def _spec(service: Service, image: Image, source: Source, secrets: Secrets, scope: str) -> Spec:
    public = {name: text for name, text in service.env.items() if reference(text) is None}
    secret = {
        name: filled(text, lambda wanted: secrets.resolve(wanted, scope) or "")
        for name, text in service.env.items()
        if name not in public
    }
    files = {path.rpartition("/")[2]: source.read(path) or b"" for path in service.init}
    spec = Spec(
        name=service.name,
        image=image,
        key="",
        command=service.command,
        port=service.port,
        health=service.health,
        env=public,
        secret=secret,
        volumes=volumes_of(image, service.volumes),
        files=files,
        needs=service.needs,
        ready_within=service.ready_within,
        memory=service.memory,
    )
    facts = [_FORMAT, image.id, repr(service), {n: hashlib.sha256(c).hexdigest() for n, c in files.items()}]
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return spec._replace(key=key)

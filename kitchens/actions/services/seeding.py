"""The data that a service begins with is made once, and copied from then on."""

from __future__ import annotations

import hashlib
import hmac
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.actions.house import House
from kitchens.actions.services.starting import judged, start_all
from kitchens.containers import owners
from kitchens.containers.seeds import Seeding, seed
from kitchens.containers.service import Spec

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine


def seeds_of(house: House, engine: Engine, spec: Spec) -> dict[str, str]:
    """Folder inside → the volume that a new one begins with, made where there is none; nothing for a service without
    init files. Two passwords have two seeds, since the one is in the data."""
    if not spec.volumes or not spec.files:
        return {}
    facts = "\0".join([spec.key, *(f"{name}={value}" for name, value in sorted(spec.secret.items()))])
    key = hmac.new(_salt(house.cache), facts.encode(), hashlib.sha256).hexdigest()

    def wait(container: str) -> None:
        alone = {spec.name: spec._replace(needs=())}
        started = start_all(house, engine, alone, lambda _: (container, None, True), lambda _: None)
        judged(house, started, alone)

    return seed(
        engine, spec, Seeding(key, owners.labels("", "seed", key[:16]), wait), house.cache, house.note
    )


def _salt(cache: Path) -> bytes:
    """What makes the hashes of secrets in the names of seeds worth nothing to whoever reads those."""
    path = cache / "seeds" / ".salt"
    with suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".salt.{os.getpid()}")
    new.touch(0o600)
    new.write_bytes(os.urandom(32))
    with suppress(FileExistsError):  # whoever was faster is right
        os.link(new, path)
    new.unlink()
    return path.read_bytes()

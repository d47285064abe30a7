"""`[services.*]`: a container that every kitchen has of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from kitchens.model.cookbook_shape import size
from kitchens_engine.durations import seconds
from kitchens_engine.errors import Fault
from kitchens_engine.language.graph import circles
from kitchens_engine.toml.document import Document
from kitchens_engine.toml.nearest import did_you_mean
from kitchens_engine.tuples import NamedTuple


class Service(NamedTuple):
    """A container that every kitchen has of its own: exactly one of `image` and `build` is set.

    `env` may hold references to the vault. `volumes` are folders in the container (None:
    those that its image names); `init` and `build` paths in the cookbook; `seed` is a
    recipe. `ready_within` is seconds, `memory` bytes.
    """

    name: str
    image: str | None = None
    port: int | None = None
    health: str | None = None
    env: Mapping[str, str] = MappingProxyType({})
    build: str | None = None
    command: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    volumes: tuple[str, ...] | None = None
    init: tuple[str, ...] = ()
    seed: str | None = None
    ready_within: float = 60.0
    memory: int | None = None


def service_of(name: str, table: Mapping[str, Any]) -> Service:
    """The service that a table of the right shape describes."""
    defaults = Service(name)
    return Service(
        name=name,
        image=table.get("image"),
        port=table.get("port"),
        health=table.get("health"),
        env=MappingProxyType({key: str(value) for key, value in table.get("env", {}).items()}),
        build=table.get("build"),
        command=tuple(table["command"]) if "command" in table else None,
        needs=tuple(table.get("needs", ())),
        volumes=tuple(table["volumes"]) if "volumes" in table else None,
        init=tuple(table.get("init", ())),
        seed=table.get("seed"),
        ready_within=seconds(table["ready_within"]) if "ready_within" in table else defaults.ready_within,
        memory=size(table["memory"]) if "memory" in table else None,
    )


def service_faults(document: Document, values: Mapping[str, Any]) -> Iterator[Fault]:
    """Needs that name no service or the service itself, circles, and two init files of one name."""
    services = values.get("services", {})
    for name, table in services.items():
        for index, need in enumerate(table.get("needs", ())):
            path = ("services", name, "needs", index)
            if need == name:
                yield document.fault(path, f"service `{name}` needs itself")
            elif need not in services:
                message = f"service `{name}` needs `{need}`, which is no service of this cookbook"
                yield document.fault(path, message, did_you_mean(need, services))
        files = [path.rpartition("/")[2] for path in table.get("init", ())]
        for index, file in enumerate(files):
            if file in files[:index]:
                message = f"service `{name}` has two init files called `{file}`; the image sees one folder"
                yield document.fault(("services", name, "init", index), message)
    others = {name: [n for n in table.get("needs", ()) if n != name] for name, table in services.items()}
    for circle in circles(others):
        shown = " → ".join(f"`{name}`" for name in circle)
        yield document.fault(
            ("services", circle[0], "needs"), f"services need each other in a circle: {shown}"
        )

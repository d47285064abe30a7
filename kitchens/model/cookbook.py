"""What `kitchens.toml` says, as frozen values."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from kitchens.model.cookbook_shape import COOKBOOK, size
from kitchens.model.freezing import Freeze, never_ends, read_freeze
from kitchens.model.names import KitchenName
from kitchens.model.service import Service, service_faults, service_of
from kitchens_engine.durations import seconds
from kitchens_engine.errors import Fault
from kitchens_engine.language.graph import circles
from kitchens_engine.ports import Source
from kitchens_engine.toml.document import Document, dotted, read_document
from kitchens_engine.toml.nearest import did_you_mean
from kitchens_engine.toml.positions import Path
from kitchens_engine.toml.shape import examine, in_order
from kitchens_engine.tuples import NamedTuple

FILE = "kitchens.toml"
PRODUCTION = KitchenName("production")
DEFAULT_IMAGE = "python:3.12-slim"


class Runtime(NamedTuple):
    """Where nodes run: `kind` is `docker`, `process` or `auto`; exactly one of `image` and `build` is set.

    `build` and `requirements` are paths in the cookbook; `network` is `none`,
    `kitchen` or `open`; `memory` is bytes, and so is `log_limit`, beyond which a log loses its middle;
    `disk` is what one run may add to its folders, in bytes; `packages` are Debian's.
    After `idle` seconds without use a kitchen's services are stopped (None: never).
    """

    kind: str = "auto"
    image: str | None = DEFAULT_IMAGE
    build: str | None = None
    requirements: str | None = None
    network: str = "kitchen"
    memory: int = 2 * 1024**3
    cpus: float = 2
    pids: int = 512
    log_limit: int = 64 * 1024**2
    packages: tuple[str, ...] = ()
    disk: int = 10 * 1024**3
    idle: float | None = None


class Connection(NamedTuple):
    """A database that nodes name: its URL, and the one that a gate uses instead (None: a gate refuses it)."""

    name: str
    url: str
    gate_url: str | None = None


class GateSettings(NamedTuple):
    """How recipes are gated: under which variation, with which `shared` paths, and with which commands on the tree.

    `sign`: attestations are signed with the user's SSH key, as git signs commits. A red gate is run again up to
    `retries` times on the same tree.
    """

    variation: str = "test"
    shared: tuple[str, ...] = ()
    quality: tuple[str, ...] = ()
    sign: bool = False
    retries: int = 0


class VaultSettings(NamedTuple):
    """Where secrets live: `kind` is `file` or `env`; `path` (None: the default) is where the file lies."""

    kind: str = "file"
    path: str | None = None


class Policy(NamedTuple):
    """What holds for a permanent kitchen. Only attestations from the runtime `isolation` count, when it is set, and
    where `signed` only those that somebody in `.kitchens/allowed_signers` signed. Nothing lands in a `freeze`, nor
    without so many `approvals`."""

    protected: bool = False
    isolation: str | None = None
    parent: KitchenName | None = None
    signed: bool = False
    freeze: tuple[Freeze, ...] = ()
    approvals: int = 0


class Cookbook(NamedTuple):
    """The settings of a cookbook.

    `worktrees` is the folder for the worktrees of kitchens, relative to the repository's
    own, with `{repository}` for its name. `remote` is where kitchens are shared; None: nowhere. `pools` are limits, by name, on how many nodes run
    at once on a machine. `kitchens` are the permanent ones that the file names; production is
    permanent without being named. `data` is what a new kitchen finds: `empty`, `copy` or `recipe:NAME`.
    """

    name: str
    production: KitchenName = PRODUCTION
    worktrees: str = "../{repository}.kitchens"
    remote: str | None = None
    data: str = "empty"
    runtime: Runtime = Runtime()
    connections: Mapping[str, Connection] = MappingProxyType({})
    services: Mapping[str, Service] = MappingProxyType({})
    gate: GateSettings = GateSettings()
    vault: VaultSettings = VaultSettings()
    pools: Mapping[str, int] = MappingProxyType({})
    kitchens: Mapping[KitchenName, Policy] = MappingProxyType({})

    def is_permanent(self, name: str) -> bool:
        """Whether the file makes this kitchen a permanent one."""
        return name == self.production or name in self.kitchens

    def policy(self, name: str) -> Policy:
        """The policy of this kitchen; one that the file does not name has none."""
        return self.kitchens.get(KitchenName(name), Policy())


def parse_cookbook(text: bytes, file: str = FILE) -> tuple[Cookbook | None, tuple[Fault, ...]]:
    """The cookbook in `text`, or every fault of the file, in its order."""
    reading = read_cookbook(text, file)
    return (None if reading.faults else _cookbook(reading.values)), reading.faults


class CookbookReading(NamedTuple):
    """What came of reading the file: its faults and, unless it is no TOML, what of it is of the right shape."""

    faults: tuple[Fault, ...]
    document: Document | None = None
    values: Mapping[str, Any] = MappingProxyType({})


def read_cookbook(text: bytes, file: str = FILE) -> CookbookReading:
    """Every fault of the file, in its order, and whatever of it could be understood."""
    document = read_document(text, file)
    if isinstance(document, Fault):
        return CookbookReading((document,))
    values, wrong = examine(document, COOKBOOK)
    faults = in_order(
        [
            *wrong,
            *_image_faults(document, values),
            *_parent_faults(document, values),
            *_freeze_faults(document, values),
            *service_faults(document, values),
        ]
    )
    return CookbookReading(faults, document, values)


def missing_files(text: bytes, source: Source, file: str = FILE) -> tuple[Fault, ...]:
    """A fault for each file that the settings name and `source` lacks; a missing `shared` path is a warning."""
    _, document, values = read_cookbook(text, file)
    if document is None:
        return ()
    found = []
    runtime = values.get("runtime", {})
    for key in ("requirements", "build"):
        if key in runtime and source.read(runtime[key]) is None:
            found.append(_missing(document, source, ("runtime", key), runtime[key]))
    for name, table in values.get("services", {}).items():
        for index, path in enumerate(table.get("init", ())):
            if source.read(path) is None:
                found.append(_missing(document, source, ("services", name, "init", index), path))
        if "build" in table and source.read(table["build"]) is None:
            found.append(_missing(document, source, ("services", name, "build"), table["build"]))
        if "seed" in table and source.read(f"recipes/{table['seed']}/recipe.toml") is None:
            message = f"service `{name}` is seeded by recipe `{table['seed']}`, which does not exist"
            hint = did_you_mean(table["seed"], source.names("recipes"))
            found.append(document.fault(("services", name, "seed"), message, hint))
    for index, path in enumerate(values.get("gate", {}).get("shared", ())):
        if source.read(path) is None and not source.names(path):
            fault = _missing(document, source, ("gate", "shared", index), path)
            found.append(fault._replace(severity="warning"))
    return in_order(found)


def _missing(document: Document, source: Source, key: Path, path: str) -> Fault:
    folder, _, name = path.rstrip("/").rpartition("/")
    inside = bool(source.names(path))
    message = f"`{dotted(key)}` names `{path}`, which {'is a folder' if inside else 'does not exist'}"
    return document.fault(key, message, did_you_mean(name, source.names(folder)))


def _image_faults(document: Document, values: Mapping[str, Any]) -> list[Fault]:
    runtime = values.get("runtime", {})
    if "image" in runtime and "build" in runtime:
        message = "`runtime` has both `image` and `build`; an image is either taken or built"
        return [document.fault(("runtime", "build"), message)]
    return []


def _parent_faults(document: Document, values: Mapping[str, Any]) -> list[Fault]:
    kitchens = values.get("kitchens", {})
    root = values.get("cookbook", {}).get("production", "production")
    parents = {name: [policy["parent"]] for name, policy in kitchens.items() if "parent" in policy}
    found = []
    if root in parents:
        message = f"`{root}` is the root kitchen, so it has no parent"
        found.append(document.fault(("kitchens", root, "parent"), message))
        del parents[root]
    for circle in circles(parents):
        shown = " → ".join(f"`{name}`" for name in circle)
        message = f"kitchens are each other's parents: {shown}"
        found.append(document.fault(("kitchens", circle[0], "parent"), message))
    return found


def _freeze_faults(document: Document, values: Mapping[str, Any]) -> list[Fault]:
    found = []
    for name, policy in values.get("kitchens", {}).items():
        windows = []
        for index, table in enumerate(policy.get("freeze", ())):
            if "from" not in table or "to" not in table:
                continue
            try:
                windows.append(read_freeze(table))
            except ValueError as why:
                key: Path = ("kitchens", name, "freeze", index)
                found.append(document.fault((*key, "to"), f"`{dotted(key)}`: {why}"))
        if never_ends(windows):
            message = f"the freeze windows of `{name}` leave no moment at which anything could land"
            found.append(document.fault(("kitchens", name, "freeze"), message))
    return found


def _cookbook(values: Mapping[str, Any]) -> Cookbook:
    cookbook = values["cookbook"]
    defaults = Cookbook(name=cookbook["name"])
    return Cookbook(
        name=cookbook["name"],
        production=KitchenName(cookbook.get("production", defaults.production)),
        worktrees=cookbook.get("worktrees", defaults.worktrees),
        remote=cookbook.get("remote", defaults.remote),
        data=cookbook.get("data", defaults.data),
        runtime=_runtime(values.get("runtime", {})),
        connections=MappingProxyType(
            {name: _connection(name, table) for name, table in values.get("connections", {}).items()}
        ),
        services=MappingProxyType(
            {name: service_of(name, table) for name, table in values.get("services", {}).items()}
        ),
        gate=_gate(values.get("gate", {})),
        vault=VaultSettings(**values.get("vault", {})),
        pools=MappingProxyType(dict(values.get("pools", {}))),
        kitchens=MappingProxyType(
            {KitchenName(name): _policy(table) for name, table in values.get("kitchens", {}).items()}
        ),
    )


def _runtime(table: Mapping[str, Any]) -> Runtime:
    defaults = Runtime()
    return Runtime(
        kind=table.get("kind", defaults.kind),
        image=None if "build" in table else table.get("image", defaults.image),
        build=table.get("build"),
        requirements=table.get("requirements"),
        packages=tuple(sorted(set(table.get("packages", ())))),
        network=table.get("network", defaults.network),
        memory=size(table["memory"]) if "memory" in table else defaults.memory,
        cpus=table.get("cpus", defaults.cpus),
        pids=table.get("pids", defaults.pids),
        log_limit=size(table["log_limit"]) if "log_limit" in table else defaults.log_limit,
        disk=size(table["disk"]) if "disk" in table else defaults.disk,
        idle=seconds(table["idle"]) if "idle" in table else None,
    )


def _connection(name: str, table: Mapping[str, Any]) -> Connection:
    return Connection(name=name, url=table["url"], gate_url=table.get("gate", {}).get("url"))


def _gate(table: Mapping[str, Any]) -> GateSettings:
    return GateSettings(
        variation=table.get("variation", GateSettings().variation),
        shared=tuple(map(_inside, table.get("shared", ()))),
        quality=tuple(table.get("quality", ())),
        sign=table.get("sign", False),
        retries=table.get("retries", 0),
    )


def _inside(path: str) -> str:
    """The path as git says it; the whole tree is `""`."""
    plain = posixpath.normpath(path)
    return "" if plain == "." else plain


def _policy(table: Mapping[str, Any]) -> Policy:
    parent = table.get("parent")
    return Policy(
        protected=table.get("protected", False),
        isolation=table.get("isolation"),
        parent=None if parent is None else KitchenName(parent),
        signed=table.get("signed", False),
        freeze=tuple(map(read_freeze, table.get("freeze", ()))),
        approvals=table.get("approvals", 0),
    )

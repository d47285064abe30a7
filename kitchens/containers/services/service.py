"""One service: a container of a stock image, as its image means it to run."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Mapping
from typing import Any

from kitchens.containers import networks, objects
from kitchens.containers.engine import Engine, Image, Unusable
from kitchens.containers.processes import folder_of_first
from kitchens_engine.recipe import EMPTY
from kitchens_engine.tuples import NamedTuple

#: Where stock images of databases look for what to run on new data.
INIT = "/docker-entrypoint-initdb.d"
#: Where seeds lie while they are copied, and the mark of a container whose volumes are still to get them.
SEED = "/.kitchens-seed"
_MARKS, _NEW = "/.kitchens", "new"
_LISTENS = "0A"
_NOT_FOUND = (126, 127)
#: A health command that takes longer than this is asked again.
_PATIENCE = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.03, 0.5


class Spec(NamedTuple):
    """Everything that makes a service's container what it is.

    `env` is public, `secret` what must be seen nowhere; `volumes` are folders inside;
    `files` go to the init folder; `key` (hex) is the hash of all but the secrets.
    """

    name: str
    image: Image
    key: str
    command: tuple[str, ...] | None = None
    port: int | None = None
    health: str | None = None
    env: Mapping[str, str] = EMPTY
    secret: Mapping[str, str] = EMPTY
    volumes: tuple[str, ...] = ()
    files: Mapping[str, bytes] = EMPTY
    needs: tuple[str, ...] = ()
    ready_within: float = 60.0
    memory: int | None = None


class Fresh(NamedTuple):
    """What a container is made with beside its spec: its name, labels and places.

    `volumes` maps folders inside to names of volumes; `inside` is the kitchen's network;
    `published` the port on 127.0.0.1, through `ports`, the network for that. `seeds` maps
    folders inside to the volumes with whose content they begin; a folder without a volume
    of a name gets one that goes with the container.
    """

    name: str
    labels: Mapping[str, str]
    inside: str
    volumes: Mapping[str, str] = EMPTY
    published: int | None = None
    ports: str | None = None
    seeds: Mapping[str, str] = EMPTY


def volumes_of(image: Image, asked: tuple[str, ...] | None) -> tuple[str, ...]:
    """The folders that outlive a container: those asked for, else those that the image names."""
    return tuple(sorted(image.config.get("Volumes") or ())) if asked is None else asked


def create(engine: Engine, spec: Spec, fresh: Fresh) -> str:
    """A container that was not started yet; its id. It keeps its image's user and the engine's default capabilities,
    which stock images need."""
    config = spec.image.config
    command = [*(config.get("Entrypoint") or ()), *(spec.command or config.get("Cmd") or ())]
    if spec.command is None and not command:
        raise Unusable(
            f"the image `{spec.image.name}` says nothing of what to run; give `command` in `[services.{spec.name}]`"
        )
    settings: dict[str, Any] = {
        "name": fresh.name,
        "hostname": spec.name,
        "labels": dict(fresh.labels),
        "environment": dict(spec.env),
        "healthcheck": {"test": ["NONE"]},
        "stdin_open": bool(spec.secret),
    }
    if spec.secret or fresh.seeds:
        settings["entrypoint"] = ["/bin/sh", "-c", _script(spec, fresh), "kitchens"]
        settings["command"] = command
    elif spec.command is not None:
        settings["command"] = list(spec.command)
    mounts: list[dict[str, Any]] = [
        {
            "Type": "volume",
            "Target": path,
            **({"Source": fresh.volumes[path]} if path in fresh.volumes else {}),
        }
        for path in spec.volumes
    ]
    for number, name in enumerate(fresh.seeds.values()):
        mounts.append({"Type": "volume", "Source": name, "Target": f"{SEED}/{number}", "ReadOnly": True})
    limits: dict[str, Any] = {
        "mounts": mounts,
        "network_mode": fresh.ports or fresh.inside,
        "log_config": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}},
    }
    if fresh.published is not None and spec.port is not None:
        settings["ports"] = [spec.port]
        limits["port_bindings"] = {spec.port: ("127.0.0.1", fresh.published)}
    if spec.memory is not None:
        limits["mem_limit"] = limits["memswap_limit"] = spec.memory
    with engine.asked(f"service `{spec.name}` could not be made") as api:
        endpoint = api.create_endpoint_config(aliases=[spec.name])
        networking = None if fresh.ports else api.create_networking_config({fresh.inside: endpoint})
        container = str(
            api.create_container(
                spec.image.id,
                host_config=api.create_host_config(**limits),
                networking_config=networking,
                **settings,
            )["Id"]
        )
    try:
        if fresh.ports:
            networks.join(engine, fresh.inside, container, spec.name)
        if spec.files:
            objects.put_files(engine, container, INIT, spec.files)
        if fresh.seeds:
            objects.put_files(engine, container, _MARKS, {_NEW: b""}, mode=0o777)
    except BaseException:
        engine.remove(container)
        raise
    return container


def start(engine: Engine, spec: Spec, container: str) -> None:
    """Start it, and hand its secrets to its first process: over its standard input, which leaves no trace in the
    engine, on a disk, in an image or in an argument list."""
    if not spec.secret:
        engine.start(container)
        return
    words = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in spec.secret.items())
    mark = f"# {os.urandom(8).hex()}"
    with_mark = f"{mark}\n{words}{mark}\n"
    stream = engine.start_attached(container)
    try:
        stream.send(with_mark.encode())
    except OSError:
        pass  # it ended at once: whoever waits for it will see
    finally:
        stream.close()


def is_ready(engine: Engine, spec: Spec, container: str) -> bool:
    """Whether it listens to its port and its health command succeeds: both, since a stock image's server may answer
    on its local socket while it still runs its init scripts. Raises `Unusable` when nobody can tell."""
    if spec.port is not None and not _listens(engine, spec, container):
        return False
    command = _health(spec)
    if command is None:
        return spec.port is not None or _is_running(engine, container)
    status = objects.run_in(engine, container, command, spec.secret, _PATIENCE)
    if status in _NOT_FOUND:
        raise Unusable(f"its health command ended with {status}: it is not in its image")
    return status == 0


class Wait:
    """The pauses between two looks at services that start: short at first, longer later."""

    def __init__(self) -> None:
        self._pause = _FIRST_PAUSE

    def __call__(self) -> None:
        """Wait once more."""
        time.sleep(self._pause)
        self._pause = min(self._pause * 1.3, _LONGEST_PAUSE)


def says_so(spec: Spec) -> bool:
    """Whether anything but its running shows that it is ready: a port or a health command."""
    return spec.port is not None or _health(spec) is not None


def _health(spec: Spec) -> list[str] | None:
    """The command that tells: the cookbook's, else the image's own."""
    if spec.health is not None:
        return ["/bin/sh", "-c", spec.health]
    match (spec.image.config.get("Healthcheck") or {}).get("Test"):
        case ["CMD", *words]:
            return words
        case ["CMD-SHELL", line]:
            return ["/bin/sh", "-c", line]
    return None


def _listens(engine: Engine, spec: Spec, container: str) -> bool:
    if (seen := _seen_from_here(engine, container)) is not None:
        return is_listening(seen, spec.port or 0)
    written = objects.read_in(engine, container, ["cat", "/proc/net/tcp", "/proc/net/tcp6"])
    if written is None:
        # Without IPv6 the second file is missing; without `cat` there is nothing to ask.
        written = objects.read_in(engine, container, ["cat", "/proc/net/tcp"])
    if written is None:
        if spec.health is not None or not _is_running(engine, container):
            return spec.health is not None
        raise Unusable(
            "whether it listens to its port cannot be seen: its image has no `cat`;"
            f" give a `health` command in `[services.{spec.name}]`"
        )
    return is_listening(written.decode("ascii", "replace"), spec.port or 0)


def _seen_from_here(engine: Engine, container: str) -> str | None:
    """The tables of listeners of a container on this very machine; None where its processes cannot be seen."""
    folder = folder_of_first(engine, container, objects.state_of(engine, container))
    if folder is None:
        return None
    try:
        return "".join((folder / "net" / name).read_text(encoding="ascii") for name in ("tcp", "tcp6"))
    except OSError:
        return None


def is_listening(table: str, port: int) -> bool:
    """Whether `/proc/net/tcp` names a listener on this port that others than the container itself can reach."""
    for line in table.splitlines():
        words = line.split()
        if len(words) > 3 and words[3] == _LISTENS:
            address, _, number = words[1].rpartition(":")
            if int(number, 16) == port and not address.endswith(
                ("0100007F", "00000000000000000000000001000000")
            ):
                return True
    return False


def _is_running(engine: Engine, container: str) -> bool:
    return bool(objects.state_of(engine, container).get("Running"))


def _script(spec: Spec, fresh: Fresh) -> str:
    """What runs before the image's own entry: new volumes get the seed's content, then the secrets come in."""
    lines = ["set -e"]
    if fresh.seeds:
        lines.append(f"if [ -e {_MARKS}/{_NEW} ]; then")
        for number, path in enumerate(fresh.seeds):
            target, source = shlex.quote(path), f"{SEED}/{number}"
            lines.append(
                f"cp -a --reflink=auto {source}/. {target}/ 2>/dev/null || cp -a {source}/. {target}/"
            )
        lines += [f"rm {_MARKS}/{_NEW}", "fi"]
    if spec.secret:
        lines += [
            "IFS= read -r kitchens_mark; kitchens_said=",
            'while IFS= read -r kitchens_line && [ "$kitchens_line" != "$kitchens_mark" ]; do',
            'kitchens_said="$kitchens_said$kitchens_line',
            '"; done',
            'eval "$kitchens_said"; unset kitchens_said kitchens_line kitchens_mark',
        ]
    return "\n".join([*lines, 'exec "$@" </dev/null'])

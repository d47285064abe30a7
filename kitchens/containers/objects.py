"""What lies on an engine under our labels: containers, networks, volumes."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kitchens.containers.engine import Attached, ContainerEnded, Engine
from kitchens.containers.frames import Frames
from kitchens.containers.wire.unix import Missing, Refusal
from kitchens_engine.errors import KitchensError
from kitchens_engine.tuples import NamedTuple

#: How often a command that runs by itself in a container is asked whether it has ended, in seconds.
_POLL = 0.02


class Found(NamedTuple):
    """A container: `state` is the engine's word, such as `running`, `paused` or `exited`; `mounts` are its folders that
    lie elsewhere, `networks` those that it is in, by id; one that was never started has their names in places."""

    id: str
    name: str
    state: str
    image: str
    labels: Mapping[str, str]
    mounts: tuple[str, ...] = ()
    networks: frozenset[str] = frozenset()


def containers(engine: Engine, *labels: str) -> list[Found]:
    """The containers, running or not, that carry all the labels (`name` or `name=value`)."""
    with engine.asked("the engine could not list its containers") as api:
        found = api.containers(all=True, filters={"label": list(labels)})
    return [
        Found(
            one["Id"],
            one["Names"][0].lstrip("/") if one["Names"] else "",
            one["State"],
            one["ImageID"],
            one["Labels"],
            tuple(mount["Destination"] for mount in one.get("Mounts", ()) if mount.get("RW")),
            frozenset(
                place.get("NetworkID") or name
                for name, place in ((one.get("NetworkSettings") or {}).get("Networks") or {}).items()
            ),
        )
        for one in found
    ]


def state_of(engine: Engine, container: str) -> Mapping[str, Any]:
    """`State` as the engine tells it; empty when the container is gone."""
    with engine.asked("the container could not be looked up") as api:
        try:
            state: dict[str, Any] = api.inspect_container(container)["State"]
        except Missing:
            return {}
    return state


def networks(engine: Engine, *labels: str) -> list[str]:
    """The ids of the networks that carry all the labels."""
    with engine.asked("the engine could not list its networks") as api:
        return [one["Id"] for one in api.networks(filters={"label": list(labels)})]


def remove_network(engine: Engine, network: str) -> bool:
    """Remove it; False when something is still in it. One that is gone is gone."""
    with engine.asked("a network could not be removed") as api:
        try:
            api.remove_network(network)
        except Missing:
            return True
        except Refusal:
            return False
    return True


def volumes(engine: Engine, *labels: str) -> list[tuple[str, Mapping[str, str]]]:
    """Name and labels of the volumes that carry all the labels."""
    with engine.asked("the engine could not list its volumes") as api:
        found = api.volumes(filters={"label": list(labels)})["Volumes"] or []
    return [(one["Name"], one["Labels"] or {}) for one in found]


def make_volume(engine: Engine, name: str, labels: Mapping[str, str]) -> None:
    """A volume of this name; the one that is there already stays as it is."""
    with engine.asked(f"the volume `{name}` could not be made") as api:
        api.create_volume(name=name, labels=dict(labels))


def remove_volume(engine: Engine, name: str) -> bool:
    """Remove it with what is in it; False when a container still holds it. One that is gone is gone."""
    with engine.asked(f"the volume `{name}` could not be removed") as api:
        try:
            api.remove_volume(name)
        except Missing:
            return True
        except Refusal:
            return False
    return True


def pause(engine: Engine, container: str) -> None:
    """Freeze its processes; they keep their memory."""
    with engine.asked("a container could not be paused") as api:
        api.pause(container)


def resume(engine: Engine, container: str) -> None:
    """Let paused processes go on."""
    with engine.asked("a container could not be resumed") as api:
        api.unpause(container)


def run_in(
    engine: Engine, container: str, command: Sequence[str], environment: Mapping[str, str], patience: float
) -> int | None:
    """Run a command in a running container as its own user, unheard; its status, None when it took too long."""
    with engine.asked("a command in the container was lost") as api:
        call = api.exec_create(
            container, list(command), environment=dict(environment), stdout=False, stderr=False
        )
        api.exec_start(call["Id"], detach=True)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            facts = api.exec_inspect(call["Id"])
            if not facts["Running"] and facts["ExitCode"] is not None:
                return int(facts["ExitCode"])
            time.sleep(_POLL)
    return None


def read_in(engine: Engine, container: str, command: Sequence[str]) -> bytes | None:
    """What a command in a running container writes; None when it fails, or is not there."""
    written: list[bytes] = []
    try:
        status = engine.execute(container, list(command), {}, written.append)
    except ContainerEnded:
        return None
    return None if status else b"".join(written)


def put_files(
    engine: Engine, container: str, folder: str, files: Mapping[str, bytes], mode: int = 0o755
) -> None:
    """Write files into a container's own file system, its folders made on the way; everybody may read them."""
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        made = ""
        for part in folder.strip("/").split("/"):
            made = f"{made}{part}/"
            entry = tarfile.TarInfo(made)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            archive.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(made + name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    with engine.asked("files could not be put into a container") as api:
        api.put_archive(container, "/", buffer.getvalue())


def log_of(
    engine: Engine, container: str, lines: int | None = None, *, follow: bool = False
) -> Iterator[bytes]:
    """What a container wrote, the last `lines` of it or all, in pieces as they come; with `follow` until it ends."""
    with engine.asked("a container's log could not be read") as api:
        api.timeout, before = None if follow else api.timeout, api.timeout
        try:
            pieces = api.logs(container, stream=True, follow=follow, tail="all" if lines is None else lines)
            yield from pieces
        finally:
            api.timeout = before


def last_lines(engine: Engine, container: str, lines: int) -> list[str]:
    """The last lines that a container wrote; none when that cannot be read any more."""
    try:
        return b"".join(log_of(engine, container, lines)).decode("utf-8", "replace").splitlines()
    except KitchensError:
        return []


def talk_in(
    engine: Engine,
    container: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    terminal: bool,
    folder: str | None = None,
    watched: bool = False,
) -> tuple[str, Attached]:
    """Start a command in a running container as its own user: its id, and the stream to it, which ends with the engine
    where somebody has it `watched`."""
    with engine.asked("the command could not be started in the container") as api:
        call = api.exec_create(
            container, list(command), environment=dict(environment), stdin=True, tty=terminal, workdir=folder
        )["Id"]
        held = api.exec_start(call, socket=True, tty=terminal)
        return call, Attached(container, held, engine.require_life if watched else None)


def status_in(engine: Engine, call: str) -> int | None:
    """With which status the command of this id ended, whose output has ended; None while it has not."""
    return engine.status_of(call)


def resize(engine: Engine, call: str, rows: int, columns: int) -> None:
    """Tell the terminal of a running command how large it is."""
    with suppress(KitchensError), engine.asked("a terminal could not be resized") as api:
        api.exec_resize(call, height=rows, width=columns)


def usage(engine: Engine, container: str) -> tuple[int | None, int]:
    """Bytes of memory that a running container has in use (None where the engine cannot tell), and bytes that it wrote into
    its own file system."""
    with engine.asked("the container could not be looked up") as api:
        memory = api.stats(container, stream=False, one_shot=True).get("memory_stats", {})
        size = api.containers(all=True, size=True, filters={"id": container})
    used = memory.get("usage", 0) - memory.get("stats", {}).get("inactive_file", 0)
    memory_used = None if "memory" in engine.lifts else max(0, used)
    return memory_used, size[0].get("SizeRw") or 0 if size else 0


def frames_of(stream: Attached) -> Iterator[tuple[int, bytes]]:
    """What comes from a command without a terminal: 1 for its output, 2 for its errors, each with a piece."""
    frames = Frames()
    while data := stream.receive():
        yield from frames.feed(data)

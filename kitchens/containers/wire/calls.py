"""What we ask of an engine over its local socket. Names, arguments and answers are the SDK's, for which this stands in."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import IO, Any

from kitchens.containers.frames import Frames
from kitchens.containers.wire import unix
from kitchens.containers.wire.unix import Answer, Missing, NoImage

#: Options of a container and of its host, as the SDK calls them and as the engine does.
_OWN = {
    "user": "User", "labels": "Labels", "hostname": "Hostname", "working_dir": "WorkingDir", "tty": "Tty",
    "network_disabled": "NetworkDisabled", "entrypoint": "Entrypoint", "command": "Cmd", "host_config": "HostConfig",
    "networking_config": "NetworkingConfig",
}  # fmt: skip
_HOST = {
    "network_mode": "NetworkMode", "cap_drop": "CapDrop", "cap_add": "CapAdd", "security_opt": "SecurityOpt", "read_only": "ReadonlyRootfs",
    "tmpfs": "Tmpfs", "mounts": "Mounts", "mem_limit": "Memory", "memswap_limit": "MemorySwap", "nano_cpus": "NanoCpus",
    "pids_limit": "PidsLimit", "ipc_mode": "IpcMode", "userns_mode": "UsernsMode", "init": "Init",
    "auto_remove": "AutoRemove", "log_config": "LogConfig",
}  # fmt: skip


#: An engine that was told how long a container may take to end takes a while longer, in seconds.
_STOPS = 60


class Calls:
    """`version` is that of the engine's interface; `timeout` how many seconds an answer may keep silent (None: for ever,
    as long as the engine is there). What is not here is the SDK's: `rest` gives that.
    """

    def __init__(self, path: str, version: str, rest: Callable[[], Any]) -> None:
        self._path = path
        self._version = version
        self._rest = rest
        self.timeout: float | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rest(), name)

    def info(self) -> Any:
        """What the engine says of itself."""
        return self._get("/info").value()

    # Containers.

    def containers(self, *, all: bool = False, size: bool = False, filters: Any = None) -> Any:
        """The containers, running ones or all."""
        return self._get("/containers/json", all=int(all), size=int(size), filters=_filters(filters)).value()

    def inspect_container(self, container: str) -> Any:
        """All of one."""
        return self._get(f"/containers/{container}/json").value()

    def create_host_config(
        self, *, port_bindings: Mapping[int, tuple[str, int]] | None = None, **options: Any
    ) -> Any:
        """The host's side of a container."""
        host = {_HOST[name]: value for name, value in options.items() if value is not None}
        if port_bindings is not None:
            host["PortBindings"] = {
                f"{port}/tcp": [{"HostIp": address, "HostPort": str(published)}]
                for port, (address, published) in port_bindings.items()
            }
        return host

    def create_endpoint_config(self, *, aliases: list[str] | None = None) -> Any:
        """A container's place in a network."""
        return {"Aliases": aliases} if aliases else {}

    def create_networking_config(self, endpoints: Mapping[str, Any]) -> Any:
        """A container's networks."""
        return {"EndpointsConfig": dict(endpoints)}

    def create_container(
        self,
        image: str,
        *,
        name: str | None = None,
        environment: Mapping[str, str] | None = None,
        ports: Sequence[int] = (),
        healthcheck: Mapping[str, Any] | None = None,
        stdin_open: bool = False,
        **options: Any,
    ) -> Any:
        """A container that is not started yet. NoImage when the engine lacks the image."""
        config = {_OWN[each]: value for each, value in options.items() if value is not None} | {
            "Image": image,
            "OpenStdin": stdin_open,
            "StdinOnce": stdin_open,
            "AttachStdin": stdin_open,
            "AttachStdout": True,
            "AttachStderr": True,
            "Env": [f"{each}={value}" for each, value in (environment or {}).items()],
            "ExposedPorts": {f"{port}/tcp": {} for port in ports},
        }
        if healthcheck is not None:
            config["Healthcheck"] = {"Test": healthcheck["test"]}
        try:
            return self._post("/containers/create", config, **({"name": name} if name else {})).value()
        except Missing as error:
            raise NoImage(error.status_code, error.explanation) from error

    def start(self, container: str) -> None:
        """Start it."""
        self._post(f"/containers/{container}/start").value()

    def stop(self, container: str, timeout: int = 10) -> None:
        """End it, by force after `timeout` seconds."""
        self._ask("POST", f"/containers/{container}/stop", {"t": timeout}, limit=timeout + _STOPS).value()

    def wait(self, container: str, timeout: float | None = None, condition: str | None = None) -> Any:
        """Wait until it has ended, or until what `condition` says."""
        parameters = {"condition": condition} if condition else {}
        return self._ask("POST", f"/containers/{container}/wait", parameters, limit=timeout).value()

    def pause(self, container: str) -> None:
        """Freeze it."""
        self._post(f"/containers/{container}/pause").value()

    def unpause(self, container: str) -> None:
        """Let it go on."""
        self._post(f"/containers/{container}/unpause").value()

    def remove_container(self, container: str, *, force: bool = False, v: bool = False) -> None:
        """Remove it."""
        self._delete(f"/containers/{container}", force=int(force), v=int(v))

    def attach_socket(self, container: str, params: Mapping[str, Any]) -> socket.socket:
        """The raw stream to its first process."""
        return self._stream(f"/containers/{container}/attach", None, params)

    def put_archive(self, container: str, path: str, data: bytes | IO[bytes]) -> None:
        """Unpack a tar archive in it."""
        self._ask("PUT", f"/containers/{container}/archive", {"path": path}, data).value()

    def get_archive(self, container: str, path: str) -> tuple[Iterator[bytes], dict[str, Any]]:
        """A tar archive of what lies there, and facts of that."""
        answer = self._get(f"/containers/{container}/archive", path=path)
        facts = json.loads(base64.b64decode(answer.headers["x-docker-container-path-stat"]))
        return answer.pieces(), facts

    def logs(
        self, container: str, *, stream: bool = True, follow: bool = False, tail: int | str = "all"
    ) -> Iterator[bytes]:
        """What it wrote, in pieces."""
        answer = self._get(f"/containers/{container}/logs", stdout=1, stderr=1, follow=int(follow), tail=tail)
        frames = Frames()
        with closing(answer.pieces()) as pieces:
            for piece in pieces:
                yield from (written for _, written in frames.feed(piece))

    def stats(self, container: str, *, stream: bool = False, one_shot: bool = True) -> Any:
        """What it takes of the machine."""
        parameters = {"stream": int(stream), "one-shot": int(one_shot)}
        return self._ask("GET", f"/containers/{container}/stats", parameters).value()

    # Commands in containers.

    def exec_create(
        self,
        container: str,
        cmd: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stdin: bool = False,
        stdout: bool = True,
        stderr: bool = True,
        tty: bool = False,
        user: str = "",
        workdir: str | None = None,
    ) -> Any:
        """A command that is not started yet."""
        call = {
            "User": user, "Tty": tty, "AttachStdin": stdin, "AttachStdout": stdout, "AttachStderr": stderr, "Cmd": list(cmd),
            "Env": [f"{name}={value}" for name, value in (environment or {}).items()],
            **({"WorkingDir": workdir} if workdir else {}),
        }  # fmt: skip
        return self._post(f"/containers/{container}/exec", call).value()

    def exec_start(
        self, call: str, *, socket: bool = False, detach: bool = False, tty: bool = False
    ) -> socket.socket | None:
        """Start it; with `socket` the raw stream to it."""
        body = {"Detach": detach, "Tty": tty}
        if socket:
            return self._stream(f"/exec/{call}/start", body)
        self._post(f"/exec/{call}/start", body).value()
        return None

    def exec_inspect(self, call: str) -> Any:
        """How it goes."""
        return self._get(f"/exec/{call}/json").value()

    def exec_resize(self, call: str, *, height: int, width: int) -> None:
        """Tell its terminal how large it is."""
        self._post(f"/exec/{call}/resize", h=height, w=width).value()

    # Images.

    def inspect_image(self, name: str) -> Any:
        """All of one."""
        return self._get(f"/images/{name}/json").value()

    def images(self, *, filters: Any = None) -> Any:
        """Those that pass the filters."""
        return self._get("/images/json", filters=_filters(filters)).value()

    def remove_image(self, name: str, *, force: bool = False) -> Any:
        """Forget its name, and its layers when nobody needs them."""
        return self._ask("DELETE", f"/images/{name}", {"force": int(force)}).value()

    def commit(self, container: str, repository: str, tag: str, changes: Sequence[str]) -> Any:
        """Make an image of a container's files."""
        more = {"changes": "\n".join(changes)} if changes else {}
        return self._post("/commit", {}, container=container, repo=repository, tag=tag, **more).value()

    # Networks and volumes.

    def networks(self, names: Sequence[str] = (), filters: Any = None) -> Any:
        """Those of these names, or that pass the filters."""
        wanted = dict(filters or {}) | ({"name": list(names)} if names else {})
        return self._get("/networks", filters=_filters(wanted)).value()

    def create_network(self, name: str, **options: Any) -> Any:
        """A network."""
        words = {
            "driver": "Driver", "options": "Options", "ipam": "IPAM", "check_duplicate": "CheckDuplicate",
            "internal": "Internal", "labels": "Labels",
        }  # fmt: skip
        config = {words[each]: value for each, value in options.items()}
        return self._post("/networks/create", {"Name": name, **config}).value()

    def connect_container_to_network(
        self, container: str, network: str, aliases: list[str] | None = None
    ) -> None:
        """Let a container into a network."""
        endpoint = self.create_endpoint_config(aliases=aliases)
        self._post(
            f"/networks/{network}/connect", {"Container": container, "EndpointConfig": endpoint}
        ).value()

    def remove_network(self, network: str) -> None:
        """Remove it."""
        self._delete(f"/networks/{network}")

    def volumes(self, filters: Any = None) -> Any:
        """Those that pass the filters."""
        return self._get("/volumes", filters=_filters(filters)).value()

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """A volume of this name; the one that is there stays as it is."""
        self._post("/volumes/create", {"Name": name, "Labels": dict(labels)}).value()

    def remove_volume(self, name: str) -> None:
        """Remove it with what is in it."""
        self._delete(f"/volumes/{name}")

    # The requests themselves.

    def _get(self, target: str, **parameters: Any) -> Answer:
        return self._ask("GET", target, parameters)

    def _post(self, target: str, body: Mapping[str, Any] | None = None, **parameters: Any) -> Answer:
        return self._ask("POST", target, parameters, body)

    def _delete(self, target: str, **parameters: Any) -> None:
        self._ask("DELETE", target, parameters).value()

    def _ask(
        self,
        method: str,
        target: str,
        parameters: Mapping[str, Any],
        body: Any = None,
        limit: float | None = None,
    ) -> Answer:
        target, limit = f"/v{self._version}{target}", self.timeout if limit is None else limit
        return unix.ask(self._path, method, target, parameters, body, limit=limit)

    def _stream(
        self, target: str, body: Mapping[str, Any] | None, parameters: Mapping[str, Any] | None = None
    ) -> socket.socket:
        target = f"/v{self._version}{target}"
        return unix.ask(
            self._path, "POST", target, parameters, body, limit=self.timeout, stream=True
        ).line.socket


def _filters(filters: Mapping[str, Any] | None) -> str:
    """As the engine reads them: a list for each."""
    lists = {
        name: [value] if isinstance(value, str) else list(value) for name, value in (filters or {}).items()
    }
    return json.dumps(lists)

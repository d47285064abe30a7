"""A Docker engine, as far as kitchens need it: spoken to directly over a local socket, else through the SDK, whose one home
this is."""

from __future__ import annotations

import io
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kitchens.containers.frames import Frames
from kitchens.containers.wire.calls import Calls
from kitchens.containers.wire.unix import Missing, NoImage, Refusal, knock, require_answer
from kitchens_engine.errors import EnvironmentFailure

if TYPE_CHECKING:
    from docker import DockerClient

#: Bytes that are read from a stream at once.
_PIECE = 65536
_PATIENCE_TO_CONNECT = 2
_PATIENCE_TO_GO_ON = 5
#: A busy machine's engine answers the door at once, and takes its time for questions.
_PATIENCE_TO_ASK = 15
_PATIENCE_TO_WORK = 600
#: While a command that somebody watches says nothing, the engine is asked this often (seconds) whether it is there.
_SILENCE = 10.0
_UNIX = "unix://"
_NO_SENSE = 400
_CONFLICT = 409
_PAUSE = 0.005


class EngineUnreachable(EnvironmentFailure):
    """No Docker engine answers, or it stopped to."""

    code = "engine-unreachable"


class ImageMissing(EnvironmentFailure):
    """An image is neither on the engine nor to be had from its registry."""

    code = "image-missing"


class BuildFailed(EnvironmentFailure):
    """A Dockerfile cannot be built; the message is what the builder said."""

    code = "build-failed"


class ContainerEnded(EnvironmentFailure):
    """A container was refused by the engine, or ended while it was needed."""

    code = "container-ended"


class Unusable(ContainerEnded):
    """What was asked of a container can be had on no machine: it names a program that its image lacks, or the like."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image on the engine. `id` is its content digest; `path` its PATH, where it sets one; `digests` are those
    that registries know it by, by repository; `size` is bytes, those of shared layers included;
    `config` is what else it says of its containers, in the engine's own words."""

    name: str
    id: str
    path: str | None
    labels: Mapping[str, str]
    digests: Mapping[str, str]
    size: int
    created: datetime
    config: Mapping[str, Any] = field(default_factory=dict)


class Attached:
    """A started container's id, and the raw stream to its first process: bytes in, frames out."""

    def __init__(self, container: str, held: Any, check: Callable[[], object] | None = None) -> None:
        self.container = container
        self._check = check
        self._held = held
        self._socket: socket.socket = getattr(held, "_sock", held)
        self._socket.settimeout(None)
        self._reader = _buffered(held)

    def send(self, data: bytes) -> None:
        """Write all of it; OSError when nobody reads any more."""
        self._socket.sendall(data)

    def receive(self) -> bytes:
        """What came, waiting for it; empty at the end, and where the check raises that is made while nothing comes."""
        try:
            while self._check is not None and self._reader is None:
                if select.select([self._socket], [], [], _SILENCE)[0]:
                    break
                self._check()
            return self._socket.recv(_PIECE) if self._reader is None else self._reader.read1(_PIECE)
        except (OSError, ValueError, EnvironmentFailure):
            return b""

    def finish(self) -> None:
        """Nothing more is sent: the other side sees the end of its input."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End the stream, and with it the input of the container's first process."""
        with suppress(OSError):  # the engine may have closed it first
            self._socket.shutdown(socket.SHUT_RDWR)
        # The SDK's reader and its response each hold the socket open.
        self._socket.close()
        for holder in (getattr(self._held, "_response", None), self._held):
            if holder is not None:
                holder.close()


def _buffered(held: Any) -> io.BufferedReader | None:
    """What the SDK read the answer's head through: a quick command's first words may lie in it already."""
    reader = getattr(getattr(getattr(getattr(held, "_response", None), "raw", None), "_fp", None), "fp", None)
    return reader if isinstance(reader, io.BufferedReader) else None


def connect(environment: Mapping[str, str]) -> Engine:
    """The engine that `DOCKER_HOST` names, else the one at a usual socket. EngineUnreachable within 2 s when nothing
    answers at a local socket."""
    address = _address(environment)
    version = _knock(address)

    def client() -> DockerClient:
        import docker

        settings = {**environment, "DOCKER_HOST": address}
        return docker.from_env(
            environment=settings, timeout=_PATIENCE_TO_ASK, version="auto", use_ssh_client=True
        )

    with _said(f"the Docker engine at `{address}` does not answer"):
        sdk = Sdk(client)
        api = Calls(address.removeprefix(_UNIX), version, lambda: sdk) if version else sdk
        api.timeout = _PATIENCE_TO_ASK
        facts = api.info()
        api.timeout = _PATIENCE_TO_WORK
    return Engine(sdk, api, address, facts)


class Sdk:
    """The SDK's low-level client, made when it is needed first; what it raises is what `Calls` raises."""

    def __init__(self, make: Callable[[], DockerClient]) -> None:
        self._make = make

    @cached_property
    def client(self) -> DockerClient:
        """The client itself."""
        client = self._make()
        client.api.timeout = _PATIENCE_TO_WORK
        return client

    @property
    def timeout(self) -> float | None:
        """How many seconds an answer may keep silent."""
        found: float | None = self.client.api.timeout
        return found

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        self.client.api.timeout = seconds  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        act = getattr(self.client.api, name)

        def translated(*words: Any, **options: Any) -> Any:
            import docker.errors

            try:
                return act(*words, **options)
            except docker.errors.APIError as error:
                status = int(error.status_code or 0)
                kind = Missing if isinstance(error, docker.errors.NotFound) else Refusal
                if isinstance(error, docker.errors.ImageNotFound):
                    kind = NoImage
                raise kind(status, str(error.explanation or error)) from error

        return translated

    def close(self) -> None:
        """Give back its connections, if it has any."""
        if "client" in self.__dict__:
            self.client.close()


#: What an engine says of itself where it can hold containers to a limit.
_LIMITS = {"memory": "MemoryLimit", "cpus": "CpuCfsQuota", "pids": "PidsLimit"}


class Engine:
    """A Docker engine that answered. Every method raises EnvironmentFailure when it no longer does."""

    def __init__(self, sdk: Sdk, api: Any, address: str, facts: Mapping[str, Any]) -> None:
        self._sdk = sdk
        self._api = api
        self.address = address
        self.version = str(facts.get("ServerVersion", ""))
        security = " ".join(facts.get("SecurityOptions") or ())
        self.rootless = "name=rootless" in security
        self.remaps_users = "name=userns" in security
        #: The limits, by their keys in `[runtime]`, that it holds nobody to: a rootless one without cgroups holds to none.
        self.lifts = tuple(key for key, fact in _LIMITS.items() if facts.get(fact) is False)

    @contextmanager
    def asked(self, what: str) -> Iterator[Any]:
        """The SDK's calls, for the modules of this room: what they raise becomes one of ours, with `what`."""
        with _said(what):
            yield self._api

    def require_answer(self) -> None:
        """Raise EngineUnreachable within 5 s when a local engine is gone, or stopped."""
        _knock(self.address, _PATIENCE_TO_GO_ON)

    def require_life(self) -> None:
        """The same with more patience, for whoever waits for something that takes its time."""
        if self.address.startswith(_UNIX):
            with _said(f"the Docker engine at `{self.address}` does not answer"):
                require_answer(self.address.removeprefix(_UNIX))

    def image(self, name: str) -> Image | None:
        """The image of this name or id, or None when the engine has none."""
        with _said(f"the engine could not look up the image `{name}`"):
            try:
                facts: dict[str, Any] = self._api.inspect_image(name)
            except Missing:
                return None
        config = facts.get("Config") or {}
        variables = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
        return Image(
            name,
            facts["Id"],
            variables.get("PATH") or None,
            config.get("Labels") or {},
            dict(entry.partition("@")[::2] for entry in facts.get("RepoDigests") or ()),
            int(facts.get("Size") or 0),
            _time(facts.get("Created")),
            config,
        )

    def images(self, repository: str) -> list[str]:
        """The names, each with its tag, of the images in a repository."""
        with _said("the engine could not list its images"):
            found = self._api.images(filters={"reference": repository})
        names = [name for entry in found for name in entry.get("RepoTags") or ()]
        return [name for name in names if name.rpartition(":")[0] == repository]

    def pull(self, name: str, said: Callable[[str], object] = lambda line: None) -> Image:
        """Fetch an image from its registry, saying how far it is; ImageMissing when it cannot be had."""
        import docker.errors

        repository, mark, digest = name.partition("@")
        layers: dict[str, tuple[int, int]] = {}
        wrong = None
        try:
            for step in self._sdk.client.api.pull(
                repository, tag=digest if mark else None, stream=True, decode=True
            ):
                wrong = step.get("error", wrong)  # the stream is read to its end, which gives it back
                detail = step.get("progressDetail") or {}
                if "total" in detail:
                    layers[step.get("id", "")] = (detail.get("current", 0), detail["total"])
                    done, total = (sum(part) / 1e6 for part in zip(*layers.values(), strict=True))
                    said(f"{done:.0f} of {total:.0f} MB")
        except docker.errors.APIError as error:
            raise _not_had(name, _words(error)) from error
        except Exception as error:  # what requests and urllib3 raise has no common root with docker's
            raise EngineUnreachable(f"the image `{name}` could not be had: {error}") from error
        if wrong is not None:
            raise _not_had(name, _first_line(wrong))
        image = self.image(name)
        if image is None:
            raise _not_had(name, "the engine does not have it after all")
        return image

    def build(self, context: bytes, dockerfile: str, tag: str, arguments: Mapping[str, str]) -> Iterator[str]:
        """Build `tag` from a tar of the context, yielding the lines it says; BuildFailed for a step that does."""
        import docker.errors

        try:
            with _said(f"the image of `{dockerfile}` could not be built"):
                steps = self._sdk.client.api.build(
                    fileobj=io.BytesIO(context),
                    custom_context=True,
                    dockerfile=dockerfile,
                    tag=tag,
                    buildargs=dict(arguments),
                    rm=True,
                    forcerm=True,
                    decode=True,
                )
                wrong = None
                for step in steps:
                    wrong = step.get("error", wrong)
                    yield from str(step.get("stream", "")).splitlines()
        except ContainerEnded as error:
            refused = error.__cause__
            if isinstance(refused, docker.errors.APIError) and refused.is_client_error():
                raise BuildFailed(_words(refused)) from error  # such as a Dockerfile that cannot be read
            raise
        if wrong is not None:
            raise BuildFailed(_first_line(wrong))

    def create(
        self, image: str, command: list[str], settings: Mapping[str, Any], limits: Mapping[str, Any]
    ) -> str:
        """A new container's id. `settings` and `limits` are the SDK's container and host options."""
        with _said(f"no container could be made from `{image}`"):
            host = self._api.create_host_config(**limits)
            return str(
                self._api.create_container(
                    image, entrypoint=command[:1], command=command[1:], host_config=host, **settings
                )["Id"]
            )

    def start(self, container: str) -> None:
        """Start a container that was created."""
        with _said("the container could not be started"):
            self._api.start(container)

    def start_attached(self, container: str) -> Attached:
        """Start a container that was created with an open stdin, holding the stream to its first process.

        When the holder of the stream dies, the container's stdin ends.
        """
        with _said("the container could not be started"):
            wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            held = self._api.attach_socket(container, params=wanted)
            attached = Attached(container, held)
            try:
                self._api.start(container)
            except BaseException:
                attached.close()
                raise
            return attached

    def execute(
        self,
        container: str,
        command: list[str],
        environment: Mapping[str, str],
        log: Callable[[bytes], object],
    ) -> int:
        """Run a command in a running container as root, its output to `log`; its exit status."""
        with _said("a command in the container was lost"):
            call = self._api.exec_create(container, command, environment=dict(environment), user="0:0")
            frames = Frames()
            with closing(
                Attached(container, self._api.exec_start(call["Id"], socket=True), self.require_life)
            ) as attached:
                while data := attached.receive():
                    for _, written in frames.feed(data):
                        log(written)
        status = self.status_of(call["Id"])
        if status is None:
            raise ContainerEnded("a command in the container ended without a status")
        return int(status)

    def status_of(self, call: str) -> int | None:
        """With which status a command in a container ended whose output has ended; None for one that goes on without."""
        deadline = time.monotonic() + _PATIENCE_TO_GO_ON
        while True:
            with _said("a command in the container was lost"):
                facts = self._api.exec_inspect(call)
            status: int | None = facts["ExitCode"]
            # The engine notes the status a moment after it has passed on the last word.
            if (status is not None and not facts["Running"]) or time.monotonic() >= deadline:
                return status
            time.sleep(_PAUSE)

    def commit(self, container: str, repository: str, tag: str, changes: list[str]) -> str:
        """Make an image of a container's files; its id. `changes` are Dockerfile instructions."""
        with _said(f"the image `{repository}:{tag}` could not be stored"):
            return str(self._api.commit(container, repository, tag, changes=changes)["Id"])

    def why_ended(self, container: str) -> str:
        """One sentence on how a container came to its end."""
        try:
            self.require_answer()
            with _said("the container could not be looked up"):
                state = self._api.inspect_container(container)["State"]
        except EnvironmentFailure:
            return "it was removed, or the engine stopped"
        if state.get("OOMKilled"):
            return "it used more memory than `memory` in `[runtime]` allows"
        return f"it ended with status {state.get('ExitCode')}"

    def remove(self, container: str) -> None:
        """End and remove a container with its anonymous volumes. One that is gone is gone."""
        with _said("a container could not be removed"):
            try:
                self._api.remove_container(container, force=True, v=True)
            except Missing:
                return
            except Refusal as error:
                if error.status_code != _CONFLICT:
                    raise
                self._wait_for_removal(container)  # the engine is at it already

    def labelled(self, label: str) -> list[tuple[str, Mapping[str, str]]]:
        """The containers, running or not, that carry `label` (`name` or `name=value`): id and labels."""
        with _said("the engine could not list its containers"):
            found = self._api.containers(all=True, filters={"label": label})
        return [(entry["Id"], entry.get("Labels") or {}) for entry in found]

    def remove_image(self, name: str) -> bool:
        """Forget an image's name, and its layers when no other image needs them. False when a container needs it;
        one that is gone is gone."""
        with _said(f"the image `{name}` could not be removed"):
            try:
                self._api.remove_image(name)
            except Missing:
                return True
            except Refusal as error:
                if error.status_code != _CONFLICT:
                    raise
                return False
        return True

    def close(self) -> None:
        """Give back the connections to the engine."""
        self._sdk.close()

    def _wait_for_removal(self, container: str) -> None:
        with suppress(Missing):
            self._api.wait(container, timeout=30, condition="removed")


def included(context: Path, dockerfile: str) -> set[str]:
    """The paths in a build's context, relative to it, that its `.dockerignore` lets through."""
    import docker.utils

    try:
        lines = (context / ".dockerignore").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    paths: set[str] = docker.utils.exclude_paths(str(context), patterns, dockerfile)
    return paths - {""}


@contextmanager
def _said(what: str) -> Iterator[None]:
    """Turn what the SDK and its HTTP library raise into one of ours, with the sentence `what`."""
    try:
        yield
    except NoImage as error:
        raise ImageMissing(f"{what}: {_words(error)}") from error
    except Refusal as error:
        kind = Unusable if error.status_code == _NO_SENSE else ContainerEnded
        raise kind(f"{what}: {_words(error)}") from error
    except Exception as error:
        # The SDK's, where it was needed: its refusals are errors of the system too, as is all that its HTTP library raises.
        sdk = sys.modules.get("docker.errors")
        if sdk is not None and isinstance(error, sdk.APIError):
            raise ContainerEnded(f"{what}: {_words(error)}") from error
        if isinstance(error, OSError if sdk is None else (OSError, sdk.DockerException)):
            raise EngineUnreachable(f"{what}: {error}", "is the engine running?  `docker version`") from error
        raise


def _words(error: Any) -> str:
    return _first_line(error.explanation or error)


def _not_had(name: str, why: str) -> ImageMissing:
    return ImageMissing(
        f"the image `{name}` could not be had: {why}",
        f"`docker pull {name}` tries again; `docker load` brings it in without a registry",
    )


def _first_line(text: object) -> str:
    return next(iter(str(text).strip().splitlines()), "no reason was given")


def _time(text: str | None) -> datetime:
    """An engine's time, which has nine digits of seconds; the epoch where it is unknown."""
    try:
        return datetime.fromisoformat(f"{(text or '')[:19]}+00:00")
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def _address(environment: Mapping[str, str]) -> str:
    """Where an engine should answer: as told, the system's socket, Docker Desktop's, a rootless one."""
    if told := environment.get("DOCKER_HOST"):
        return told
    usual = [Path("/var/run/docker.sock")]
    if home := environment.get("HOME"):
        usual.append(Path(home, ".docker/run/docker.sock"))
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        usual.append(Path(runtime, "docker.sock"))
    for path in usual:
        if path.is_socket():
            return f"unix://{path}"
    raise EngineUnreachable("no Docker engine runs here", "start Docker, or set DOCKER_HOST")


def _knock(address: str, patience: float = _PATIENCE_TO_CONNECT) -> str:
    """Ask a local socket for an answer: the version of its interface; none for an address of another kind."""
    if not address.startswith(_UNIX):
        return ""
    try:
        return knock(address.removeprefix(_UNIX), patience)
    except OSError as error:
        if error.errno is None and not isinstance(error, TimeoutError):
            raise EngineUnreachable(f"what answers at `{address}` is no Docker engine") from error
        raise EngineUnreachable(
            f"no Docker engine answers at `{address}`: {error.strerror or error}"
        ) from error

"""Runs the processes of one order run in one hardened container, through a small agent in it."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kitchens.containers import owners
from kitchens.containers.engine import Engine, ImageMissing
from kitchens.containers.nodes import agent
from kitchens.containers.nodes.conversation import Silenced
from kitchens.containers.nodes.fifo import Fifo
from kitchens.containers.nodes.listener import Listener
from kitchens.containers.nodes.room import Room, open_room
from kitchens.containers.place import Place
from kitchens.containers.toolchains import certificates
from kitchens.containers.toolchains.image import ImageToolchain
from kitchens_engine.errors import EnvironmentFailure
from kitchens_engine.ports import Command, Ended
from kitchens_engine.state import left
from kitchens_engine.values import in_words

_GRACE = 2.0
#: A process that outlives this many forced ends is beyond reach, and so is its container.
_ROUNDS = 5
#: After this long without a word the agent is asked for one; so many times in vain, and it is lost.
_SILENCE = 8.0
_IN_VAIN = 2
_STATUS_NOT_FOUND = 127
_STATUS_REFUSED = 126
_STATUS_KILLED = 137


@dataclass(slots=True)
class _Node:
    token: str
    log: Path
    evidence: Path
    fifo: Fifo | None = None
    process: int | None = None
    watcher: int | None = None
    forced_at: float | None = None
    rounds: int = 0
    memory_before: int = 0
    out_of_memory: bool = False


class DockerRuntime:
    """The docker runtime: `python` and `worker` are paths in the container.

    It has a container of its own, unless it is given a `room` in another one. Not for use by several threads.
    """

    kind = "docker"

    def __init__(
        self, engine: Engine, toolchain: ImageToolchain, place: Place, room: Room | None = None
    ) -> None:
        self.python = toolchain.python
        self.worker = toolchain.worker
        self._engine = engine
        self._toolchain = toolchain
        self._place = place
        self._nodes: dict[int, _Node] = {}
        self._ended: list[Ended] = []
        self._count = 0
        self._unanswered = 0
        self._quiet_since = 0.0
        self._out_of_memory = 0
        self._lost: str | None = None
        self._closed = False
        self._listener: Listener | None = None
        self._woken = False
        self._environment = _environment(place)
        for folder in (place.data, place.folder):
            folder.mkdir(parents=True, exist_ok=True)
        if room is None:
            owners.sweep(engine)
        self._room = room or open_room(engine, toolchain, place)

    @property
    def container(self) -> str:
        """The id of the container in which nodes run now."""
        return self._room.container

    def start(self, command: Command) -> None:
        """Start it. A program that is not there ends with status 127 and a line in its log.

        After a loss the next process gets a new container.
        """
        if self._lost is not None and not self._recovered():
            self._ended.append(Ended(command.token, 0, self._lost))
            return
        if not self._room.has_python and command.argv[0] == self.python:
            why = f"the image `{self._toolchain.name}` has no python3, which `sql`, `python` and tests need"
            self._refuse(command.token, Path(command.log), _STATUS_NOT_FOUND, why)
            return
        environment = self._inside(command.environment)
        if command.hidden and sys.platform != "linux":
            raise EnvironmentFailure(
                "secrets reach containers on Linux only: logs come back through a named pipe"
            )
        if command.hidden and (odd := agent.in_arguments(environment)):
            why = f"a shell keeps the name `{odd[0]}` for itself, so it would show in an argument list beside secrets"
            self._refuse(command.token, Path(command.log), _STATUS_REFUSED, why)
            return
        if not self._nodes:
            self._quiet_since = time.monotonic()
        self._count += 1
        mark = f"{self._room.mark}.{self._count}."
        log = Path(command.log)
        fifo = Fifo(log.parent / f".said-{mark}", log, command.hidden) if command.hidden else None
        node = _Node(
            command.token, log, log.parent / f".ended-{mark}", fifo, memory_before=self._out_of_memory
        )
        self._nodes[self._count] = node
        job = agent.Job(
            self._count,
            command.argv,
            str(command.folder),
            environment,
            str(command.log if fifo is None else fifo.path),
            str(node.evidence),
            mark,
        )
        self._send(agent.start(job))

    def adopt(self, token: str) -> bool:
        """No: the container of a runner that was killed is swept away when this runtime opens its own."""
        return False

    def listen(self, descriptor: int | None) -> None:
        """From now on `wait` also returns, perhaps with nothing, when `descriptor` can be read. None: no more."""
        if self._listener is not None:
            self._listener.close()
        self._listener = None if descriptor is None else Listener(descriptor, self._wake)

    def wait(self, timeout: float | None) -> Sequence[Ended]:
        """The processes that ended; waits at most `timeout` seconds for the first."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self._take_in(self._patience(deadline))
            self._force(time.monotonic())
            late = deadline is not None and time.monotonic() >= deadline
            if self._ended or self._woken or late or not self._nodes:
                self._woken = False
                ended, self._ended = self._ended, []
                return ended

    def kill(self, token: str) -> None:
        """End the process with all its descendants: asked first, forced after two seconds."""
        for number, node in self._nodes.items():
            if node.token == token and node.forced_at is None:
                node.forced_at = time.monotonic() + _GRACE
                self._signal(number, node, "TERM")

    def close(self) -> None:
        """Remove the container, and with it whatever still runs in it."""
        self._lost, self._closed = self._lost or "the runtime was closed", True
        self.listen(None)
        self._room.close()
        for number in list(self._nodes):
            self._forget(number)

    def _wake(self) -> None:
        self._room.talk.wake()

    def _recovered(self) -> bool:
        if self._closed:
            return False
        try:
            self._engine.require_answer()  # a stopped one would be waited for
            self._room.close()
            self._room = open_room(self._engine, self._toolchain, self._place)
        except ImageMissing:
            self._lost = f"the image `{self._toolchain.name}` was removed while it was needed; the next run makes it anew"
            return False
        except EnvironmentFailure as error:
            self._lost = error.message
            return False
        self._lost, self._unanswered, self._out_of_memory = None, 0, 0
        return True

    def _inside(self, environment: Mapping[str, str]) -> dict[str, str]:
        """A process's variables over the runtime's; what is the caller's own is there already, as it holds inside."""
        own = {n: value for n, value in environment.items() if self._place.environment.get(n) != value}
        return {**self._environment, **own}

    def _send(self, request: bytes) -> None:
        try:
            self._room.talk.say(request)
        except Silenced:
            self._lose()

    def _take_in(self, timeout: float | None) -> None:
        """Hear what the agent says, waiting at most `timeout` seconds for the first word."""
        until = None if timeout is None else time.monotonic() + timeout
        while self._nodes:
            left = _SILENCE if until is None else min(_SILENCE, max(0.0, until - time.monotonic()))
            try:
                answers = self._room.talk.hear(left)
            except Silenced:
                self._lose()
                return
            for words in answers:
                self._hear(words)
            self._woken = self._woken or [] in answers
            if any(answers):  # to be woken is no word of the agent's
                self._unanswered, self._quiet_since = 0, time.monotonic()
            elif time.monotonic() - self._quiet_since >= _SILENCE:
                self._quiet_since = time.monotonic()
                self._ask()
            if answers or left < _SILENCE:
                return

    def _hear(self, words: list[str]) -> None:
        """Take in one answer. What is none, because a node scribbled on the agent's output, is passed over."""
        if len(words) < 2 or not all(word.isdecimal() for word in words[1:]):
            return
        kind, number, value = words[0], int(words[1]), int(words[-1])
        node = self._nodes.get(number)
        if node is None:
            return
        match kind:
            case "watched":
                node.watcher = value
            case "started":
                node.process = value
                if node.forced_at is not None:
                    self._signal(number, node, "TERM")
            case "memory":
                self._out_of_memory = max(self._out_of_memory, value)
                node.out_of_memory = value > node.memory_before
            case "ended":
                self._end(number, node, value)
            case "refused":
                self._forget(number)
                limit = f"this run may have {self._place.limits.pids} at once (`pids` in `[runtime]`)"
                self._refuse(node.token, node.log, _STATUS_REFUSED, f"no process could be started: {limit}")
            case "gone":
                self._forget(number)
                self._ended.append(
                    Ended(node.token, 0, "what watched the process was ended inside the container")
                )

    def _end(self, number: int, node: _Node, status: int) -> None:
        self._forget(number)
        if node.forced_at is not None and node.process is not None:
            self._send(agent.clean_up(node.process, f"{self._room.mark}.{number}."))
        if _evidence(node.evidence) == f"{self._room.mark}.{number}. {status}":
            self._ended.append(Ended(node.token, status, why=self._why(node)))
        else:
            why = f"the process ended with {status}, but its evidence is missing (is the disk full?)"
            self._ended.append(Ended(node.token, status, why))

    def _why(self, node: _Node) -> str | None:
        """The limit that a node met, if it did."""
        if not node.out_of_memory:
            return None
        limit = in_words(self._place.limits.memory)
        return f"the run took more memory than its {limit} (`memory` in `[runtime]`)"

    def _forget(self, number: int) -> _Node:
        """It has ended, and all that it said is in its log."""
        node = self._nodes.pop(number)
        if node.fifo is not None:
            node.fifo.finish()
        return node

    def _signal(self, number: int, node: _Node, signal: str) -> None:
        if node.process is not None:
            self._send(agent.stop(signal, node.process, f"{self._room.mark}.{number}."))

    def _ask(self) -> None:
        self._unanswered += 1
        if self._unanswered > _IN_VAIN:
            self._lose("the container no longer answers")
            return
        watchers = {n: node.watcher for n, node in self._nodes.items() if node.watcher is not None}
        self._send(agent.check(watchers))

    def _force(self, now: float) -> None:
        for number, node in list(self._nodes.items()):
            if node.forced_at is None or node.forced_at > now:
                continue
            node.forced_at = now + _GRACE
            node.rounds += 1
            self._signal(number, node, "KILL")
            if node.rounds > _ROUNDS:
                self._room.discard()
                self._ended.extend(Ended(doomed.token, _STATUS_KILLED) for doomed in self._take_doomed())
                self._lose("the container was ended with a process that nothing else could end")
                return

    def _take_doomed(self) -> list[_Node]:
        """The nodes that were to be killed, which now are."""
        doomed = [number for number, node in self._nodes.items() if node.forced_at is not None]
        return [self._forget(number) for number in doomed]

    def _patience(self, deadline: float | None) -> float | None:
        """Seconds until something must be done, or None when nothing must."""
        if self._ended or not self._nodes:
            return 0.0
        times = [node.forced_at for node in self._nodes.values() if node.forced_at is not None]
        if deadline is not None:
            times.append(deadline)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _refuse(self, token: str, log: Path, status: int, why: str) -> None:
        with contextlib.suppress(OSError):  # a node may have put something else in its place
            left.append(str(log), f"{why}\n")
        self._ended.append(Ended(token, status))

    def _lose(self, why: str | None = None) -> None:
        """The container is out of reach: nothing is known of what ran in it."""
        if self._lost is None:
            self._lost = why or f"the container was lost: {self._room.why_ended()}"
        lost = [self._forget(number) for number in list(self._nodes)]
        self._ended.extend(Ended(node.token, 0, self._lost) for node in lost)


def _environment(place: Place) -> dict[str, str]:
    """The caller's variables that hold inside; with an open network the CA bundle comes along, as a copy."""
    given = certificates.bundle(place.environment) if place.network == "open" else None
    if given is None:
        return certificates.inside(place.environment, None)
    place.folder.mkdir(parents=True, exist_ok=True)
    copy = place.folder / "ca-certificates.crt"
    shutil.copyfile(given, copy)
    return certificates.inside(place.environment, copy)


def _evidence(path: Path) -> str:
    """What the agent wrote last about a process. A link, which only a node could have put there, is none."""
    try:
        text = left.read(str(path), last=256)
        path.unlink()
    except OSError:
        return ""
    return text.decode("ascii", "replace").strip()

"""A run whose nodes have several images: a container for each image, opened when its first node starts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from kitchens.containers.nodes.docker_runtime import DockerRuntime
from kitchens_engine.ports import Command, Ended

#: How long each container has its turn while several are waited for, in seconds: each can be waited for in one way only.
_TURN = 0.01


class SeveralContainers:
    """The docker runtime, with containers beside the first for nodes that have an image of their own.

    `open_other` opens one for an image. Not for use by several threads.
    """

    kind = "docker"

    def __init__(self, first: DockerRuntime, open_other: Callable[[str], DockerRuntime]) -> None:
        self.python = first.python
        self.worker = first.worker
        self._first = first
        self._open_other = open_other
        self._others: dict[str, DockerRuntime] = {}
        self._running: set[str] = set()

    def start(self, command: Command) -> None:
        """Start it in the container of its image."""
        self._running.add(command.token)
        if command.image is None:
            self._first.start(command)
            return
        if command.image not in self._others:
            self._others[command.image] = self._open_other(command.image)
        self._others[command.image].start(command)

    def adopt(self, token: str) -> bool:
        """No, as its first container does not."""
        return self._first.adopt(token)

    def listen(self, descriptor: int | None) -> None:
        """From now on `wait` also returns, perhaps with nothing, when `descriptor` can be read. None: no more."""
        self._first.listen(descriptor)

    def wait(self, timeout: float | None) -> Sequence[Ended]:
        """The processes that ended, in whatever container; waits at most `timeout` seconds for the first."""
        if not self._others:
            return self._known(self._first.wait(timeout))
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            ended = [end for runtime in self._all() for end in runtime.wait(0)]
            late = deadline is not None and time.monotonic() >= deadline
            if ended or late or not self._running:
                return self._known(ended)
            time.sleep(_TURN)

    def kill(self, token: str) -> None:
        """End the process with all its descendants: asked first, forced after two seconds."""
        for runtime in self._all():
            runtime.kill(token)

    def close(self) -> None:
        """Remove the containers, and with them whatever still runs."""
        with ExitStack() as stack:  # one that cannot be removed does not keep the others
            for runtime in self._all():
                stack.callback(runtime.close)

    def _all(self) -> list[DockerRuntime]:
        return [self._first, *self._others.values()]

    def _known(self, ended: Sequence[Ended]) -> Sequence[Ended]:
        self._running.difference_update(end.token for end in ended)
        return ended

"""A process of the worker that lives as long as the run, and does what would else take a process each."""

from __future__ import annotations

import fcntl
import json
import math
import os
import stat
import struct
import termios
import time
from collections import deque
from pathlib import Path
from typing import Any

from kitchens_engine.ports import Command, Runtime

#: The companion that carries out the worker's requests in forks of itself.
FORKS = "forks"
#: The companion that waits for files, URLs and rows.
WAITS = "waits"
#: As long as it takes a worker to start on a machine that is very busy.
_PATIENCE_TO_START = 30.0
#: After it was asked to end a request it ends it within two seconds; then it is stuck itself.
_PATIENCE_TO_KILL = 6.0
#: How much may wait in the pipe. It holds twice as much, so that no request is ever cut.
_WAITING = 32768


class Companion:
    """Asked through a pipe of its own, it answers into `answers`, the pipe of all companions of the run.

    `running` holds the commands that it was asked for. Ends come to whoever reads the answers.
    """

    def __init__(self, name: str, folder: str, answers: str, runtime: Runtime, run: str) -> None:
        self.token = f"#{name}"
        self.ready = False
        self.running: dict[str, Command] = {}
        self._runtime = runtime
        self._killed: dict[str, float] = {}
        #: What the pipe has no room for yet, each with the command that it is about.
        self._held: deque[tuple[str, bytes]] = deque()
        self._opened = time.monotonic()
        path = f"{folder}/{name}"
        self._requests = open_pipe(path)
        runtime.start(
            Command(
                self.token,
                (runtime.python, runtime.worker, name, path, answers),
                Path(folder),
                {"HOME": folder, "PYTHONDONTWRITEBYTECODE": "1", "KITCHEN_RUN": mark_of(run)},
                f"{folder}/{name}.txt",
            )
        )

    def ask(self, command: Command) -> bool:
        """Ask for a command; False when no pipe could hold what there is to be said of it."""
        message = {
            "start": command.token,
            "words": command.argv[2:],
            "folder": str(command.folder),
            "environment": {name: str(value) for name, value in command.environment.items()},
            "log": str(command.log),
        }
        if not self._say(command.token, message):
            return False
        self.running[command.token] = command
        return True

    def kill(self, token: str) -> None:
        """End the process of a command. A companion that cannot even do that is ended itself."""
        if token not in self._killed:
            self._say(token, {"kill": token})
            self._killed[token] = time.monotonic() + _PATIENCE_TO_KILL

    def speak(self) -> bool:
        """Say what is held back, as far as there is room for it; whether nothing is left."""
        while self._held:
            (waiting,) = struct.unpack("i", fcntl.ioctl(self._requests, termios.FIONREAD, b"\0" * 4))
            if waiting + len(self._held[0][1]) > _WAITING:
                return False
            os.write(self._requests, self._held.popleft()[1])
        return True

    def has_begun(self, token: str) -> bool:
        """Whether it may have begun with a command: it is up, and was told of it."""
        return self.ready and all(held != token for held, _ in self._held)

    def is_killed(self, token: str) -> bool:
        """Whether the command was to end."""
        return token in self._killed

    def take(self, token: str) -> Command | None:
        """The command that has ended, or None when it is none of this companion's."""
        self._killed.pop(token, None)
        return self.running.pop(token, None)

    def watch(self) -> None:
        """End it when it is stuck."""
        now = time.monotonic()
        late = not self.ready and now > self._opened + _PATIENCE_TO_START
        if late or any(deadline <= now for deadline in self._killed.values()):
            self._killed = dict.fromkeys(self._killed, math.inf)
            self._runtime.kill(self.token)

    def leave(self) -> None:
        """Nothing is asked any more: it ends by itself, and all that it does with it."""
        os.close(self._requests)

    def _say(self, token: str, message: dict[str, Any]) -> bool:
        line = json.dumps(message).encode() + b"\n"
        if len(line) > _WAITING:
            return False
        self._held.append((token, line))
        self.speak()
        return True


def mark_of(run: str) -> str:
    """`KITCHEN_RUN` of a run's companions, and of their forks as others see them: it begins with the run's id."""
    return f"{run}:companion"


def open_pipe(path: str) -> int:
    """A new named pipe at `path`, open for both ends, so that it neither waits for the other nor breaks with it."""
    Path(path).unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    # A node could have put something else there by now.
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no pipe any more")
    return descriptor

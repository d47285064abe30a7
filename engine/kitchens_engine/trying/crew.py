"""Who carries a command out: a companion where it can and there is one to be had, else the runtime in a process."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kitchens_engine.ports import Command, Ended, Runtime
from kitchens_engine.trying.companion import Companion, open_pipe

#: What a companion that was left takes at most to end.
_PATIENCE = 5.0
#: The status of a command that was to end before anybody began with it: that of SIGTERM.
_STOPPED = 143
#: How long one that is up is given to read on, where more was to be said than its pipe holds.
_BREATH = 0.01


class Crew:
    """Starts, kills and waits as a runtime does. Companions are opened when they are first of use.

    One that ends before its time is not opened again in this run: what it had begun is lost, and
    all that follows takes a process each.
    """

    def __init__(self, runtime: Runtime, folder: Path, run: str) -> None:
        self._runtime = runtime
        self._run = run
        self._folder = f"{folder}/companions"
        self._companions: dict[str, Companion] = {}
        self._gone: set[str] = set()
        self._answers: int | None = None
        self._held = b""
        self._ended: list[Ended] = []

    def start(self, command: Command) -> None:
        """Start it."""
        companion = self._companion(command.companion) if command.companion else None
        if companion is None or not companion.ask(command):
            self._runtime.start(command)

    def kill(self, token: str) -> None:
        """End it with all its descendants. Its end is reported by `wait`."""
        for companion in self._companions.values():
            if token in companion.running:
                companion.kill(token)
                return
        self._runtime.kill(token)

    def wait(self, patience: float) -> Sequence[Ended]:
        """What ended; waits at most so many seconds for the first."""
        if any(companion.ready and not companion.speak() for companion in self._companions.values()):
            patience = min(patience, _BREATH)
        for ended in self._runtime.wait(0.0 if self._ended else patience):
            if not self._is_companion(ended):
                self._ended.append(ended)
        self._hear()
        for companion in self._companions.values():
            companion.watch()
        found, self._ended = self._ended, []
        return found

    def close(self) -> None:
        """Let the companions go, and wait until they are gone."""
        for companion in self._companions.values():
            companion.leave()
        deadline = time.monotonic() + _PATIENCE
        while self._companions and time.monotonic() < deadline:
            for ended in self._runtime.wait(0.1):
                self._is_companion(ended)
        if self._answers is not None:
            self._runtime.listen(None)
            os.close(self._answers)
            self._answers = None

    def _companion(self, name: str) -> Companion | None:
        if name in self._gone:
            return None
        if name not in self._companions:
            try:
                self._companions[name] = self._open(name)
            except OSError:  # a folder that takes no pipes: a process each will do
                self._gone.add(name)
                return None
        return self._companions[name]

    def _open(self, name: str) -> Companion:
        answers = f"{self._folder}/answers"
        if self._answers is None:
            Path(self._folder).mkdir(parents=True, exist_ok=True)
            self._answers = open_pipe(answers)
            self._runtime.listen(self._answers)
        return Companion(name, self._folder, answers, self._runtime, self._run)

    def _hear(self) -> None:
        """Take in what the companions say. What is none of their words, because a node wrote it, is passed over."""
        if self._answers is None:
            return
        with contextlib.suppress(BlockingIOError):
            while True:
                self._held += os.read(self._answers, 1 << 16)
        *lines, self._held = self._held.split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                answer = json.loads(line)
                if isinstance(answer, dict):
                    self._learn(answer)

    def _learn(self, answer: dict[str, Any]) -> None:
        match answer:
            case {"ready": str(name)} if name in self._companions:
                self._companions[name].ready = True
            case {"ended": str(token), "status": int(status)}:
                if self._taken(token) is not None:
                    self._ended.append(Ended(token, status))
            case {"refused": str(token)}:
                if (command := self._taken(token)) is not None:
                    self._runtime.start(command)

    def _taken(self, token: str) -> Command | None:
        taken = (companion.take(token) for companion in self._companions.values())
        return next((command for command in taken if command is not None), None)

    def _is_companion(self, ended: Ended) -> bool:
        """Whether it was a companion that ended. What it had begun is lost; what it had not is started anew."""
        name = ended.token.removeprefix("#")
        companion = self._companions.get(name) if ended.token.startswith("#") else None
        if companion is None:
            return False
        self._hear()
        del self._companions[name]
        self._gone.add(name)
        for token, command in companion.running.items():
            if not companion.has_begun(token):
                if companion.is_killed(token):
                    self._ended.append(Ended(token, _STOPPED))
                else:
                    self._runtime.start(command)
            elif ended.why is not None:
                self._ended.append(Ended(token, ended.status, why=ended.why))
            else:
                self._ended.append(Ended(token, 0, "the process that it was forked from has ended"))
        return True

"""A keeper as its runner sees it: requests go in, answers come out."""

from __future__ import annotations

import errno
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

from kitchens_engine.ports import Command, Ended
from kitchens_engine.runtimes import frames, keeper
from kitchens_engine.runtimes.ceiling import Group
from kitchens_engine.runtimes.ledger import LOST
from kitchens_engine.runtimes.processes import Owner

_ENGINE = str(Path(keeper.__file__).parents[2])
#: No site packages, nothing of the environment: an interpreter starts three times as quickly without.
_PROGRAM = """import sys
sys.path.insert(0, sys.argv[1])
from kitchens_engine.runtimes.keeper import main
main()
"""
#: The status of what could not be started, as a shell has it.
_REFUSED = 126
#: Keepers that were started ahead, each for whoever needs the next.
_ahead: list[subprocess.Popen[bytes]] = []


def prepare() -> None:
    """Start a keeper ahead: while it starts, on a processor of its own, its runner imports what it needs.

    One that nobody comes to need ends with this process, or when this process does.
    """
    _ahead.append(_start_keeper())


def dismiss() -> None:
    """End the keepers that were started ahead: nobody is going to need them."""
    while _ahead:
        with _ahead.pop() as keeper_ahead:
            assert keeper_ahead.stdin is not None
            keeper_ahead.stdin.close()


def _start_keeper(words: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    # A group of its own: the terminal's signals are for the runner.
    return subprocess.Popen(
        [*words, sys.executable, "-I", "-S", "-c", _PROGRAM, _ENGINE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )


class Spawner:
    """Starts processes through a keeper of its own, in whose environment they carry `mark:token`.

    `answers` is the descriptor to be polled, `running` holds the tokens of what runs, and
    `gone` says that the keeper has ended and what ran is lost.
    """

    def __init__(
        self,
        mark: str,
        environment: dict[str, str],
        ledger: Path | None,
        words: tuple[str, ...] = (),
        pids: int | None = None,
    ) -> None:
        self._pids = pids
        self._group = None if pids is None else Group.made(mark, pids)
        if words:
            self._keeper = _start_keeper((*(self._group.words() if self._group else ()), *words))
        else:
            self._keeper = _ahead.pop() if _ahead else _start_keeper()
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._requests = self._keeper.stdin.fileno()
        self.answers = self._keeper.stdout.fileno()
        os.set_blocking(self._requests, False)
        self._reader = frames.Reader(self.answers)
        self._heard: list[Any] = []
        self._ledger = ledger
        self.running: set[str] = set()
        if ledger is not None:
            keeper.begin_ledger(str(ledger), Owner.of(self._keeper.pid))
        entrance = self._group.entrance if self._group and not words else None
        self._ask("serve", None if ledger is None else str(ledger), mark, environment, pids, entrance)

    @property
    def pid(self) -> int:
        """The process below which all others are."""
        return self._keeper.pid

    @property
    def gone(self) -> bool:
        """Whether the keeper has ended by itself."""
        return self._reader.at_end

    def start(self, command: Command) -> None:
        """Ask for a process."""
        # Names of kitchens and quoted words are strings of their own types, which do not travel.
        argv = tuple(map(str, command.argv))
        own = {name: str(value) for name, value in command.environment.items()}
        self._ask("start", command.token, argv, str(command.folder), own, str(command.log), command.hidden)
        self.running.add(command.token)

    def kill(self, token: str) -> None:
        """Ask for the end of a process."""
        self._ask("kill", token)

    def hear(self) -> list[Ended]:
        """What ended; waits for the first word. Raises `OSError` for a process that the machine refused."""
        if not self._heard:
            self._heard = self._reader.read()
        heard, self._heard = self._heard, []
        ended = []
        for answer in heard:
            match answer:
                case ("ended", token, status):
                    self.running.discard(token)
                    ended.append(Ended(token, status))
                case ("failed", token, errno.EAGAIN, *_) if self._pids is not None:
                    self.running.discard(token)
                    why = f"no process could be started: this run may have {self._pids} at once (`pids` in `[runtime]`)"
                    ended.append(Ended(token, _REFUSED, why=why))
                case ("failed", token, number, why, subject):
                    self.running.discard(token)
                    raise OSError(number, why, subject)
        if self.gone:
            ended += [Ended(token, 0, LOST) for token in sorted(self.running)]
            self.running.clear()
        return ended

    def close(self) -> bool:
        """End all that runs, and the keeper. Whether it left nothing behind: all that it started had become its child."""
        self._ask("close")
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        status = self._keeper.wait()
        self._keeper.stdout.close()
        if self._group is not None:
            self._group.close()
        if self._ledger is not None:
            self._ledger.unlink(missing_ok=True)
        return status == 0

    def _ask(self, *request: Any) -> None:
        """Send a request. While the pipe is full, answers are taken in: the keeper may wait for just that."""
        left = memoryview(frames.frame(request))
        while left:
            try:
                left = left[os.write(self._requests, left) :]
            except BlockingIOError:
                both = select.poll()
                both.register(self._requests, select.POLLOUT)
                both.register(self.answers, select.POLLIN)
                if any(descriptor == self.answers for descriptor, _ in both.poll()):
                    self._heard += self._reader.read()
            except BrokenPipeError:
                return  # `hear` tells what that means

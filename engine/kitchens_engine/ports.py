"""What the engine needs from outside, as protocols, and the values that pass through them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from kitchens_engine.tuples import NamedTuple


class Source(Protocol):
    """Files of a cookbook, wherever they lie: a folder on disk, or a tree in git.

    Paths are relative to the cookbook, with `/`.
    """

    def read(self, path: str) -> bytes | None:
        """The content of the file at `path`, or None when there is no such file."""

    def names(self, folder: str) -> Sequence[str]:
        """The names directly inside `folder`, sorted; empty when there is no such folder."""


class Command(NamedTuple):
    """A process to start: `argv`, where, with which variables over the runtime's own, and the log to append to.

    `token` names the attempt: it is unique in the run, and the end is reported under it.
    Where there are `hidden` texts, the log gets `***` in their place: the runtime stands
    between the process and its log, which a command without any writes by itself.
    `companion` names the process of the worker that can do the same at less cost (`running.companion`).
    `image` is the one that the node wants for its own; a runtime without containers has no use for it.
    """

    token: str
    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    log: str | Path
    hidden: tuple[bytes, ...] = ()
    companion: str | None = None
    image: str | None = None


class Ended(NamedTuple):
    """The end of a process: its exit status (a signal as 128 + number).

    `lost` says in one sentence why there is no evidence of how it ended (a lost
    connection, an engine that went away); then `status` means nothing. `why` is what the
    runtime knows of the reason, such as a limit that was met.
    """

    token: str
    status: int
    lost: str | None = None
    why: str | None = None


class Runtime(Protocol):
    """Where the processes of one order run execute."""

    kind: str
    """`process` or `docker`: evidence that an attestation carries."""

    python: str
    """The Python inside the runtime that has the worker's libraries (duckdb, pytest)."""

    worker: str
    """The path of the worker script inside the runtime."""

    def start(self, command: Command) -> None:
        """Start it. A program that is not there ends with status 127 and a line in its log."""

    def adopt(self, token: str) -> bool:
        """Take over a process that an earlier runner of this run started: its end is reported by `wait`.

        False when there is no trace of it, or no evidence of how it ended; then nothing of it runs any more.
        """

    def wait(self, timeout: float | None) -> Sequence[Ended]:
        """The processes that ended; waits at most `timeout` seconds for the first (None: as long as any runs)."""

    def listen(self, descriptor: int | None) -> None:
        """From now on `wait` also returns, perhaps with nothing, when `descriptor` can be read. None: no more."""

    def kill(self, token: str) -> None:
        """End the process with all its descendants: asked first, forced after a short grace. Its end is reported by `wait`."""

    def close(self) -> None:
        """End what still runs and give back what the runtime holds."""


class Stop(threading.Event):
    """Set to ask a run to end; set again, also what cleans up after it (`always` nodes) is ended."""

    again = False

    def set(self) -> None:
        """Ask, or ask again."""
        self.again = self.is_set()
        super().set()


#: The scopes of a vault: what order runs see, and the only one that a gate sees.
DEFAULT, GATE = SCOPES = ("default", "gate")


class Secrets(Protocol):
    """A vault, as one run sees it. Names are such as `flights/token`.

    Each raises `InvalidInput` or `EnvironmentFailure` when the vault cannot be opened.
    """

    def has(self, name: str, scope: str) -> bool:
        """Whether the vault holds a value of that name for that scope."""

    def resolve(self, name: str, scope: str) -> str | None:
        """The value, asked for just before it is needed; None when there is none."""

    def how_to_set(self, name: str, scope: str) -> str:
        """The act that puts one there, as a hint."""


class Event(NamedTuple):
    """Something happened in a run. Observers turn events into progress and words.

    `kind`: `run-queued`, `waiting` (for a lock), `run-started`, `node-kept`, `node-started`, `node-retried`,
    `late` (past a timeout that only alerts), `node-ended`, `test-ended`, `run-ended`. `node` is the stable path in the recipe
    tree, such as `report/render`; `detail` holds what belongs to the kind: `status`,
    `why`, `seconds`, `name`, `value`, `limits`, `fail`, `log`, `attempt`, `total`.
    """

    kind: str
    run: str
    node: str | None = None
    detail: Mapping[str, Any] = MappingProxyType({})


class Observer(Protocol):
    """Is told what happens. Must return quickly and never raises."""

    def __call__(self, event: Event) -> None: ...

"""A cookbook in use, `kitchen` typed in it in processes of its own, and what must be true of it at any moment."""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kitchens.cli.run import run
from kitchens.cli.stop import StopSignal
from tests.desk import COOKBOOK, Answer, Place
from tests.kitchens.crash import count_steps, fork

RECIPE = """
[variables]
top = {top}
round = false

[variations.test]
variables = {{ top = 2 }}

[nodes.count]
run = "echo rows={{{{ variables.top }}}} > $KITCHEN_OUTPUT"
outputs = {{ rows = "integer" }}

[[nodes.count.tests]]
name = "some rows"
output = "rows"
above = 0

[nodes.total]
needs = ["count"]
run = "echo {{{{ outputs.count.rows }}}} >> $KITCHEN_DATA/total"
"""

#: Files that users have edited and not committed.
UNSAVED = ("README.md", "notes.txt", "staged.txt")

#: Before it is made to tell when it listens.
_listening = StopSignal.installed

#: How long a command of ours may take before it is called stuck, in seconds.
PATIENCE = 120.0


class Child:
    """A `kitchen` that was started in a session of its own, with all that it starts."""

    def __init__(self, pid: int, folder: Path) -> None:
        self.pid = pid
        self._folder = folder

    def signal(self, number: int, *, group: bool = True) -> None:
        """Send a signal to the whole group, or to the command alone; fine when it is gone."""
        try:
            (os.killpg if group else os.kill)(self.pid, number)
        except ProcessLookupError:
            pass

    def wait(self) -> Answer:
        """Its answer, once nothing of its group runs any more."""
        status = _reaped(self.pid)
        deadline = time.monotonic() + 10
        while _group_runs(self.pid) and time.monotonic() < deadline:
            time.sleep(0.002)
        words = [(self._folder / name).read_text(errors="replace") for name in ("out", "err")]
        shutil.rmtree(self._folder)
        return Answer(status, *words)


class Shop(Place):
    """A cookbook at `folder`: production (checked out, with edits of the user's), dev (ahead by one landing),
    and the sandboxes `feature` (a change that needs the gate) and `spare` (nothing in it)."""

    def __init__(self, top: Path, desk: Path | None = None) -> None:
        self.top = desk or top / "desk"
        super().__init__(self.top / "shop")
        self._plain = self._seed = top / "seed"
        self._prepared = top / "prepared"
        self._answers = top / "answers"
        self._answers.mkdir(parents=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.build()
        shutil.copytree(self.top, self._seed, symlinks=True)
        self._look()

    def build(self) -> None:
        """Make it, as users would."""
        self.git("init", "--quiet", "--initial-branch=production")
        self.write("kitchens.toml", COOKBOOK)
        self.write("recipes/counts/recipe.toml", RECIPE.format(top=3))
        self.write("README.md", "A shop.\n")
        self.save("begin")
        assert self.kitchen("init").status == 0
        self.git("clean", "-fdq")
        for words in (
            ("create", "dev"),
            ("create", "early", "--from", "dev"),
            ("create", "spare", "--from", "dev"),
        ):
            assert self.kitchen(*words).status == 0
        self.write("early.txt", "early\n", self.path("early"))
        self.save("early", self.path("early"))
        assert self.kitchen("merge", "early").status == 0
        assert self.kitchen("create", "feature", "--from", "dev").status == 0
        feature = self.path("feature")
        self.write("recipes/counts/recipe.toml", RECIPE.format(top=4), feature)
        for number in range(20):
            self.write(f"data/{number}.csv", f"{number}\n" * 100, feature)
        self.path("feature", "link").symlink_to("README.md")
        self.save("feature", feature)
        assert self.kitchen("set", "production", "round=true").status == 0
        # What the users have not saved: none of it is in the way of anything.
        self.write("README.md", "A shop, edited.\n")
        self.write("notes.txt", "mine\n")
        self.write("README.md", "Dev's shop, edited.\n", self.path("dev"))
        self.write("staged.txt", "staged\n", self.path("dev"))
        self.git("add", "staged.txt", folder=self.path("dev"))

    def reset(self) -> None:
        """Everything as it was built."""
        shutil.rmtree(self.top, ignore_errors=True)
        shutil.copytree(self._seed, self.top, symlinks=True)

    def prepare(self, before: Callable[[Shop], None] | None = None) -> None:
        """Everything as it was built, and what users did since; every reset leads back to this."""
        self._seed = self._plain
        self.reset()
        if before is not None:
            before(self)
            shutil.rmtree(self._prepared, ignore_errors=True)
            shutil.copytree(self.top, self._prepared, symlinks=True)
            self._seed = self._prepared
        self._look()

    def _look(self) -> None:
        self.before = self.refs()
        self.files = self.users_files()

    def path(self, kitchen: str, *parts: str) -> Path:
        """A path in a kitchen's checkout."""
        return Path(f"{self.folder}.kitchens", kitchen, *parts)

    def start(
        self,
        *words: str,
        folder: Path | None = None,
        environment: Mapping[str, str | None] | None = None,
        killed_before: int | None = None,
        counted: Path | None = None,
        ready: bool = False,
    ) -> Child:
        """Start `kitchen WORDS`. It kills itself before the given step, or writes how many there were.

        With `ready` this waits until it listens to signals.
        """
        answers = self._answers / os.urandom(8).hex()
        answers.mkdir()
        # It may be killed before it has come to this.
        for name in ("out", "err"):
            (answers / name).touch()
        pid = fork()
        if pid == 0:
            os.setsid()
            _become(folder or self.folder, answers, environment or {})
            steps = count_steps(killed_before)
            if ready:
                _tell_when_listening(answers / "ready")
            # As the entry point, which ends at once after the answer, whatever signals come then.
            with _listening():
                status = _typed(words)
                if counted is not None:
                    counted.write_text(str(steps()))
                os._exit(status)
        while ready and not (answers / "ready").exists():
            time.sleep(0.001)
        return Child(pid, answers)

    def kitchen(self, *words: str, **how: Any) -> Answer:
        """Type `kitchen WORDS` and wait for the answer."""
        return self.start(*words, **how).wait()

    def refs(self) -> dict[str, str]:
        """Every ref, and the tree of what it points to."""
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname) %(tree)%(*tree)").splitlines()
        return {line.split(" ")[0]: line.split(" ", 1)[1] for line in lines}

    def users_files(self) -> dict[str, tuple[str, str]]:
        """What git says of each checkout that users work in, and what they have not saved."""
        folders = {
            "production": self.folder,
            **{name: self.path(name) for name in ("dev", "feature", "spare")},
        }
        return {
            name: (
                self.git("status", "--porcelain", folder=folder),
                "".join(path.read_text() for name in UNSAVED if (path := folder / name).exists()),
            )
            for name, folder in folders.items()
            if folder.is_dir()
        }

    def users_lost_nothing(self) -> None:
        """Their checkouts are as they were, but for one that was to be deleted."""
        for name, seen in self.users_files().items():
            assert seen == self.files[name], name


def _become(folder: Path, answers: Path, environment: Mapping[str, str | None]) -> None:
    """A process as a shell would have started it."""
    os.chdir(folder)
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    for number, name in ((1, "out"), (2, "err")):
        descriptor = os.open(answers / name, os.O_WRONLY)
        os.dup2(descriptor, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), write_through=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), write_through=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _tell_when_listening(path: Path) -> None:
    """Python itself takes a while to start, and is none of our business in that time."""
    installed = StopSignal.installed

    @contextmanager
    def telling() -> Iterator[StopSignal]:
        with installed() as stop:
            path.touch()
            yield stop

    StopSignal.installed = staticmethod(telling)  # type: ignore[method-assign,assignment]


def _typed(words: tuple[str, ...]) -> int:
    try:
        return run(words)
    except BaseException as error:  # noqa: BLE001
        sys.stderr.write(f"Traceback: {error!r}\n")
        return 99


def _reaped(pid: int) -> int:
    deadline = time.monotonic() + PATIENCE
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
            raise AssertionError(f"`kitchen` was stuck for {PATIENCE} s")
        time.sleep(0.002)


def _group_runs(pid: int) -> bool:
    """Whether a process of the group is there that is no zombie."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path("/proc", entry, "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            if fields[2] == str(pid) and fields[0] != "Z":
                return True
    return False

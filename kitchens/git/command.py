"""The one place that starts the git binary, in an environment that the machine cannot bend."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.interrupts import Held
from kitchens_engine.tuples import NamedTuple

OLDEST = (2, 39)

#: Seconds for which a git may go on once the command that waits for it was interrupted.
INTERRUPTED_PATIENCE = 2.0

#: With fewer free bytes a disk counts as full.
LITTLE_DISK = 1 << 20

#: What `GIT_…` of the caller's environment reaches git: who acts, how to connect, where
#: the user's configuration lies, and tracing. All else (GIT_DIR, GIT_INDEX_FILE,
#: GIT_CONFIG_COUNT …) would silently point us at another repository or other settings;
#: git itself sets some of it for hooks and for `git kitchen`.
PASSED = (
    "GIT_AUTHOR_",
    "GIT_COMMITTER_",
    "GIT_SSH",
    "GIT_ASKPASS",
    "GIT_HTTP_",
    "GIT_SSL_",
    "GIT_PROXY_",
    "GIT_ALLOW_PROTOCOL",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_EXEC_PATH",
    "GIT_CEILING_DIRECTORIES",
    "GIT_TRACE",
)

#: Over the user's settings in every call: no hooks, no programs that configuration names, no
#: housekeeping in the background, paths as they are, nothing that waits for a passphrase. And
#: objects are on the disk before a ref names them: git leaves that to chance, and after a power
#: cut a ref names an object that is an empty file, which nothing ever writes again.
PINNED = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.quotePath=false"),
    *("-c", "core.splitIndex=false"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "commit.gpgSign=false"),
    *("-c", "tag.gpgSign=false"),
    *("-c", "core.fsync=loose-object,reference"),
    *("-c", "core.fsyncMethod=batch"),
)

#: Over the user's settings where two trees are merged or compared: the same two commits
#: give the same result on every machine. The values are git's own defaults.
PINNED_MERGE = (
    *("-c", "merge.renames=true"),
    *("-c", "merge.directoryRenames=conflict"),
    *("-c", "merge.renameLimit=7000"),
    *("-c", "merge.renormalize=false"),
    *("-c", "merge.conflictStyle=merge"),
    *("-c", "merge.default="),
    *("-c", "diff.algorithm=histogram"),
    *("-c", "diff.renameLimit=1000"),
    *("-c", "core.attributesFile=/dev/null"),
)


class Answer(NamedTuple):
    """What a git process said: exit status (negative: killed by that signal), and both streams as bytes."""

    status: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        """Standard output without its last newline. Bytes that are not UTF-8 survive a round trip."""
        return text(self.out.removesuffix(b"\n"))

    @property
    def fields(self) -> list[str]:
        """The parts of `-z` output."""
        return text(self.out).split("\0")[:-1] if self.out else []

    @property
    def complaint(self) -> str:
        """What git, or its ssh, said first of what is wrong, else its last words; to be quoted and never to be decided on."""
        lines = text(self.err).strip().splitlines()
        wrong = (line for line in lines if line.startswith(("fatal: ", "error: ", "ssh: ")))
        said = next(wrong, lines[-1] if lines else "it said nothing")
        return said.removeprefix("fatal: ").removeprefix("error: ")


class Tally:
    """How many git processes were started, and whether this git was found to be new enough."""

    def __init__(self) -> None:
        self.calls = 0
        self.checked = False


class Git:
    """The git binary, called in `folder` with a scrubbed `environment`.

    With `git_dir` (and `work_tree`) git is told where the repository is; without, it
    looks from `folder` upwards. Every process inherits the file descriptors in `keep`.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        git_dir: Path | None = None,
        work_tree: Path | None = None,
        keep: Sequence[int] = (),
        tally: Tally | None = None,
    ) -> None:
        self.folder = folder
        self.keep = tuple(keep)
        self.environment = scrubbed(environment)
        if git_dir is not None:
            self.environment["GIT_DIR"] = str(git_dir)
        if work_tree is not None:
            self.environment["GIT_WORK_TREE"] = str(work_tree)
        self.tally = tally or Tally()

    def at(
        self,
        folder: Path,
        *,
        git_dir: Path | None = None,
        work_tree: Path | None = None,
        keep: Sequence[int] = (),
    ) -> Git:
        """The same git in another folder."""
        return Git(
            folder,
            self.environment,
            git_dir=git_dir,
            work_tree=work_tree,
            keep=(*self.keep, *keep),
            tally=self.tally,
        )

    def run(
        self,
        *words: str | Path,
        input: bytes | None = None,
        check: bool = True,
        index: Path | None = None,
        work_tree: Path | None = None,
        variables: Mapping[str, str] | None = None,
        keep: Sequence[int] = (),
    ) -> Answer:
        """Run `git WORDS` to its end.

        `index` and `work_tree` stand in for the checkout's own; `keep` are more file
        descriptors to inherit. With `check`, any status but 0 raises
        `EnvironmentFailure` (or `InvalidInput` where git is too old).
        """
        environment = dict(self.environment, **(variables or {}))
        if index is not None:
            environment["GIT_INDEX_FILE"] = str(index)
        if work_tree is not None:
            environment["GIT_WORK_TREE"] = str(work_tree)
        with (
            Held() as held,
            self._start(words, environment, keep=keep, pipe_input=input is not None) as process,
        ):
            try:
                held.let_go()
                out, err = process.communicate(input)
            except BaseException:
                # Whoever is interrupted clears up what this git was about to do, so it must have ended.
                _ended(process)
                raise
        answer = Answer(process.returncode, out, err)
        if check and answer.status != 0:
            raise self.failure(words, answer)
        return answer

    @contextmanager
    def meanwhile(
        self, *words: str | Path, variables: Mapping[str, str] | None = None
    ) -> Iterator[Callable[[], Answer]]:
        """Let `git WORDS`, which must leave nothing that counts, run beside what is done inside; what it yields waits
        for its answer.

        Nobody waits for one whose answer was not asked for: it is ended.
        """
        answer: Answer | None = None

        def wait() -> Answer:
            nonlocal answer
            if answer is None:
                out, err = process.communicate()
                answer = Answer(process.returncode, out, err)
            return answer

        environment = dict(self.environment, **(variables or {}))
        with Held() as held, self._start(words, environment, pipe_input=False) as process:
            try:
                held.let_go()
                yield wait
            finally:
                if answer is None:
                    process.kill()

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a git process that is talked to through its pipes. The caller ends it.

        A terminal's ^C does not reach it: whoever talks to it decides what to finish first.
        """
        return self._start(words, self.environment, pipe_errors=False, apart=True)

    def failure(self, words: Sequence[str | Path], answer: Answer) -> EnvironmentFailure:
        """The error for a call that failed. Raises `InvalidInput` when this git is too old to be asked."""
        self.require_version()
        verb = next(
            (str(word) for word in words if not str(word).startswith("-") and "=" not in str(word)), ""
        )
        if answer.status == -signal.SIGABRT:
            # An assertion of git's own, as in some merges by 2.39: it is the same each time.
            said = answer.complaint.removeprefix("git: ")
            return EnvironmentFailure(
                f"`git {verb}` has a fault of its own: {said}", "a newer git may have it mended", code="git"
            )
        if answer.status < 0:
            return EnvironmentFailure(f"`git {verb}` was killed by signal {-answer.status}", code="git")
        return EnvironmentFailure(f"`git {verb}` failed: {answer.complaint}", *self._disk_hint(), code="git")

    def _disk_hint(self) -> tuple[str, ...]:
        trouble = self.disk_trouble()
        return () if trouble is None else (f"{trouble[0]}: {trouble[1]}",)

    def disk_trouble(self) -> tuple[str, str] | None:
        """What the disk may refuse, which git itself says in other words or not at all, and what mends it."""
        place = Path(self.environment.get("GIT_DIR", self.folder))
        with suppress(OSError):
            if not os.access(place, os.W_OK):
                return f"`{place}` cannot be written", "make it writable, or work in a copy"
            disk = os.statvfs(place)
            if disk.f_bavail * disk.f_frsize < LITTLE_DISK:
                return f"the disk of `{place}` is full", "make room on it"
        return None

    def version(self) -> tuple[int, ...]:
        """This git's version, such as (2, 39, 5)."""
        words = self.run("version").text.split()
        numbers = words[2].split(".") if len(words) > 2 else []
        return tuple(int(number) for number in numbers if number.isdigit())

    def require_version(self) -> None:
        """Raise `InvalidInput` when git is older than 2.39.

        Asked by `init`, `doctor` and after a failure, and then once: a call that
        worked proves more than a version does, and the question costs a process.
        """
        if self.tally.checked:
            return
        self.tally.checked = True
        version = self.version()
        if version < OLDEST:
            seen = ".".join(map(str, version))
            raise InvalidInput(
                f"git {seen} is too old: kitchens need git 2.39 or newer",
                "install a newer git, or put it first in PATH",
                code="git-version",
            )

    def _start(
        self,
        words: Sequence[str | Path],
        environment: Mapping[str, str],
        *,
        keep: Sequence[int] = (),
        pipe_input: bool = True,
        pipe_errors: bool = True,
        apart: bool = False,
    ) -> subprocess.Popen[bytes]:
        self.tally.calls += 1
        try:
            return subprocess.Popen(
                ["git", *PINNED, *(str(word) for word in words)],
                cwd=self.folder,
                process_group=0 if apart else None,
                env=environment,
                stdin=subprocess.PIPE if pipe_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if pipe_errors else subprocess.DEVNULL,
                pass_fds=(*self.keep, *keep),
            )
        except OSError as error:
            raise self._not_started(error) from error

    def _not_started(self, error: OSError) -> EnvironmentFailure:
        if not self.folder.is_dir():
            return EnvironmentFailure(f"`{self.folder}` is not a folder (any more)", code="folder")
        if isinstance(error, FileNotFoundError):
            return EnvironmentFailure(
                "there is no `git` in PATH", "install git 2.39 or newer", code="git-missing"
            )
        return EnvironmentFailure(f"`git` could not be started: {error.strerror}", code="git")


def _ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for a git that we were interrupted in waiting for; asked to stop, it removes its own locks."""
    try:
        process.wait(INTERRUPTED_PATIENCE)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of `environment` that git may see, with what makes its answers the same everywhere."""
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith("GIT_") or name.startswith(PASSED)
    }
    kept |= {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        # A replacement ref shows one object under another's id; what was tested is what lands.
        "GIT_NO_REPLACE_OBJECTS": "1",
        # And a graft, one commit with the parents of another.
        "GIT_GRAFT_FILE": os.devnull,
    }
    return kept


def text(data: bytes) -> str:
    """Git's bytes as text. Names that are not UTF-8 survive a round trip through `data`."""
    return data.decode("utf-8", "surrogateescape")


def data(text: str) -> bytes:
    """Text as git's bytes, the inverse of `text`."""
    return text.encode("utf-8", "surrogateescape")

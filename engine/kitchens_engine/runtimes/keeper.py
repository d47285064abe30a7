"""The process that starts the processes of one runner, waits for them, and outlives it.

A runner that starts its processes itself is suspended while each loads its program, and
when it is killed nobody knows any more how they end. This one does nothing else: it reads
requests from its input, writes answers to its output (`frames`), and needs no more than
the standard library's quickest modules, because every run waits for its start.

When the runner is gone, all that runs is ended; or, with a ledger, goes on to its own
end, and the ledger says how everything that it ever started ended. Lines of JSON:

    {"pid", "started", "boot"}            its process, written by the runner before it starts anything
    {"ended": {token: status}, "running": {token: pid}}    when the runner is gone
    {"ended": {token: status}}            as they end

A process that leaves its group is found by its environment, and one that emptied that and whose
parents have ended, a *stray*, by having become this one's child.

Simple commands are carried out by shells that are there already (`shells`), each in the group of
its shell, which serves the next one as long as no command leaves anything behind in it.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import time

from kitchens_engine.runtimes import frames
from kitchens_engine.runtimes.family import Family
from kitchens_engine.runtimes.shells import DEFAULTS, SHELL, Shell, place_of, program_of, request_for

TYPE_CHECKING = False  # `typing` itself costs as much as all else here
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from kitchens_engine.redaction.pipe import Pipe
    from kitchens_engine.runtimes import processes

#: Marks every process of an attempt in its environment, so that those which left its group are found.
MARK = "KITCHEN_ATTEMPT"
#: What stands for the token in the mark of shells that wait.
SHELLS = "*"
#: After being asked to end, this many seconds until it is forced.
GRACE = 2.0
#: The status with which a keeper ends that could not adopt what its processes left behind.
MAYBE_MORE = 3
_REQUESTS, _ANSWERS = 0, 1
#: A status from here on is a signal's.
_SIGNALLED = 128
#: Why a program cannot be started that is the command's own fault. All else is the machine's.
_FAULTS = frozenset(
    {
        errno.ENOENT,
        errno.EACCES,
        errno.EPERM,
        errno.ENOTDIR,
        errno.ENOEXEC,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.E2BIG,
    }
)


class Child:
    """What runs: its token, the leader of its group, the descriptor that tells its end or the shell that does, the pipe
    to its log if it does not write that itself, and when it is forced to end."""

    __slots__ = ("descriptor", "forced_at", "mark", "pid", "pipe", "shell", "token")

    def __init__(
        self,
        token: str,
        mark: str,
        pid: int,
        *,
        pipe: Pipe | None = None,
        descriptor: int | None = None,
        shell: Shell | None = None,
    ) -> None:
        self.token = token
        self.mark = mark
        self.pid = pid
        self.pipe = pipe
        self.descriptor = descriptor
        self.shell = shell
        self.forced_at: float | None = None


class Keeper:
    """Serves one runner. `ended` remembers every end, for the ledger."""

    def __init__(self) -> None:
        self._ledger: int | None = None
        self._environment: dict[str, str] = {}
        self._mark = ""
        self._programs: dict[tuple[str, str], str] = {}
        self._children: dict[str, Child] = {}
        self._by_descriptor: dict[int, Child] = {}
        self._pipes: dict[int, Pipe] = {}
        self._shells: dict[int, Shell] = {}
        self._idle: list[Shell] = []
        self._ended: dict[str, int] = {}
        self._answers: list[tuple[Any, ...]] = []
        self._orphaned = False
        self._closing = False
        self._family = Family()
        self._nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._requests = frames.Reader(_REQUESTS)
        self._poll = select.epoll()
        self._poll.register(_REQUESTS, select.EPOLLIN)

    def serve(self) -> bool:
        """Until the runner says so, or is gone and nothing runs any more. Whether nothing can be left that it started."""
        while not (self._orphaned or self._closing) or self._children:
            # Requests last: what they open must not be taken for what was closed just before.
            for descriptor, _ in sorted(self._poll.poll(self._patience()), reverse=True):
                if descriptor == _REQUESTS:
                    self._hear()
                elif descriptor in self._pipes:
                    self._listen(self._pipes[descriptor], whole=False)
                elif descriptor in self._by_descriptor:
                    self._reap(self._by_descriptor[descriptor])
                elif descriptor in self._shells:
                    self._attend(self._shells[descriptor])
            self._force()
            self._answer()
        for shell in list(self._shells.values()):
            self._retire(shell)
        if self._family.adopts and self._ledger is None and not self._family.is_empty():
            self._end_strays()
        return self._family.adopts

    # --- requests --------------------------------------------------------------------------

    def _hear(self) -> None:
        for request in self._requests.read():
            match request:
                case ("start", *words):
                    self._start(*words)
                    self._answer()
                case ("kill", token):
                    self._kill(token)
                case ("serve", ledger, mark, environment, pids, entrance):
                    if entrance is not None:
                        _enter(entrance)
                    elif pids is not None and os.getpid() == 1:
                        from kitchens_engine.runtimes.ceiling import limit_own_world

                        limit_own_world(pids)
                    self._ledger = None if ledger is None else _open_ledger(ledger)
                    self._mark, self._environment = mark, environment
                case ("close",):
                    self._close()
        if self._requests.at_end:
            self._orphan()

    def _start(
        self,
        token: str,
        argv: tuple[str, ...],
        folder: str,
        own: dict[str, str],
        log_path: str,
        hidden: tuple[bytes, ...],
    ) -> None:
        mark = f"{self._mark}:{token}"
        environment = {**self._environment, **own, MARK: mark}
        try:
            log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            self._answers.append(("failed", token, error.errno, error.strerror, log_path))
            return
        pipe, said = None, log
        try:
            if not hidden and self._lend(token, mark, argv, folder, own, log_path):
                return
            if hidden:
                pipe, said = self._open_pipe(log, hidden)
            pid = self._spawn(argv, folder, environment, said)
        except (OSError, ValueError) as error:
            missing = folder if getattr(error, "filename", None) == folder else argv[0]
            self._refuse(token, missing, error, log, hidden)
            if pipe is not None:
                del self._pipes[pipe.descriptor]
                pipe.close()
            return
        finally:
            os.close(said)
        try:
            descriptor = os.pidfd_open(pid)
        except OSError as error:  # no descriptor is left to watch it with
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self._answers.append(("failed", token, error.errno, error.strerror, argv[0]))
            return
        self._children[token] = self._by_descriptor[descriptor] = Child(
            token, mark, pid, pipe=pipe, descriptor=descriptor
        )
        self._poll.register(descriptor, select.EPOLLIN)

    def _lend(
        self, token: str, mark: str, argv: tuple[str, ...], folder: str, own: dict[str, str], log: str
    ) -> bool:
        """Let a shell that is there carry it out, if it is a simple command and there is nothing to be said against."""
        if argv[:-1] != SHELL or not self._family.is_listed:
            return False
        text = argv[-1].strip(" \t\n")
        program = program_of(text, own, self._environment)
        if program is None or (program and not self._is_there(program, folder, own)):
            return False
        request = request_for(text, {**own, MARK: mark}, log)
        if request is None:
            return False
        shell = self._shell_in(folder)
        try:
            shell.ask(request, log)
        except BrokenPipeError:
            self._retire(shell)
            return False
        shell.child = self._children[token] = Child(token, mark, shell.pid, shell=shell)
        return True

    def _shell_in(self, folder: str) -> Shell:
        """One that waits there; the one that waited longest elsewhere makes room for a new one."""
        place = place_of(folder)
        for number in range(len(self._idle) - 1, -1, -1):
            if self._idle[number].folder == folder and self._idle[number].place == place:
                return self._idle.pop(number)
        if self._idle:
            self._retire(self._idle[0])
        shell = Shell(folder, {**self._environment, MARK: f"{self._mark}:{SHELLS}"})
        self._shells[shell.answers] = shell
        self._poll.register(shell.answers, select.EPOLLIN)
        return shell

    def _is_there(self, program: str, folder: str, own: dict[str, str]) -> bool:
        """Whether a program can be started; a shell says it better when it cannot."""
        if "/" in program:
            path = f"{folder}/{program}" if program[0] != "/" else program
            return os.access(path, os.X_OK) and not os.path.isdir(path)
        try:
            self._program(program, own if "PATH" in own else self._environment)
        except FileNotFoundError:
            return False
        return True

    def _open_pipe(self, log: int, hidden: tuple[bytes, ...]) -> tuple[Pipe, int]:
        """What a process writes to instead of its log. Heard here, so that it outlives the runner as the process does."""
        from kitchens_engine.redaction.pipe import Pipe

        reading, writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(reading, False)
        pipe = self._pipes[reading] = Pipe(reading, log, hidden)
        self._poll.register(reading, select.EPOLLIN)
        return pipe, writing

    def _spawn(self, argv: tuple[str, ...], folder: str, environment: dict[str, str], log: int) -> int:
        os.chdir(folder)
        actions = (
            (os.POSIX_SPAWN_DUP2, self._nothing, 0),
            (os.POSIX_SPAWN_DUP2, log, 1),
            (os.POSIX_SPAWN_DUP2, log, 2),
        )
        # A group, not a session: the kernel schedules each session as a group of its own
        # (autogroup), and on a busy machine starting one takes twice as long.
        return os.posix_spawn(
            self._program(argv[0], environment),
            argv,
            environment,
            file_actions=actions,
            setpgroup=0,
            setsigdef=DEFAULTS,
            setsigmask=(),
        )

    def _program(self, name: str, environment: dict[str, str]) -> str:
        """The file of a program that is named without a folder, by the PATH that it is to have itself."""
        if "/" in name:
            return name
        path = environment.get("PATH", os.defpath)
        found = self._programs.get((name, path))
        if found is None:
            found = next((each for each in _candidates(name, path) if os.access(each, os.X_OK)), name)
            self._programs[name, path] = found
        if "/" not in found:
            del self._programs[name, path]
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return found

    def _refuse(
        self, token: str, program: str, error: OSError | ValueError, log: int, hidden: tuple[bytes, ...]
    ) -> None:
        """It could not be started: its own fault is an end like others, the machine's is not."""
        if isinstance(error, OSError) and error.errno not in _FAULTS:
            self._answers.append(("failed", token, error.errno, error.strerror, program))
            return
        why = error.strerror if isinstance(error, OSError) else str(error)
        said = f"{program}: {why}\n".encode()
        if hidden:
            from kitchens_engine.redaction.stream import Redactor

            said = Redactor(hidden).whole(said)
        try:
            os.write(log, said)
        except OSError as full:
            self._answers.append(("failed", token, full.errno, full.strerror, program))
            return
        self._end(token, 126 if isinstance(error, OSError) and error.errno == errno.E2BIG else 127)

    def _kill(self, token: str) -> None:
        child = self._children.get(token)
        if child is not None and child.forced_at is None:
            child.forced_at = time.monotonic() + GRACE
            if child.shell is not None:
                child.shell.await_begin()
            _processes().signal_all(child.pid, MARK, child.mark, signal.SIGTERM)

    def _close(self) -> None:
        """Nothing goes on, whatever a ledger is there for."""
        self._ledger, self._closing = None, True
        for child in self._children.values():
            child.forced_at = 0.0

    def _listen(self, pipe: Pipe, *, whole: bool) -> None:
        """Pass on what a process said: one piece, so that others have their turn, or all until now."""
        descriptor = pipe.descriptor
        if whole:
            pipe.drain()
        else:
            pipe.hear()
        if pipe.over:
            # The poll forgets a descriptor that is closed.
            del self._pipes[descriptor]

    # --- ends --------------------------------------------------------------------------------

    def _reap(self, child: Child) -> None:
        # What a node left in its group ends with it. Its leader is not reaped yet, so the number is still its own.
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # a leader that is dead may have no group any more
        _, status = os.waitpid(child.pid, 0)
        assert child.descriptor is not None
        self._poll.unregister(child.descriptor)
        os.close(child.descriptor)
        del self._by_descriptor[child.descriptor]
        if child.pipe is not None and not child.pipe.over:
            self._listen(child.pipe, whole=True)
        self._conclude(child, _status(status))

    def _attend(self, shell: Shell) -> None:
        """A shell said something: mostly how its command ended."""
        child = shell.child
        try:
            heard = shell.hear()
        except EOFError as error:  # it was killed, with its command; or it found no room for one
            status = _status(self._retire(shell))
            if child is not None:
                self._judge(child, status, str(error), shell.log)
            return
        if heard is None or child is None:
            return
        alone = child.forced_at is None and not self._family.has_left(shell.pid, self._own())
        if self._closing or self._orphaned or not alone:
            self._retire(shell)
        else:
            shell.child = None
            self._idle.append(shell)
        self._judge(child, *heard, shell.log)

    def _judge(self, child: Child, status: int, said: str, log: str) -> None:
        """A command ended. What a shell has to say itself is of a signal, or that the machine would not start it."""
        if said and child.forced_at is None:
            if status < _SIGNALLED:
                del self._children[child.token]
                self._answers.append(("failed", child.token, errno.EAGAIN, said, SHELL[0]))
                return
            _note_signal(log, status - _SIGNALLED)
        self._conclude(child, status)

    def _retire(self, shell: Shell) -> int:
        """End a shell, and what is left in its group with it. The status that it ended with."""
        if shell in self._idle:
            self._idle.remove(shell)
        self._poll.unregister(shell.answers)
        del self._shells[shell.answers]
        shell.close()
        os.killpg(shell.pid, signal.SIGKILL)
        _, status = os.waitpid(shell.pid, 0)
        return status

    def _own(self) -> set[int]:
        """The processes that were started here."""
        pids = {child.pid for child in self._children.values()}
        return pids | {shell.pid for shell in self._shells.values()}

    def _conclude(self, child: Child, status: int) -> None:
        del self._children[child.token]
        if child.forced_at is not None:
            _processes().signal_marked(MARK, child.mark, signal.SIGKILL)
            if all(other.forced_at is not None for other in self._children.values()):
                self._end_strays()  # whose they are nobody knows, but all that runs is to end
        self._family.bury(self._own())
        self._end(child.token, status)

    def _end_strays(self) -> None:
        _processes().signal_children(self._own(), signal.SIGKILL)

    def _end(self, token: str, status: int) -> None:
        if self._ledger is not None:
            self._ended[token] = status
        self._answers.append(("ended", token, status))

    def _answer(self) -> None:
        if not self._answers:
            return
        answers, self._answers = self._answers, []
        if self._orphaned:
            self._note({"ended": {token: status for _, token, status, *_ in answers}})
            return
        try:
            frames.write(_ANSWERS, answers)
        except BrokenPipeError:
            self._orphan()

    def _patience(self) -> float | None:
        times = [child.forced_at for child in self._children.values() if child.forced_at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _force(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.forced_at is not None and child.forced_at <= now:
                child.forced_at = now + GRACE
                _processes().signal_all(child.pid, MARK, child.mark, signal.SIGKILL)

    # --- without a runner --------------------------------------------------------------------

    def _orphan(self) -> None:
        """The runner is gone: from now on the ledger is told, or, without one, all is ended."""
        if self._orphaned:
            return
        self._orphaned = True
        self._poll.unregister(_REQUESTS)
        if self._ledger is None:
            for token in list(self._children):
                self._kill(token)
        else:
            running = {child.token: child.pid for child in self._children.values()}
            self._note({"ended": self._ended, "running": running})

    def _note(self, line: dict[str, Any]) -> None:
        import json

        if self._ledger is not None:
            os.write(self._ledger, f"{json.dumps(line)}\n".encode())


def begin_ledger(path: str, owner: processes.Owner) -> None:
    """A ledger with its first line. Where a keeper counts processes of its own, its runner writes that."""
    ledger = _open_ledger(path)
    line = f'{{"pid": {owner.pid}, "started": "{owner.started}", "boot": "{owner.boot}"}}\n'
    os.write(ledger, line.encode())
    os.close(ledger)


def _enter(entrance: str) -> None:
    """Be in a control group (`ceiling.Group`), with all that is going to be started."""
    try:
        with open(entrance, "wb", buffering=0) as file:
            file.write(b"0")
    except OSError:
        return  # it was for this user's own good


def _open_ledger(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def _note_signal(log: str, number: int) -> None:
    """What a shell of its own would have said in the log of the command."""
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    except OSError:  # removed by the command itself
        return
    try:
        os.write(descriptor, f"{signal.strsignal(number)}\n".encode())
    except OSError:
        pass  # a disk that is full says so where it matters
    finally:
        os.close(descriptor)


def _status(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _candidates(name: str, path: str) -> Iterator[str]:
    return (f"{folder or '.'}/{name}" for folder in path.split(os.pathsep))


def _processes() -> Any:
    """Imported at the first need, which most runs never have."""
    from kitchens_engine.runtimes import processes

    return processes


def main() -> None:
    """Serve the runner at the other end of standard input and output."""
    # The terminal's signals are for the runner, which then says what is to end.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    alone = Keeper().serve()
    os._exit(0 if alone else MAYBE_MORE)

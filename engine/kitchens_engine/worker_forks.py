"""Carries out the worker's requests of one order run, each in a process forked from this one.

Starting an interpreter and importing pandas costs more than most functions; a fork that has
it imported already costs a few milliseconds. Requests and answers go through two named pipes
in the run's folder, a line of JSON each:

    {"start": token, "words": [command, request, result], "folder", "environment", "log"}
    {"kill": token}
    {"ready": "forks"}              said first
    {"ended": token, "status"}      after the result lies in its file; a signal as 128 + number
    {"refused": token, "why"}       nothing of it was begun; a fresh interpreter will do

When nobody writes requests any more, all that runs is killed and this process ends. Needs the
standard library only, Python 3.9 or newer, and is copied into toolchains beside `worker.py`.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import select
import signal
import sys
import threading
import time
from importlib import machinery
from typing import TYPE_CHECKING, Any, Callable, Dict, FrozenSet, Iterator, List, Optional, Set, Tuple

if TYPE_CHECKING:
    from kitchens_engine.worker_pipes import Pipes

#: After being asked to end, this many seconds until a process is forced.
GRACE = 2.0
#: As many states as one number can give a generator of random numbers.
_SEEDS = 1 << 32
_MARK = "KITCHEN_ATTEMPT"
_PR_SET_PDEATHSIG = 1
#: Files that hold back what is written to them.
_WRITTEN = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
_FREED = (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ)

#: Carries out one request, given as its command, its content and the file for its result; the exit status.
CarryOut = Callable[[str, Dict[str, Any], str], int]
#: A module to import, and a name in it that may be a module too.
Want = Tuple[str, Optional[str]]


def serve(pipes: Pipes, carry_out: CarryOut, known: FrozenSet[str]) -> int:
    """Until nobody asks any more. `known` are the modules that every process of the worker has imported."""
    Server(pipes, carry_out, known).serve()
    # Extensions complain when an interpreter ends whose objects were frozen.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class Child:
    """A process that carries out one request."""

    def __init__(self, token: str, pid: int) -> None:
        self.token = token
        self.pid = pid
        self.forced_at: Optional[float] = None


class Server:
    """The process that is forked from. It has one thread, and imports only what was asked for."""

    def __init__(self, pipes: Pipes, carry_out: CarryOut, known: FrozenSet[str]) -> None:
        self._carry_out = carry_out
        self._known = known
        self._pipes = pipes
        self._bell, bell = os.pipe()
        for descriptor in (self._bell, bell):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
        self._children: Dict[int, Child] = {}
        self._environment = dict(os.environ)
        self._mark = self._environment.get(_MARK, "")
        self._preloaded: Set[Tuple[str, str]] = set()
        self._unfit = ""
        self._server = os.getpid()
        self._chance, self._forked = int.from_bytes(os.urandom(4), "little"), 0
        _Own.compiled = os.path.join(os.path.dirname(os.path.abspath(pipes.path)), "compiled")
        self._libc = ctypes.CDLL(None, use_errno=True)

    def serve(self) -> None:
        """Hear requests and ends until the requests' pipe has no writer; then end all that runs."""
        self._pipes.answer({"ready": "forks"})
        gc.disable()
        _freeze()
        poll = select.poll()
        poll.register(self._pipes.ear, select.POLLIN)
        poll.register(self._bell, select.POLLIN)
        try:
            while self._hear():
                self._reap()
                self._force()
                poll.poll(self._patience())
        finally:
            for child in self._children.values():
                self._signal(child, signal.SIGKILL)

    # --- requests --------------------------------------------------------------------------

    def _hear(self) -> bool:
        """Take in what is asked now; False at the end."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._bell, 4096):
                pass
        return self._pipes.hear(self._take)

    def _take(self, asked: Dict[str, Any]) -> None:
        if "kill" in asked:
            for child in self._children.values():
                if child.token == asked["kill"] and child.forced_at is None:
                    child.forced_at = time.monotonic() + GRACE
                    self._signal(child, signal.SIGTERM)
            return
        try:
            self._start(asked)
        except Exception as error:
            self._pipes.answer({"refused": asked["start"], "why": f"{type(error).__name__}: {error}"})

    def _start(self, asked: Dict[str, Any]) -> None:
        command, request_path, _ = asked["words"]
        with open(request_path, encoding="utf-8") as file:
            request = json.load(file)
        self._preload(command, request, asked["folder"])
        if self._unfit:
            raise RuntimeError(self._unfit)
        self._fork(asked, request)

    def _fork(self, asked: Dict[str, Any], request: Dict[str, Any]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._forked += 1
        pid = os.fork()
        if pid == 0:
            self._be_child(asked, request)
        with contextlib.suppress(OSError):  # it may have done so itself, or have ended
            os.setpgid(pid, pid)
        self._children[pid] = Child(asked["start"], pid)

    def _preload(self, command: str, request: Dict[str, Any], folder: str) -> None:
        """Import what the request will need of what is installed. The recipe's own modules are left to the child."""
        wanted = (request["imports"], "") if command == "sql" else (folder, request["function"])
        if wanted in self._preloaded:
            return
        self._preloaded.add(wanted)
        if command == "sql":
            wants: List[Want] = [(name, None) for name in request["imports"].split()]
        else:
            wants = imports_of(request["function"], folder)
        before = len(sys.modules)
        path, sys.path = sys.path, sys.path[1:]
        for module, name in wants:
            # What goes wrong here goes wrong again in the child, and is told there.
            with contextlib.suppress(BaseException):
                found = importlib.import_module(module)
                if name is not None and not hasattr(found, name):
                    importlib.import_module(f"{module}.{name}")
        sys.path = path
        if len(sys.modules) > before:
            _freeze()
            if not _has_one_thread():
                self._unfit = "what was imported runs threads, which a fork would lose"

    # --- in the child ----------------------------------------------------------------------

    def _be_child(self, asked: Dict[str, Any], request: Dict[str, Any]) -> None:
        status = 1
        try:
            self._settle(asked)
            command, _, result = asked["words"]
            status = self._carry_out(command, request, result)
            _end_as_an_interpreter_does()
        except BaseException:
            with contextlib.suppress(BaseException):
                sys.excepthook(*sys.exc_info())
        finally:
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _settle(self, asked: Dict[str, Any]) -> None:
        """Become what a fresh interpreter would be: its own group, log, folder, environment, and chance."""
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        for number in _FREED:
            signal.signal(number, signal.SIG_DFL)
        self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != self._server:
            os._exit(1)
        self._pipes.close()
        os.close(self._bell)
        nothing = os.open(os.devnull, os.O_RDWR)
        try:
            log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError:  # the node put something else in its place
            log = os.dup(nothing)
        for descriptor, of in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(descriptor, of)
        os.close(log)
        os.close(nothing)
        os.chdir(asked["folder"])
        sys.path_hooks.insert(0, _own_finder(asked["folder"]))
        mark = f"{self._mark}:{asked['start']}"
        _become({**self._environment, **asked["environment"], _MARK: mark})
        time.tzset()
        # Looking at all modules would copy the page of each name: the recipe's are few.
        hidden = {name for name in own_modules(asked["folder"], readable=False) if name in sys.modules}
        for name in hidden - self._known:
            for module in [each for each in sys.modules if each.partition(".")[0] == name]:
                del sys.modules[module]
        if "numpy.random" in sys.modules:
            # No two forks have the same; a list of numbers would take a tenth of a fork's time to take in.
            sys.modules["numpy.random"].seed((self._chance + self._forked) % _SEEDS)
        gc.enable()

    # --- ends ------------------------------------------------------------------------------

    def _reap(self) -> None:
        while self._children:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return
            child = self._children.get(ended.si_pid)
            if child is None:
                os.waitpid(ended.si_pid, 0)
                continue
            # What it left in its group ends with it. It is not reaped yet, so the number is still its own.
            with contextlib.suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)
            if child.forced_at is not None:
                self._signal(child, signal.SIGKILL)
            _, status = os.waitpid(child.pid, 0)
            del self._children[child.pid]
            code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            self._pipes.answer({"ended": child.token, "status": code if code >= 0 else 128 - code})

    def _patience(self) -> Optional[float]:
        times = [each.forced_at for each in self._children.values() if each.forced_at is not None]
        return max(0.0, min(times) - time.monotonic()) * 1000 if times else None

    def _force(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.forced_at is not None and child.forced_at <= now:
                child.forced_at = now + GRACE
                self._signal(child, signal.SIGKILL)

    def _signal(self, child: Child, number: int) -> None:
        """To the process, its group, its descendants, and what carries its mark."""
        mark = f"{_MARK}={self._mark}:{child.token}".encode()
        pids = {child.pid, *_descendants(child.pid), *_marked(mark)}
        for pid in (-child.pid, *pids):
            with contextlib.suppress(OSError):
                os.kill(pid, number)


def _become(environment: Dict[str, str]) -> None:
    """Have just these variables. Those that are the same stay: what a fork writes to it has to copy."""
    for name in [name for name in os.environ if name not in environment]:
        del os.environ[name]
    for name, value in environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


class _Own(machinery.SourceFileLoader):
    """Loads the recipe's own modules: compiled once in a run, beside the pipes, so that nothing is left in the
    checkout. What is installed has been compiled where it lies, and is looked for there."""

    compiled = ""

    def get_code(self, fullname: str) -> Any:
        """The code of a module, from where it was compiled to."""
        before = sys.pycache_prefix, sys.dont_write_bytecode
        sys.pycache_prefix, sys.dont_write_bytecode = self.compiled, False
        try:
            return super().get_code(fullname)
        finally:
            sys.pycache_prefix, sys.dont_write_bytecode = before


def _own_finder(folder: str) -> Callable[[str], machinery.FileFinder]:
    """Finds modules in the recipe's folder and in the packages below it, and leaves all others to Python."""
    extensions = (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES)

    def find(path: str) -> machinery.FileFinder:
        if path != folder and not path.startswith(f"{folder}/"):
            raise ImportError(path)
        return machinery.FileFinder(path, extensions, (_Own, machinery.SOURCE_SUFFIXES))

    sys.path_importer_cache.pop(folder, None)
    return find


def _freeze() -> None:
    """What is there now is looked at by no collection: a fork would copy what it looks at."""
    gc.collect()
    gc.freeze()


def _has_one_thread() -> bool:
    """Some libraries (OpenBLAS) end their threads before every fork, so only after one can it be told."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return len(os.listdir("/proc/self/task")) == 1


def _end_as_an_interpreter_does() -> None:
    """Threads are waited for, what asked to run at the end runs, and open files are written out."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - what `sys.exit` does, without taking the
    atexit._run_exitfuncs()  # noqa: SLF001 - interpreter apart, which costs more than most functions
    for each in gc.get_objects():
        if isinstance(each, _WRITTEN):
            with contextlib.suppress(BaseException):
                each.flush()


# --- what a function imports ---------------------------------------------------------------


def own_modules(folder: str, *, readable: bool = True) -> Set[str]:
    """The names that `import` would find in the recipe's folder before all that is installed.

    With `readable`, also folders that are a package only where nothing installed has their name.
    """
    found = set()
    for name in os.listdir(folder):
        stem, dot, kind = name.partition(".")
        package = not dot and (readable or os.path.exists(os.path.join(folder, name, "__init__.py")))
        if stem.isidentifier() and (package or kind == "py" or kind.endswith("so")):
            found.add(stem)
    return found


def imports_of(function: str, folder: str) -> List[Want]:
    """The installed modules that a function (`module:name`) of the recipe in `folder` will import, in order.

    The recipe's own modules are read for what they import in turn, and never run.
    """
    own = own_modules(folder)
    found: Dict[Want, None] = {}
    first, _, name = function.partition(":")
    waiting, seen = [first], set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        for wanted, attribute in _imported(_tree(module, folder), module, name if module == first else ""):
            if wanted.partition(".")[0] not in own:
                found[wanted, attribute] = None
                continue
            waiting.append(wanted)
            if attribute is not None:
                waiting.append(f"{wanted}.{attribute}")
    return list(found)


def _tree(module: str, folder: str) -> ast.AST:
    base = os.path.join(folder, *module.split("."))
    for path in (f"{base}.py", os.path.join(base, "__init__.py")):
        with contextlib.suppress(OSError, SyntaxError, ValueError), open(path, "rb") as file:
            return ast.parse(file.read())
    return ast.Module(body=[], type_ignores=[])


def _imported(tree: ast.AST, module: str, function: str) -> Iterator[Want]:
    """What is imported when this module is, and when the function of that name at its top is called."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            wanted = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((wanted, alias.name) for alias in node.names if wanted and alias.name != "*")
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            if getattr(node, "name", None) == function:
                yield from _imported(node, module, "")
        else:
            yield from _imported(node, module, function)


# --- processes -----------------------------------------------------------------------------


def _pids() -> List[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def _descendants(leader: int) -> Set[int]:
    children: Dict[int, List[int]] = {}
    for pid in _pids():
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(pid)
    found: Set[int] = set()
    waiting = [leader]
    while waiting:
        inner = [pid for pid in children.get(waiting.pop(), ()) if pid not in found]
        found.update(inner)
        waiting.extend(inner)
    return found


def _marked(mark: bytes) -> Iterator[int]:
    for pid in _pids():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            if mark in file.read().split(b"\0"):
                yield pid

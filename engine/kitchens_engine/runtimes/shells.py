"""Shells that are there already, for commands that a shell does little with.

To start `/bin/sh` for each command costs more than to carry out most of them: a shell that waits for its next
command forks for it, and so saves loading a program. It does so for *simple* commands only, which cannot
tell the difference: a program or a harmless builtin, words, quotes, names of files and variables that are set.
All else, `$$` above all, gets a shell of its own.
"""

from __future__ import annotations

import os
import select
import signal
import time

from kitchens_engine.runtimes.family import children_of

TYPE_CHECKING = False  # `typing` itself costs as much as all else here
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: How a command is given to a shell of its own; its text follows.
SHELL = ("/bin/sh", "-eu", "-c")
#: What Python and we ignore, and programs expect to find as it is by default.
DEFAULTS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP)
#: A request must fit into the pipe, or the keeper would wait for a shell that waits for a command.
_MOST = 1 << 14
#: How long a shell may take to begin, in seconds, before it is asked to end all the same.
_MOMENT = 1.0
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,@%+-")
_PLAIN = _WORD | frozenset(" \t=*?")
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
#: What shells carry out themselves and need not say anything about that could tell one from another.
_HARMLESS = frozenset({"true", "false", ":", "echo"})
#: What shells take for their own: their grammar's words, and builtins that act on the shell or read text.
_OWN = frozenset(
    [
        "if",
        "then",
        "else",
        "elif",
        "fi",
        "do",
        "done",
        "case",
        "esac",
        "while",
        "until",
        "for",
        "in",
        "function",
        "select",
        "time",
        "coproc",
        "alias",
        "bg",
        "bind",
        "break",
        "builtin",
        "caller",
        "cd",
        "chdir",
        "command",
        "compgen",
        "complete",
        "compopt",
        "continue",
        "declare",
        "dirs",
        "disown",
        "enable",
        "eval",
        "exec",
        "exit",
        "export",
        "fc",
        "fg",
        "getopts",
        "hash",
        "help",
        "history",
        "jobs",
        "kill",
        "let",
        "local",
        "logout",
        "mapfile",
        "newgrp",
        "popd",
        "print",
        "printf",
        "pushd",
        "pwd",
        "read",
        "readarray",
        "readonly",
        "return",
        "set",
        "shift",
        "shopt",
        "sleep",
        "source",
        "suspend",
        "test",
        "times",
        "trap",
        "type",
        "typeset",
        "ulimit",
        "umask",
        "unalias",
        "unset",
        "wait",
        "whence",
        ".",
        "..",
    ]
)
#: Variables that a shell gives a meaning of its own, or does not let itself be given.
_MEANT = frozenset(
    [
        "_",
        "IFS",
        "ENV",
        "BASH_ENV",
        "BASHOPTS",
        "SHELLOPTS",
        "OPTIND",
        "OPTARG",
        "OPTERR",
        "PPID",
        "UID",
        "EUID",
        "PWD",
        "OLDPWD",
        "CDPATH",
        "LINENO",
        "RANDOM",
        "SECONDS",
        "SHLVL",
        "PS1",
        "PS2",
        "PS4",
        "MAIL",
        "MAILPATH",
        "MAILCHECK",
        "FUNCNAME",
        "GROUPS",
        "DIRSTACK",
        "POSIXLY_CORRECT",
    ]
)


class Shell:
    """One that waits, in a group of its own, with `environment` and in `folder`: its process, where it answers, and whom
    it works for."""

    __slots__ = ("_count", "_requests", "_said", "answers", "child", "folder", "log", "pid", "place")

    def __init__(self, folder: str, environment: dict[str, str]) -> None:
        os.chdir(folder)
        self.place = place_of(".")
        reading, self._requests = os.pipe2(os.O_CLOEXEC)
        self.answers, writing = os.pipe2(os.O_CLOEXEC)
        # What it says itself, of a log that cannot be opened or a process that cannot be had, is an answer too; but not
        # what it says of its own start, of a locale that this machine does not have.
        actions = (
            (os.POSIX_SPAWN_DUP2, reading, 0),
            (os.POSIX_SPAWN_DUP2, writing, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        )
        try:
            self.pid = os.posix_spawn(
                SHELL[0],
                SHELL[:1],
                environment,
                file_actions=actions,
                setpgroup=0,
                setsigdef=DEFAULTS,
                setsigmask=(),
            )
        except OSError:
            self.close()
            raise
        finally:
            os.close(reading)
            os.close(writing)
        self.folder = folder
        self.child: Any = None
        self.log = ""
        self._count = 0
        self._said = b""
        # A signal to the group is for the command, which finds as it was what is trapped here.
        os.write(self._requests, b"trap : HUP INT QUIT TERM USR1 USR2;exec 2>&1\n")

    def ask(self, request: bytes, log: str) -> None:
        """Have it carry out what `request_for` returned for this log. BrokenPipeError when it has ended."""
        self.log = log
        self._count += 1
        self._said = b""
        os.write(self._requests, b'%s;echo "=%d $?"\n' % (request, self._count))

    def await_begin(self) -> None:
        """Wait a moment until the command runs, or is over: a signal that only the shell gets, or a fork that still has
        the shell's traps, would be lost."""
        deadline = time.monotonic() + _MOMENT
        while time.monotonic() < deadline and not _has_begun(self.pid):
            if select.select([self.answers], [], [], 0.001)[0]:
                return

    def hear(self) -> tuple[int, str] | None:
        """How the command ended (a signal as 128 + number), and what the shell itself had to say; None while it runs.

        Waits for the next word. EOFError, with what was said, when the shell has ended without saying how its command did.
        """
        said = os.read(self.answers, _MOST)
        if not said:
            raise EOFError(self._said.decode("utf-8", "replace").strip())
        self._said += said
        opening = b"=%d " % self._count
        before = b""
        for line in self._said.splitlines(keepends=True):
            if line.startswith(opening) and line.endswith(b"\n"):
                return int(line[len(opening) :]), before.decode("utf-8", "replace").strip()
            before += line
        return None

    def close(self) -> None:
        """Let go of its pipes."""
        os.close(self._requests)
        os.close(self.answers)


def _has_begun(shell: int) -> bool:
    """Whether the shell has a fork that is past its traps."""
    forks = [int(pid) for pid in children_of(shell).split()]
    return bool(forks) and not any(_has_traps(fork) for fork in forks)


def _has_traps(fork: int) -> bool:
    try:
        with open(f"/proc/{fork}/cmdline", "rb") as words:
            if words.read(_MOST) != SHELL[0].encode() + b"\0":
                return False  # another program by now, whose traps are its own
        with open(f"/proc/{fork}/status", "rb") as status:
            caught = next((line for line in status if line.startswith(b"SigCgt:")), b": 0")
    except OSError:
        return False
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def place_of(folder: str) -> tuple[int, int]:
    """Which folder this is, whatever its name comes to mean: a shell stays where it is."""
    found = os.stat(folder)
    return found.st_dev, found.st_ino


def request_for(text: str, own: Mapping[str, str], log: str) -> bytes | None:
    """What a shell is asked so that it carries out a simple command, with variables of its own and its output at the end
    of a file; None where that cannot be."""
    if not own.keys() <= _seen:
        if not all(
            name and _NAME.issuperset(name) and not name[:1].isdigit() and name not in _MEANT for name in own
        ):
            return None
        _seen.update(own)
    variables = " ".join([f"{name}={_quoted(value)}" for name, value in own.items()])
    # The log comes first: what a shell has to say of a variable is for its reader.
    request = os.fsencode(f"(exec >>{_quoted(log)} 2>&1 </dev/null;export {variables};{text})")
    return request if len(request) <= _MOST and b"\0" not in request else None


#: Names of variables that a shell has nothing against.
_seen: set[str] = set()


def program_of(text: str, *environments: Mapping[str, str]) -> str | None:
    """The program that a simple command starts, "" for what any shell does itself; None for all that is not simple."""
    program = text.split(None, 1)[0] if text.strip() else ""
    if not program or program in _OWN or not _WORD.issuperset(program):
        return None
    if not _PLAIN.issuperset(text) and not _is_plain(text, environments):
        return None
    return "" if program in _HARMLESS else program


def _is_plain(text: str, environments: tuple[Mapping[str, str], ...]) -> bool:
    """Whether nothing but quotes and variables that are set makes it more than words."""
    parts = text.split("'")
    if len(parts) % 2 == 0:
        return False
    for part in parts[::2]:
        pieces = part.split('"')
        if len(pieces) % 2 == 0:
            return False
        for number, piece in enumerate(pieces):
            rest = _without_variables(piece, environments)
            quoted = number % 2 == 1
            if rest is None or (("`" in rest or "\\" in rest) if quoted else not _PLAIN.issuperset(rest)):
                return False
    return True


def _without_variables(piece: str, environments: tuple[Mapping[str, str], ...]) -> str | None:
    """The piece without each `$NAME` that is set; None when there is another `$`."""
    rest, *named = piece.split("$")
    for each in named:
        name = each[: next((place for place, letter in enumerate(each) if letter not in _NAME), len(each))]
        if name in _MEANT or not any(name in environment for environment in environments):
            return None
        rest += each[len(name) :]
    return rest


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'" if "'" in text else f"'{text}'"

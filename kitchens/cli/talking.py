"""A command in a container, at the user's terminal or in the user's pipe."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kitchens.actions.services.entering import Session

_PIECE = 1 << 16


def talk_on_terminal(session: Session) -> int:
    """Hand the terminal through, key by key; the command's status."""
    with _raw(), _resized(session):
        _feed(session, end=False)
        out = sys.stdout.fileno()
        while data := session.stream.receive():
            os.write(out, data)
    session.stream.close()
    return session.status()


def talk_in_pipe(session: Session, *, hear: bool = True) -> tuple[int, bytes]:
    """Hand standard input through, and what comes to standard output and errors; with `hear` False it is kept instead.
    The command's status, and what was kept."""
    from kitchens.containers.objects import frames_of

    _feed(session, end=True)
    kept = []
    for number, data in frames_of(session.stream):
        if not hear:
            kept.append(data)
            continue
        stream = sys.stderr if number == 2 else sys.stdout
        stream.buffer.write(data)
        stream.buffer.flush()
    session.stream.close()
    return session.status(), b"".join(kept)


def _feed(session: Session, *, end: bool) -> None:
    """From now on standard input goes to the command; with `end` its end too."""

    def feed() -> None:
        with suppress(OSError, ValueError):
            while data := os.read(sys.stdin.fileno(), _PIECE):
                session.stream.send(data)
            if end:
                session.stream.finish()

    threading.Thread(target=feed, name="stdin", daemon=True).start()


@contextmanager
def _raw() -> Iterator[None]:
    """Every key goes to the command, ^C too."""
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor, termios.TCSADRAIN)  # what was typed already counts
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextmanager
def _resized(session: Session) -> Iterator[None]:
    def tell(*_: object) -> None:
        columns, rows = shutil.get_terminal_size()
        session.resize(rows, columns)

    tell()
    before = signal.signal(signal.SIGWINCH, tell)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)

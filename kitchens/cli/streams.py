"""The three streams, however the command was started: closed ones lead nowhere, and no letter is too much for them."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO


def open_streams() -> None:
    """Give every closed stream an end, so that no file of ours ever gets its number, and let each take any text."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number, and those below are open by now: this one.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names of files may hold bytes that are no text, and a terminal may know ASCII only.
            stream.reconfigure(errors="backslashreplace")


def knows(stream: TextIO, letters: str) -> bool:
    """Whether a stream can show these letters as they are."""
    try:
        letters.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def give_up_stdout() -> None:
    """Nothing more can be written there, at the end of the program neither."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

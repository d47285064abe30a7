"""A signal at the edges of a command: before it listens, and after it has answered."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from kitchens.cli.stop import StopSignal
from kitchens.cli.words import error_document
from kitchens_engine.errors import Interrupted


def test_a_signal_before_the_command_begins_ends_it_at_once() -> None:
    """Where nobody would catch the interruption, it waits for somebody who does."""
    with StopSignal.installed() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.event.is_set()
        with pytest.raises(KeyboardInterrupt), stop.interrupting():
            raise AssertionError("it began")


def test_a_signal_after_the_answer_changes_nothing() -> None:
    """And one inside interrupts."""
    with StopSignal.installed() as stop:
        with pytest.raises(KeyboardInterrupt), stop.interrupting():
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.event.again


def test_a_signal_while_python_reads_our_modules_is_one_sentence() -> None:
    """No traceback, however early it comes; with `--json` it is the document."""
    code = (
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'kitchens.cli.run': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from kitchens.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code, "list"], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "error: interrupted; nothing half-done is left\n")
    words = [sys.executable, "-c", code, "list", "--json"]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "")
    assert done.stdout == f"{error_document(Interrupted('interrupted; nothing half-done is left'))}\n"

"""Colour on a terminal, and none where it is not wanted."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from kitchens.cli import show


def on_a_terminal(folder: Path, *words: str) -> str:
    """What `kitchen WORDS` shows on a terminal."""
    terminal, other = pty.openpty()
    command = [sys.executable, "-m", "kitchens.cli.main", *words]
    process = subprocess.Popen(command, cwd=folder, stdin=other, stdout=other, stderr=other)
    os.close(other)
    shown = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    process.wait()
    os.close(terminal)
    return shown.decode()


@pytest.mark.parametrize("words", [("doctor",), ("show",), ()])
def test_no_color_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    """Answers, errors and the help are plain."""
    assert "\x1b[" not in on_a_terminal(tmp_path, *words)
    if words:
        monkeypatch.delenv("NO_COLOR")
        assert "\x1b[" in on_a_terminal(tmp_path, *words)


def test_a_terminal_that_knows_no_colour_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`TERM=dumb`: an editor's, say, which would show the signs of colours as they are."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[" not in on_a_terminal(tmp_path, "doctor")


def test_what_a_node_said_stays_on_its_line() -> None:
    """It neither paints nor moves the cursor; letters of any language stay as they are."""
    assert show.one_line("\x1b[31mred\x1b[0m\nnext\tä\xa0☃\x07") == "red\\nnext\\tä\xa0☃\\x07"

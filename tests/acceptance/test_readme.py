"""The README's tutorial is typed as it stands."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"


def console_blocks(text: str) -> list[list[tuple[str, list[str]]]]:
    """The `console` blocks: each a list of commands with the lines that must be in their output."""
    blocks = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        commands: list[tuple[str, list[str]]] = []
        for line in block.splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            elif line != "…":
                commands[-1][1].append(line)
        blocks.append(commands)
    return blocks


def typed(command: str, number: int) -> str:
    """Shell lines that run the command and print how it ended."""
    return f"{command}\nprintf '\\n@@%d %d\\n' {number} $?"


@pytest.mark.slow
def test_the_tutorial_works_as_it_stands(tmp_path: Path) -> None:
    """Every command of every console block succeeds, in one shell, and answers what the README shows."""
    commands = [one for block in console_blocks(README.read_text(encoding="utf-8")) for one in block]
    assert len(commands) > 10
    script = "exec 2>&1\n" + "\n".join(typed(command, number) for number, (command, _) in enumerate(commands))
    answer = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, check=False, stdout=subprocess.PIPE, text=True
    ).stdout

    for number, (command, expected) in enumerate(commands):
        output, mark, answer = answer.partition(f"\n@@{number} ")
        status, _, answer = answer.partition("\n")
        assert mark, f"the shell ended at: {command}\n{output}"
        assert status == "0", f"{command} ended with {status}:\n{output}"
        for line in expected:
            assert line in output, f"{command} does not answer {line!r}:\n{output}"

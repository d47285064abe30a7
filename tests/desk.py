"""A user at a desk: a real repository, and `kitchen` typed in it. Fixtures for the folders that ask for them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kitchens.cli.run import run

RECIPE = """
description = "Counts"

[variables]
top = 3

[variations.test]
variables = { top = 2 }

[nodes.count]
run = "echo rows={{ variables.top }} > $KITCHEN_OUTPUT"
outputs = { rows = "integer" }

[[nodes.count.tests]]
name = "some rows"
output = "rows"
above = 0
"""

COOKBOOK = """
[cookbook]
name = "shop"
production = "production"

[runtime]
kind = "process"

[kitchens.production]
protected = true
[kitchens.dev]
parent = "production"
"""


@dataclass(frozen=True)
class Answer:
    """What a command said. `status` is negative when a signal ended it."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its `--json` document."""
        return json.loads(self.out)


class Place:
    """A folder in which a user edits files and types `git`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def git(self, *words: str, folder: Path | None = None, variables: Mapping[str, str] | None = None) -> str:
        """Type `git WORDS`, with more `variables` in the environment."""
        done = subprocess.run(
            ["git", *words],
            cwd=folder or self.folder,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, **(variables or {})},
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def write(self, path: str, text: str, folder: Path | None = None) -> None:
        """Write a file."""
        target = (folder or self.folder) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def save(self, message: str, folder: Path | None = None) -> str:
        """Commit everything in a checkout."""
        self.git("add", "--all", folder=folder)
        self.git("commit", "--quiet", "--message", message, folder=folder)
        return self.git("rev-parse", "HEAD", folder=folder)


class Desk(Place):
    """A user in a folder, whose `kitchen` runs in this process."""

    def __init__(self, folder: Path, capture: Callable[[], tuple[str, str]]) -> None:
        super().__init__(folder)
        self._capture = capture

    def kitchen(self, *words: str, folder: Path | None = None) -> Answer:
        """Type `kitchen WORDS`."""
        before = Path.cwd()
        os.chdir(folder or self.folder)
        self._capture()
        try:
            status = run(words)
        finally:
            os.chdir(before)
        out, err = self._capture()
        return Answer(status, out, err)

    def json(self, *words: str, status: int = 0, folder: Path | None = None) -> Any:
        """Type it with `--json` and expect `status`."""
        answer = self.kitchen(*words, "--json", folder=folder)
        assert answer.status == status, (answer.status, answer.out, answer.err)
        return answer.document

    def path(self, name: str) -> Path:
        """A kitchen's checkout."""
        return Path(self.kitchen("path", name).out.strip())

    def commit(self, path: str, text: str, kitchen: str | None = None) -> str:
        """Write a file in a kitchen's checkout and commit it."""
        folder = self.path(kitchen) if kitchen else self.folder
        self.write(path, text, folder)
        return self.save(f"change {path}", folder)

    def refs(self) -> str:
        """All refs and where they point."""
        return self.git("for-each-ref")

    def tip(self, branch: str) -> str:
        """Where a branch points."""
        return self.git("rev-parse", f"refs/heads/{branch}")


@pytest.fixture
def empty(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Desk:
    """A desk in a folder with nothing in it."""
    folder = tmp_path / "shop"
    folder.mkdir()

    def capture() -> tuple[str, str]:
        seen = capfd.readouterr()
        return seen.out, seen.err

    return Desk(folder, capture)


@pytest.fixture
def desk(empty: Desk) -> Desk:
    """A desk in a cookbook with one recipe `counts` and production; no further kitchen yet."""
    empty.git("init", "--quiet", "--initial-branch=production")
    empty.write("kitchens.toml", COOKBOOK)
    empty.write("recipes/counts/recipe.toml", RECIPE)
    empty.write("README.md", "A shop.\n")
    empty.save("begin")
    answer = empty.kitchen("init")
    assert answer.status == 0, answer.err
    empty.git("clean", "-fdq")
    return empty

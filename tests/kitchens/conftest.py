"""Real git in an environment of its own: no settings of the machine, fixed names, dates and zone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kitchens.git.repository import Repository, open_repository
from kitchens.model.kitchen import Identity

DATE = "2025-01-02T03:04:05+00:00"
WHEN = datetime.fromisoformat(DATE).replace(tzinfo=UTC)
WHO = Identity("Ada", "ada@example.com")


def git_environment(home: Path) -> dict[str, str]:
    """An environment for git and for kitchens in which commit ids are constants."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": WHO.name,
        "GIT_AUTHOR_EMAIL": WHO.email,
        "GIT_AUTHOR_DATE": DATE,
        "GIT_COMMITTER_NAME": WHO.name,
        "GIT_COMMITTER_EMAIL": WHO.email,
        "GIT_COMMITTER_DATE": DATE,
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
    }


@dataclass(frozen=True)
class Checkout:
    """A checkout as a user has it: files, and the git command."""

    path: Path
    environment: dict[str, str]

    def git(self, *words: str | Path, input: bytes | None = None, status: tuple[int, ...] = (0,)) -> str:
        """Run git as a user would; its output without the last newline."""
        done = subprocess.run(
            ["git", *map(str, words)],
            cwd=self.path,
            env=self.environment,
            input=input,
            capture_output=True,
            check=False,
        )
        assert done.returncode in status, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    def write(self, path: str, content: str | bytes) -> Path:
        """Write a file, folders included."""
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def commit(self, message: str = "change", **files: str | bytes) -> str:
        """Commit everything, with `files` written first; the new id. `__` stands for `.` in names."""
        for name, content in files.items():
            self.write(name.replace("__", "."), content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.tip()

    def tip(self, name: str = "HEAD") -> str:
        """The id that `name` stands for."""
        return self.git("rev-parse", "--verify", name)

    def refs(self) -> str:
        """All refs with their ids, to compare before and after."""
        return self.git("for-each-ref")

    def status(self) -> str:
        """What `git status` has to say, empty when clean."""
        return self.git("status", "--porcelain")

    def sound(self) -> bool:
        """Whether git calls the repository sound."""
        self.git("fsck", "--full", "--strict", "--no-dangling")
        return True


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which git runs in tests."""
    home = tmp_path_factory.mktemp("home")
    return git_environment(home)


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """A repository with one commit on `main`, made once."""
    checkout = Checkout(tmp_path_factory.mktemp("seed"), environment)
    checkout.git("init", "--quiet", "--initial-branch=main")
    checkout.write("recipes/delays/recipe.toml", 'description = "late"\n')
    checkout.write("recipes/delays/clean.sql", "select 1\n")
    checkout.write("lines.txt", "".join(f"{number}\n" for number in range(20)))
    checkout.write("README.md", "# seed\n")
    checkout.commit("seed")
    return checkout.path


@pytest.fixture
def checkout(tmp_path: Path, seed: Path, environment: dict[str, str]) -> Checkout:
    """A copy of the seed as a user's checkout, alone in its folder."""
    path = tmp_path / "house" / "flights"
    shutil.copytree(seed, path, symlinks=True)
    copy = Checkout(path, environment)
    copy.git("update-index", "-q", "--refresh")
    return copy


@pytest.fixture
def repository(checkout: Checkout) -> Iterator[Repository]:
    """The copy of the seed, opened."""
    with open_repository(checkout.path, checkout.environment) as opened:
        yield opened

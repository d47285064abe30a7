"""A team: a bare repository, and clones of it, in each of which somebody types `kitchen`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kitchens.cli.run import run
from tests.cli.conftest import COOKBOOK, RECIPE, Answer, Desk
from tests.desk import desk, empty
from tests.kitchens.crash import fork

__all__ = ["desk", "empty"]

SHARED = COOKBOOK.replace('production = "production"', 'production = "production"\nremote = "origin"')


class Team:
    """`hub` is the bare repository; `ada` made the cookbook, `bob` cloned it and joined. Both have `dev`."""

    def __init__(self, ada: Desk, top: Path, capture: Callable[[], tuple[str, str]]) -> None:
        self.ada = ada
        self.top = top
        self.hub = top / "hub.git"
        self.url = f"file://{self.hub}"
        self._capture = capture

    def clone(self, name: str, *, join: bool = True) -> Desk:
        """A clone at the folder `name`, joined or as git leaves it."""
        folder = self.top / name / "shop"
        self.ada.git("clone", "--quiet", self.url, str(folder), folder=self.top)
        made = Desk(folder, self._capture)
        if join:
            answer = made.kitchen("init")
            assert answer.status == 0, answer.err
        return made

    def at_hub(self, *words: str) -> str:
        """Type `git WORDS` in the bare repository."""
        return self.ada.git(*words, folder=self.hub)

    def tip(self, branch: str) -> str:
        """Where a branch is at the remote."""
        return self.at_hub("rev-parse", f"refs/heads/{branch}")

    def refs(self) -> str:
        """All refs of the remote."""
        return self.at_hub("for-each-ref")


def typed(desk: Desk, *words: str) -> Callable[[], int]:
    """Type `kitchen WORDS` in a process of its own; what is returned waits for its exit status."""
    child = fork()
    if child == 0:
        os.chdir(desk.folder)
        status = 99
        try:
            status = run(words)
        finally:
            os._exit(status)
    return lambda: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def change(desk: Desk, name: str, *, parent: str = "dev", top: int | None = None) -> None:
    """A sandbox with a file of its own; with `top` also a change of the recipe, which needs the gate."""
    desk.json("create", name, "--from", parent, "--no-test")
    if top is not None:
        desk.write("recipes/counts/recipe.toml", RECIPE.replace("top = 3", f"top = {top}"), desk.path(name))
    desk.commit(f"{name}.txt", f"{name}\n", name)


@pytest.fixture
def team(empty: Desk, tmp_path: Path) -> Team:
    """Ada's cookbook with `dev`, shared at a bare repository."""
    made = Team(empty, tmp_path, empty._capture)
    empty.git("init", "--quiet", "--bare", "--initial-branch=production", str(made.hub))
    empty.git("init", "--quiet", "--initial-branch=production")
    empty.write("kitchens.toml", SHARED)
    empty.write("recipes/counts/recipe.toml", RECIPE)
    empty.save("begin")
    assert empty.kitchen("init").status == 0
    empty.git("clean", "-fdq")
    empty.git("remote", "add", "origin", made.url)
    answer: Answer = empty.kitchen("create", "dev", "--no-test")
    assert answer.status == 0, answer.err
    answer = empty.kitchen("sync")
    assert answer.status == 0, answer.err
    return made

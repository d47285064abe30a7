"""A team: a bare repository, and clones of it, in each of which somebody types `kitchen`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kitchens.cli.run import run
from tests.cli.conftest import COOKBOOK, RECIPE, Desk
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
def team(empty: Desk, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Team:
    """Ada's cookbook with `dev`, shared at a bare repository; made once, then copied."""
    team = Team(empty, tmp_path, empty._capture)
    seed = tmp_path_factory.getbasetemp() / "team"
    if not seed.exists():
        _found(team)
        seed.mkdir()
        for name in FOLDERS:
            shutil.copytree(tmp_path / name, seed / name, symlinks=True)
        return team
    for name in FOLDERS:
        shutil.copytree(seed / name, tmp_path / name, symlinks=True, dirs_exist_ok=True)
    empty.git("remote", "set-url", "origin", team.url)
    # Each names the other by its path, and those of the copied ones are still there.
    own = empty.folder / ".git" / "worktrees" / "dev"
    (tmp_path / "shop.kitchens" / "dev" / ".git").write_text(f"gitdir: {own}\n")
    (own / "gitdir").write_text(f"{tmp_path}/shop.kitchens/dev/.git\n")
    return team


#: The bare repository, Ada's clone, and its worktrees.
FOLDERS = ("hub.git", "shop", "shop.kitchens")


def _found(team: Team) -> None:
    ada = team.ada
    ada.git("init", "--quiet", "--bare", "--initial-branch=production", str(team.hub))
    ada.git("init", "--quiet", "--initial-branch=production")
    ada.write("kitchens.toml", SHARED)
    ada.write("recipes/counts/recipe.toml", RECIPE)
    ada.save("begin")
    assert ada.kitchen("init").status == 0
    ada.git("clean", "-fdq")
    ada.git("remote", "add", "origin", team.url)
    for words in (("create", "dev", "--no-test"), ("sync",)):
        answer = ada.kitchen(*words)
        assert answer.status == 0, answer.err

"""Clones that do not have everything, and checkouts that do not show everything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import RECIPE, Desk


@pytest.fixture
def shallow(desk: Desk, tmp_path: Path) -> Path:
    """A clone of the cookbook's last commit alone."""
    desk.json("create", "dev", "--no-test")
    desk.commit("README.md", "Two.\n")
    desk.commit("README.md", "Three.\n")
    folder = tmp_path / "shallow"
    desk.git("clone", "--quiet", "--depth", "1", f"file://{desk.folder}", str(folder))
    return folder


def test_a_shallow_clone_merges_and_rolls_back(desk: Desk, shallow: Path) -> None:
    """What it has ends where git says, for the certificate too."""
    desk.json("create", "idea", "--no-test", folder=shallow)
    path = Path(desk.json("path", "idea", folder=shallow)["path"])
    desk.write("recipes/counts/recipe.toml", RECIPE + "# new\n", path)
    desk.save("idea", path)
    assert desk.json("merge", "idea", folder=shallow)["status"] == "merged"
    assert desk.json("verify", folder=shallow)["landings"] == 1
    assert desk.json("rollback", "production", folder=shallow)["status"] == "rolled-back"


def test_a_shallow_clone_proves_nothing_about_what_it_lacks(desk: Desk, shallow: Path) -> None:
    """Exit 5 and what brings the rest; `history` shows what is there, and says that there is more."""
    desk.git("fetch", "-q", "origin", "refs/kitchens/production:refs/kitchens/production", folder=shallow)
    error = desk.json("verify", status=5, folder=shallow)["error"]
    assert (error["code"], "--unshallow" in error["hint"]) == ("shallow", True)
    answer = desk.kitchen("history", "--json", folder=shallow)
    assert (answer.status, answer.document, "shallow" in answer.err) == (0, [], True)
    desk.git("fetch", "-q", "--unshallow", folder=shallow)
    assert desk.json("verify", folder=shallow)["uncertified"] != []


def test_a_folder_whose_name_is_not_utf_8_is_refused(desk: Desk) -> None:
    """One sentence; nothing was made."""
    folder = Path(os.fsdecode(os.fsencode(desk.folder.parent) + b"/caf\xe9"))
    desk.folder.rename(folder)
    for words in (("list",), ("create", "idea"), ("init",)):
        assert desk.json(*words, status=2, folder=folder)["error"]["code"] == "path"

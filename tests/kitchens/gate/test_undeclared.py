"""Which files of the cookbook a log says are missing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kitchens.gate.tree import TreeView
from kitchens.gate.undeclared import submodules, undeclared

LINKS = {"recipes/a/words.py": "lib/words.py"}

FILES = ("lib/words.py", "lib/a b.csv", "other/x.csv", "recipes/a/recipe.toml", "recipes/b/data.csv")


class Files:
    """A tree with these files and nothing in them."""

    def read(self, path: str) -> bytes | None:
        """Every file is empty."""
        return b"" if path in FILES else None

    def names(self, folder: str) -> list[str]:
        """The names in `folder`."""
        below = [
            path.removeprefix(f"{folder}/" if folder else "") for path in FILES if path.startswith(folder)
        ]
        return sorted({path.partition("/")[0] for path in below})

    def oid(self, path: str) -> str | None:
        """Files and folders have one."""
        return "1" if any(path == one or one.startswith(f"{path}/") for one in FILES) else None

    def link(self, path: str) -> str | None:
        """Where a link leads."""
        return LINKS.get(path)

    def submodule(self, path: str) -> str | None:
        """There is one, in a recipe."""
        return "recipes/a/sub" if f"{path}/".startswith("recipes/a/sub/") else None

    def foresee(self, paths: Sequence[str]) -> None:
        """All is at hand."""


@pytest.mark.parametrize(
    ("log", "missing"),
    [
        ("cat: ../../other/x.csv: No such file or directory", ["other/x.csv"]),
        ("[Errno 2] No such file: '/gate/tree/lib/a b.csv'", ["lib/a b.csv"]),
        ('no files match "../../other/*.csv"', ["other"]),
        ("ModuleNotFoundError: No module named 'words.more'", ["lib/words.py"]),
        ("cat: ../b/data.csv", ["recipes/b/data.csv"]),
        ("sh: 0: cannot open words.py: No such file", ["lib/words.py"]),
        ("cat: recipe.toml nosuch ../../nosuch ../.. ../../.. /etc/passwd words", []),
    ],
)
def test_a_path_counts_when_the_tree_has_it_and_the_gate_had_not(log: str, missing: list[str]) -> None:
    """However the tool words it: relative to the recipe, absolute, a pattern, or a module."""
    view = TreeView(Files())
    assert undeclared(log, "/gate/tree", ["recipes/a"], ["recipes/a"], view) == missing


def test_a_path_in_a_submodule_names_the_submodule() -> None:
    """Its files are no part of the tree, so nothing can declare them."""
    view = TreeView(Files())
    assert submodules("cat: sub/deep/x: No such file", "/gate/tree", ["recipes/a"], view) == ["recipes/a/sub"]
    assert submodules("cat: subs/x", "/gate/tree", ["recipes/a"], view) == []

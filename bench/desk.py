"""A desk of its own to measure at: a home, an identity, and a cookbook whose nodes are processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

BIN = Path(sys.executable).parent
EMPTY = (sys.executable, "-c", "pass")
KITCHEN = str(BIN / "kitchen")
IDENTITY = (("NAME", "Ada Cook"), ("EMAIL", "ada@kitchens.example"))


class Desk:
    """A cookbook of its own, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.cookbook = folder / "shop"
        self.folder = folder

    @property
    def environment(self) -> Mapping[str, str]:
        identity = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in IDENTITY}
        return {
            **os.environ,
            **identity,
            "HOME": str(self.home),
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def run(self, *command: str, folder: Path | None = None) -> None:
        subprocess.run(
            command,
            cwd=folder or self.folder,
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def make_cookbook(self, **recipes: str) -> None:
        """A cookbook with these recipes, each a whole `recipe.toml`, run by processes."""
        self.run(KITCHEN, "init", "shop")
        self.folder = self.cookbook
        settings = self.cookbook / "kitchens.toml"
        settings.write_text(settings.read_text().replace('kind = "auto"', 'kind = "process"'))
        for name, text in recipes.items():
            recipe = self.cookbook / "recipes" / name / "recipe.toml"
            recipe.parent.mkdir(parents=True)
            recipe.write_text(text)
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "Recipes to be measured")

"""What a change affects, decided from trees alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from kitchens.gate.affected import Affected, affected
from kitchens.gate.fingerprint import Examiner
from kitchens.gate.tree import TreeView
from kitchens.model.kitchen import Attestation

COOKBOOK = '[cookbook]\nname = "shop"\n[runtime]\nkind = "process"\n'
FILES = {
    "kitchens.toml": COOKBOOK,
    "README.md": "A shop.\n",
    "lib/names.py": "NAMES = []\n",
    "recipes/base/recipe.toml": '[nodes.a]\nrun = "true"\n',
    "recipes/top/recipe.toml": '[nodes.a]\nrecipe = "base"\n',
    "recipes/other/recipe.toml": 'requires = ["base"]\n[nodes.a]\nrun = "true"\n',
    "recipes/alone/recipe.toml": '[variables]\nn = 1\n[nodes.a]\nrun = "echo {{ variables.n }}"\n',
}


class Files:
    """A tree in memory that notes what is read."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)
        self.seen: list[str] = []

    def read(self, path: str) -> bytes | None:
        """The content at `path`."""
        self.seen.append(path)
        return self.files[path].encode() if path in self.files else None

    def names(self, folder: str) -> Sequence[str]:
        """The names inside `folder`."""
        inside = [path.removeprefix(f"{folder}/") for path in self.files if path.startswith(f"{folder}/")]
        return sorted({path.split("/")[0] for path in inside})

    def oid(self, path: str) -> str | None:
        """A hash over all that is at `path`."""
        found = {
            name: text
            for name, text in self.files.items()
            if name == path or not path or name.startswith(f"{path}/")
        }
        return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest() if found else None

    def link(self, path: str) -> str | None:
        """There are no links."""

    def submodule(self, path: str) -> str | None:
        """Nor submodules."""

    def foresee(self, paths: Sequence[str]) -> None:
        """All is at hand."""


def nothing(fingerprints: list[str]) -> Mapping[str, Attestation]:
    """Nobody attested anything."""
    return {}


def found(changes: Mapping[str, str], examiner: Examiner | None = None) -> tuple[Affected, ...]:
    """What the changes to `FILES` affect."""
    candidate, target = TreeView(Files({**FILES, **changes})), TreeView(Files(FILES))
    return affected(candidate, target, examiner or Examiner(), nothing)


def test_a_change_affects_the_recipe_and_all_that_reach_it() -> None:
    """Nested and required recipes count; the others do not."""
    seen = found({"recipes/base/recipe.toml": '[nodes.a]\nrun = "echo"\n'})
    assert [(one.recipe, one.why) for one in seen] == [
        ("base", "recipe changed"),
        ("other", "recipe base changed"),
        ("top", "recipe base changed"),
    ]


def test_a_change_beside_the_recipes_affects_none_and_parses_none() -> None:
    """Object ids answer; no recipe is read."""
    candidate, target = Files({**FILES, "README.md": "A better shop.\n"}), Files(FILES)
    assert affected(TreeView(candidate), TreeView(target), Examiner(), nothing) == ()
    assert not [path for path in (*candidate.seen, *target.seen) if path.startswith("recipes/")]


def test_a_shared_path_joins_every_fingerprint() -> None:
    """As the target's rules say."""
    seen = found({"lib/names.py": "NAMES = [1]\n"}, Examiner(shared=("lib",)))
    assert [one.recipe for one in seen] == ["alone", "base", "other", "top"]
    assert found({"lib/names.py": "NAMES = [1]\n"}) == ()


def test_quality_looks_at_the_whole_tree() -> None:
    """Any change asks for it anew, whether a recipe is touched or not."""
    seen = found({"README.md": "A better shop.\n"}, Examiner(quality=("ruff check .",)))
    assert [one.recipe for one in seen] == ["[gate] quality"]


def test_a_deleted_recipe_is_named_and_not_run() -> None:
    """What still reaches it carries the fault."""
    files = {path: text for path, text in FILES.items() if not path.startswith("recipes/base/")}
    seen = {
        one.recipe: one
        for one in affected(TreeView(Files(files)), TreeView(Files(FILES)), Examiner(), nothing)
    }
    assert seen["base"].deleted
    assert not seen["base"].needs_run
    assert seen["top"].fault is not None
    assert "alone" not in seen


def test_settings_of_the_target_are_part_of_a_fingerprint() -> None:
    """Only of the recipes that have the variable."""
    view = TreeView(Files(FILES))
    plain = {one.recipe: one.fingerprint for one in affected(view, None, Examiner(), nothing)}
    other = {
        one.recipe: one.fingerprint for one in affected(view, None, Examiner(settings={"n": 2}), nothing)
    }
    assert {recipe for recipe in plain if plain[recipe] != other[recipe]} == {"alone"}

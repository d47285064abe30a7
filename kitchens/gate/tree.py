"""A cookbook's tree as the gate sees it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from kitchens.gate.reach import is_known
from kitchens.gate.source import ObjectSource
from kitchens.model.cookbook import Cookbook, parse_cookbook
from kitchens_engine.errors import Fault, InvalidFiles, InvalidInput

if TYPE_CHECKING:
    from kitchens_engine.language.shelf import Shelf


@lru_cache(maxsize=32)
def _parsed(text: bytes) -> tuple[Cookbook | None, tuple[Fault, ...]]:
    # Commit after commit has the same file, and `verify` reads them all.
    return parse_cookbook(text)


#: Whether a folder with this id, which is no link, holds a recipe. An id never comes to mean something else.
_HOLDS: dict[str, bool] = {}
_MANY = 1 << 14


class TreeView:
    """One tree: its recipes, its `kitchens.toml`, the object ids of its parts. Read once, lazily."""

    def __init__(self, source: ObjectSource) -> None:
        self.source = source
        self._oids: dict[str, str | None] = {}

    @cached_property
    def shelf(self) -> Shelf:
        """Its recipes and ingredients."""
        # The recipe language is paid for by the commands that read recipes: `list` does not.
        from kitchens.gate.shelf import TreeShelf

        return TreeShelf(self.source)

    def oid(self, path: str) -> str | None:
        """The object id at `path`, or None."""
        if path not in self._oids:
            self._oids[path] = self.source.oid(path)
        return self._oids[path]

    @cached_property
    def recipes(self) -> tuple[str, ...]:
        """The names of its recipes, sorted."""
        if self.source.link("recipes") is not None:
            return tuple(self.shelf.recipe_names())
        names = self.source.names("recipes")
        self.foresee([f"recipes/{name}" for name in names], "")
        return tuple(name for name in names if self._holds_recipe(f"recipes/{name}"))

    def foresee(self, folders: Sequence[str], file: str) -> None:
        """Read in one go this file of all `folders` whose recipe nobody has read yet, or (`""`) what is in them."""
        new = [each for each in folders if not is_known(each.partition("/")[0], self.oid(each))]
        self.source.foresee([f"{folder}/{file}".rstrip("/") for folder in new])

    def _holds_recipe(self, folder: str) -> bool:
        oid = self.oid(folder)
        if is_known("recipes", oid):
            return True
        if oid is None or oid not in _HOLDS:
            found = "recipe.toml" in self.source.names(folder)
            if oid is None or self.source.link(folder) is not None:
                return found
            while len(_HOLDS) >= _MANY:
                del _HOLDS[next(iter(_HOLDS))]
            _HOLDS[oid] = found
        return _HOLDS[oid]

    @cached_property
    def cookbook(self) -> Cookbook:
        """Its `kitchens.toml`. Raises `InvalidInput` when there is none, `InvalidFiles` when it is wrong."""
        text = self.source.read("kitchens.toml")
        if text is None:
            raise InvalidInput(
                "this tree has no `kitchens.toml`, so it is no cookbook",
                "`kitchen init` writes one; commit it",
                code="no-cookbook",
            )
        cookbook, faults = _parsed(text)
        if cookbook is None:
            raise InvalidFiles(faults)
        return cookbook

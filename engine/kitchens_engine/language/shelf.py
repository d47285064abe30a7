"""The recipes and ingredients of a cookbook, each read when it is asked for."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from kitchens_engine.errors import EnvironmentFailure, Fault, InvalidFiles, InvalidInput
from kitchens_engine.language.load import Reading, read_recipe
from kitchens_engine.ports import Source
from kitchens_engine.recipe import Recipe
from kitchens_engine.toml.nearest import hints
from kitchens_engine.tuples import NamedTuple

RECIPES = "recipes"
INGREDIENTS = "ingredients"
FILE = "recipe.toml"

#: How a file system says that nothing can have this name.
_NO_SUCH_NAME = (errno.ENAMETOOLONG, errno.ELOOP)


def no_file(path: str) -> str:
    """What is said of a folder, or a pipe, that stands in the place of a recipe's file."""
    return f"`{path}` is no file"


class FolderSource(NamedTuple):
    """The files below a folder on disk."""

    root: Path

    def read(self, path: str) -> bytes | None:
        """The content of the file at `path`, or None when there is no such file."""
        if ".." in PurePosixPath(path).parts:
            return None
        try:
            file = self.root / path
            # A pipe would be read until somebody writes into it.
            return file.read_bytes() if file.is_file() else None
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
            return None
        except OSError as error:
            if error.errno in _NO_SUCH_NAME:
                return None
            raise EnvironmentFailure(f"cannot read `{path}`: {error.strerror}") from error

    def names(self, folder: str) -> Sequence[str]:
        """The names directly inside `folder`, sorted; empty when there is no such folder."""
        try:
            return sorted(entry.name for entry in (self.root / folder).iterdir())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return []
        except OSError as error:
            if error.errno in _NO_SUCH_NAME:
                return []
            raise EnvironmentFailure(f"cannot list `{folder}`: {error.strerror}") from error


class Shelf:
    """The recipes and ingredients in one source. Each file is read once, when first needed."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._read: dict[str, Reading] = {}

    def recipe_names(self) -> tuple[str, ...]:
        """The names of all recipes, sorted."""
        return self._names(RECIPES)

    def ingredient_names(self) -> tuple[str, ...]:
        """The names of all ingredients, sorted."""
        return self._names(INGREDIENTS)

    def recipe(self, name: str) -> Recipe:
        """The recipe of that name. Raises `InvalidFiles` for its faults, `InvalidInput` when there is none."""
        return self._get(RECIPES, "recipe", name)

    def ingredient(self, name: str) -> Recipe:
        """The ingredient of that name. Raises as `recipe` does."""
        return self._get(INGREDIENTS, "ingredient", name)

    def known_recipe(self, name: str) -> str:
        """The name, when there is a recipe of that name, be it broken or not. Raises `InvalidInput`."""
        if not self.has(f"{RECIPES}/{name}"):
            raise self._unknown(RECIPES, "recipe", name)
        return name

    def has(self, folder: str) -> bool:
        """Whether there is a `recipe.toml` in this folder, such as `recipes/delays`."""
        return self.reading(folder) is not None

    def parsed(self, folder: str) -> Recipe | None:
        """The recipe in this folder, or None when it is not there or has errors."""
        found = self.reading(folder)
        return found.recipe if found else None

    def faults(self, folder: str) -> tuple[Fault, ...]:
        """The faults and warnings of the recipe in this folder, such as `recipes/delays`."""
        found = self.reading(folder)
        return found.faults if found else ()

    def _names(self, room: str) -> tuple[str, ...]:
        return tuple(name for name in self.source.names(room) if FILE in self.source.names(f"{room}/{name}"))

    def _get(self, room: str, kind: str, name: str) -> Recipe:
        found = self.reading(f"{room}/{name}")
        if found is None:
            raise self._unknown(room, kind, name)
        if (recipe := found.recipe) is None:
            raise InvalidFiles(tuple(fault for fault in found.faults if fault.severity == "error"))
        return recipe

    def _unknown(self, room: str, kind: str, name: str) -> InvalidInput:
        known = self._names(room)
        if name in known:
            return InvalidInput(f"{kind} `{name}`: {no_file(f'{room}/{name}/{FILE}')}", code=f"no-{kind}")
        # Shells complete paths.
        plain = name.removeprefix(f"{room}/").removesuffix(f"/{FILE}").rstrip("/")
        acts = (f"did you mean `{plain}`?",) if plain in known else hints(plain, known)
        return InvalidInput(f"no {kind} named `{name}`", *acts, code=f"no-{kind}")

    def reading(self, folder: str) -> Reading | None:
        """What came of reading the `recipe.toml` in this folder, or None when there is none."""
        if folder not in self._read:
            name = folder.partition("/")[2]
            text = self.source.read(f"{folder}/{FILE}") if name and "/" not in name else None
            if text is None:
                return None
            self._read[folder] = read_recipe(name, folder, text, self.source)
        return self._read[folder]

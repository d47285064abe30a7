"""The recipes of trees: one that was read in another tree is not read again when all that reading it looked at is the
same here."""

from __future__ import annotations

from collections.abc import Sequence

from kitchens.gate.source import ObjectSource
from kitchens_engine.language.load import Reading, read_recipe
from kitchens_engine.language.shelf import Shelf
from kitchens_engine.tuples import NamedTuple

#: How many readings are kept.
MANY = 1 << 10


class _Known(NamedTuple):
    """What came of reading a recipe, and what it looked at: files by their ids, folders by their names."""

    reading: Reading
    files: dict[str, str | None]
    folders: dict[str, tuple[str, ...]]

    def holds(self, source: ObjectSource) -> bool:
        """Whether all of it is the same in another tree."""
        return all(source.oid(path) == oid for path, oid in self.files.items()) and all(
            tuple(source.names(path)) == names for path, names in self.folders.items()
        )


class _Watched:
    """A source that notes what is asked of it."""

    def __init__(self, source: ObjectSource) -> None:
        self._source = source
        self.files: dict[str, str | None] = {}
        self.folders: dict[str, tuple[str, ...]] = {}
        self.linked = False

    def read(self, path: str) -> bytes | None:
        """The content of the file at `path`, or None when there is no such file."""
        self.files[path] = self._source.oid(path)
        self.linked = self.linked or self._is_linked(path)
        return self._source.read(path)

    def names(self, folder: str) -> Sequence[str]:
        """The names directly inside `folder`, sorted; empty when there is no such folder."""
        found = self._source.names(folder)
        self.folders[folder] = tuple(found)
        self.linked = self.linked or self._is_linked(folder)
        return found

    def _is_linked(self, path: str) -> bool:
        """Whether the path leads elsewhere, so that its id does not tell what is there."""
        parts = path.split("/")
        return any(
            self._source.link("/".join(parts[:count])) is not None for count in range(1, len(parts) + 1)
        )


_KNOWN: dict[tuple[str, str], _Known] = {}


class TreeShelf(Shelf):
    """A shelf over a tree in git."""

    def reading(self, folder: str) -> Reading | None:
        """What came of reading the `recipe.toml` in this folder, or None when there is none."""
        if folder in self._read:
            return self._read[folder]
        source: ObjectSource = self.source  # type: ignore[assignment]
        name = folder.partition("/")[2]
        oid = source.oid(f"{folder}/recipe.toml") if name and "/" not in name else None
        if oid is None:
            # A link, an ingredient of another repository, or nothing.
            return super().reading(folder)
        known = _KNOWN.get((folder, oid))
        if known is None or not known.holds(source):
            watched = _Watched(source)
            text = watched.read(f"{folder}/recipe.toml")
            if text is None:
                return None
            reading = read_recipe(name, folder, text, watched)
            self._read[folder] = reading
            if not watched.linked:
                while len(_KNOWN) >= MANY:
                    del _KNOWN[next(iter(_KNOWN))]
                _KNOWN[folder, oid] = _Known(reading, watched.files, watched.folders)
            return reading
        self._read[folder] = known.reading
        return known.reading

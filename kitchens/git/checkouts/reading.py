"""A checkout as the files of a cookbook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from kitchens_engine.language.shelf import FILE, FolderSource

#: Where recipes and ingredients lie, and how many parts of a path lead to one.
ROOMS = ("recipes", "ingredients")
ROOM = 2


class CheckoutSource:
    """Files of a checkout below `root`, uncommitted edits included, as the engine's `Source`.

    Links of recipes and ingredients are followed as `TreeSource` does it: what no gate would see is not run either.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files = FolderSource(root)

    def read(self, path: str) -> bytes | None:
        """The content of the file at `path`, or None when there is no such file."""
        return self._files.read(path) if self._stays(path) else None

    def names(self, folder: str) -> Sequence[str]:
        """The names directly inside `folder`, sorted, without links that are not followed; empty when there is no such
        folder."""
        if not self._stays(folder):
            return ()
        return [name for name in self._files.names(folder) if self._is_there(f"{folder}/{name}")]

    def _is_there(self, path: str) -> bool:
        place = self._root / path
        return not place.is_symlink() or (place.exists() and self._stays(path))

    def _stays(self, path: str) -> bool:
        parts = PurePosixPath(path).parts
        if not parts or parts[0] not in ROOMS:
            return True
        above = self._root
        for part in parts[:ROOM]:
            above /= part
            if above.is_symlink():
                return False
        try:
            return len(parts) <= ROOM or self._root.joinpath(path).resolve().is_relative_to(above.resolve())
        except (OSError, RuntimeError, ValueError):
            # A link that goes round, or a name that no file system takes: reading it says so.
            return True


def linked(root: Path) -> list[str]:
    """The recipes and ingredients of a checkout that are links, or whose `recipe.toml` leads out of their folder, and so
    are none."""
    found = []
    for room in (root / name for name in ROOMS):
        if room.is_symlink():
            found.append(room)
        elif room.is_dir():
            for folder in sorted(room.iterdir()):
                file = folder / FILE
                if folder.is_symlink() and file.is_file():
                    found.append(folder)
                elif file.is_symlink() and not file.resolve().is_relative_to(folder.resolve()):
                    found.append(file)
    return [path.relative_to(root).as_posix() for path in found]


def misplaced(root: Path) -> list[str]:
    """What stands in a checkout in the place of a `recipe.toml`, and is no file: a folder, or a pipe."""
    files = [folder / FILE for room in ROOMS if (root / room).is_dir() for folder in (root / room).iterdir()]
    return [
        path.relative_to(root).as_posix() for path in sorted(files) if path.exists() and not path.is_file()
    ]

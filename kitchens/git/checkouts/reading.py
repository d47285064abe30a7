"""A checkout as the files of a cookbook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from kitchens_engine.language.shelf import FolderSource

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
        """The names directly inside `folder`, sorted; empty when there is no such folder."""
        return self._files.names(folder) if self._stays(folder) else ()

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
    """The recipes and ingredients of a checkout that are links, and so are none."""
    rooms = [root / name for name in ROOMS]
    found = [room.name for room in rooms if room.is_symlink()]
    for room in rooms:
        if room.is_dir() and not room.is_symlink():
            inside = (each for each in sorted(room.iterdir()) if each.is_symlink())
            found += [f"{room.name}/{each.name}" for each in inside if (each / "recipe.toml").is_file()]
    return found

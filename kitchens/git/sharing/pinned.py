"""The files of a cookbook together with the ingredients that `kitchens.lock` pins, each at `ingredients/<name>`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

from kitchens.git.objects import Objects
from kitchens.git.source import TreeSource
from kitchens.model.cookbook import FILE
from kitchens.model.pins import LOCK_FILE, Pin, Pins, missing_files, read_pins
from kitchens_engine.errors import EnvironmentFailure, Fault, InvalidFiles
from kitchens_engine.ports import Source
from kitchens_engine.toml.document import Document, read_document

ROOM = "ingredients"


class PinnedSource:
    """A `Source` over `base`, which holds both files. Neither is read before something asks for an ingredient.

    An ingredient that cannot be used is refused when it is read; with `lenient` it is only not
    there, for whoever reports `faults`.
    """

    def __init__(self, base: Source, objects: Objects, *, lenient: bool = False) -> None:
        self._base = base
        self._objects = objects
        self._lenient = lenient
        self._treeish: str | None = None
        self._known: dict[str, Fault | None] = {}

    @cached_property
    def pins(self) -> Pins:
        """What is pinned."""
        return read_pins(self._base.read(FILE), self._base.read(LOCK_FILE))

    def faults(self, names: Collection[str] | None = None) -> tuple[Fault, ...]:
        """Everything that keeps a pinned ingredient (of these names, or any) from being used, each once."""
        chosen = [name for name in self.pins.wanted if names is None or name in names]
        found = [*(self.pins.faults if names is None else ()), *map(self._trouble, chosen)]
        return tuple(dict.fromkeys(fault for fault in found if fault is not None))

    def read(self, path: str) -> bytes | None:
        """The content of the file at `path`, or None when there is no such file."""
        name, rest = _split(path)
        if name is None or name not in self.pins.wanted:
            return self._base.read(path)
        tree = self._tree(name)
        return None if tree is None else tree.read(rest)

    def names(self, folder: str) -> Sequence[str]:
        """The names directly inside `folder`, sorted; empty when there is no such folder."""
        if folder.strip("/") == ROOM:
            return sorted({*self._base.names(ROOM), *self.pins.wanted})
        name, rest = _split(folder)
        if name is None or name not in self.pins.wanted:
            return self._base.names(folder)
        if self._trouble(name) is not None:
            # It is known by name; reading it says what is wrong with it.
            return () if rest else ("recipe.toml",)
        tree = self._tree(name)
        return () if tree is None else tree.names(rest)

    def _tree(self, name: str) -> TreeSource | None:
        """The files of a pinned ingredient. Raises `InvalidFiles` or `EnvironmentFailure` for its trouble."""
        trouble = self._trouble(name)
        if trouble is None:
            return TreeSource(self._objects, self.pins.pins[name].tree, room=0)
        if self._lenient:
            return None
        if name in self.pins.pins and not self._twice(name):
            raise EnvironmentFailure(
                trouble.message, *((trouble.hint,) if trouble.hint else ()), code="ingredient"
            )
        raise InvalidFiles((trouble,))

    def _trouble(self, name: str) -> Fault | None:
        if name not in self._known:
            self._known[name] = self._look(name)
        return self._known[name]

    def _look(self, name: str) -> Fault | None:
        if name in self.pins.troubles:
            return self.pins.troubles[name]
        pin = self.pins.pins[name]
        if self._twice(name):
            message = f"ingredient `{name}` comes from `{pin.wanted.git}`, and lies in this cookbook too"
            return self._document().fault((ROOM, name), message, f"take one away: this, or `{ROOM}/{name}`")
        return None if self._objects.tree(pin.tree) else missing_files(self._document(), pin, self._treeish)

    def _twice(self, name: str) -> bool:
        return bool(self._base.names(f"{ROOM}/{name}"))

    def _document(self) -> Document:
        document = read_document(self._base.read(FILE) or b"", FILE)
        assert isinstance(document, Document)  # it was read before
        return document


class PinnedTree(PinnedSource):
    """The same over a tree in git, where everything has an object id: that of an ingredient is in the lock."""

    def __init__(self, objects: Objects, treeish: str) -> None:
        self._tree_of = TreeSource(objects, treeish)
        super().__init__(self._tree_of, objects)
        self._treeish = treeish

    def oid(self, path: str) -> str | None:
        """The id of what is at `path` itself, links not followed (`""`: the whole tree), or None."""
        name, rest = _split(path)
        pin: Pin | None = None if name is None else self.pins.pins.get(name)
        if pin is None:
            return self._tree_of.oid(path)
        if not rest:
            return pin.tree
        found = self._objects.entry(pin.tree, rest)
        return None if found is None else found.oid

    def link(self, path: str) -> str | None:
        """Where in the tree the symbolic link at `path` leads, or None when there is none or it leads elsewhere."""
        return self._tree_of.link(path)

    def submodule(self, path: str) -> str | None:
        """The submodule at or above `path`, whose files are no part of the tree, or None."""
        return self._tree_of.submodule(path)

    def foresee(self, paths: Sequence[str]) -> None:
        """Read what is at these paths in one go; what is pinned is read when it is asked for."""
        self._tree_of.foresee(paths)


def _split(path: str) -> tuple[str | None, str]:
    """The ingredient that a path is in, and the path inside it."""
    if ROOM not in path:
        return None, ""
    room, _, inside = path.strip("/").partition("/")
    name, _, rest = inside.partition("/")
    return (name, rest) if room == ROOM and name else (None, "")

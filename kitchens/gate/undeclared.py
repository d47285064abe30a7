"""Files of the cookbook that a gate's checkout lacked, because the recipe did not declare them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from kitchens.gate.tree import TreeView

#: What may be a path in a log: in quotes, or without white space and punctuation.
_WORD = re.compile(r"""'([^'\n]+)'|"([^"\n]+)"|([^\s'"()\[\],;:`]+)""")
_PATTERN = re.compile(r"[*?\[]")

#: Python's own name for an import of what is not there.
_NO_MODULE = "ModuleNotFoundError"


def undeclared(
    log: str, root: str, folders: Iterable[str], covered: Iterable[str], view: TreeView
) -> list[str]:
    """The paths that `log` names, that the tree has, and that the checkout at `root` did not hold.

    `folders` are those in which nodes ran: relative paths begin there. `covered` is what the checkout held.
    """
    held = tuple(path.strip("/") for path in covered)
    starts = tuple(folders)
    found: dict[str, None] = {}
    for line in log.splitlines():
        for word in (*_paths(line, root, starts), *_modules(line, view)):
            path = view.source.link(word) or word
            if not _touches(path, held) and view.oid(path) is not None:
                found[path] = None
    return list(found)


def submodules(log: str, root: str, folders: Iterable[str], view: TreeView) -> list[str]:
    """The submodules in which the paths lie that `log` names: no checkout of ours holds their files."""
    starts = tuple(folders)
    words = (word for line in log.splitlines() for word in _paths(line, root, starts))
    return list(dict.fromkeys(found for word in words if (found := view.source.submodule(word))))


def _paths(line: str, root: str, folders: tuple[str, ...]) -> Iterator[str]:
    for match in _WORD.finditer(line):
        word = next(part for part in match.groups() if part)
        pattern = _PATTERN.search(word)
        if pattern is not None:
            word = posixpath.dirname(word[: pattern.start()])
        if word.startswith("/"):
            inside = posixpath.normpath(word)
            starts = [inside.removeprefix(f"{root}/")] if inside.startswith(f"{root}/") else []
        else:
            starts = [posixpath.normpath(posixpath.join(folder, word)) for folder in folders]
        yield from (path for path in starts if path != "." and not path.startswith(".."))


def _modules(line: str, view: TreeView) -> Iterator[str]:
    if _NO_MODULE not in line:
        return
    for match in _WORD.finditer(line):
        module = (match[1] or "").partition(".")[0]
        if module.isidentifier():
            for above in ("", *(f"{name}/" for name in view.source.names(""))):
                yield f"{above}{module}.py"
                yield f"{above}{module}"


def _touches(path: str, held: tuple[str, ...]) -> bool:
    """Whether the checkout held the path, or something below it."""
    return any(path == one or path.startswith(f"{one}/") or one.startswith(f"{path}/") for one in held)

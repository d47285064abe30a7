"""What the recipe in a folder reaches directly, by the folder's id, which never comes to mean another recipe.

Whoever keeps this from one command to the next spares reading every recipe of a cookbook to learn whom a change affects.
A proof goes by what it reads itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Raised when what is said of a folder comes to mean something else: what was kept is then forgotten.
FORMAT = 1

#: How many folders are remembered.
MANY = 1 << 14

#: By kind (`recipes` or `ingredients`) and id; None: it cannot be read.
_KNOWN: dict[tuple[str, str], tuple[str, ...] | None] = {}

#: What could be read and was not kept before: how many folders.
_news = 0


class Unknown(LookupError):
    """Nobody read this folder yet."""


def directly(kind: str, oid: str) -> tuple[str, ...] | None:
    """The folders that it reaches; None when it cannot be read, so that it may reach anything. Raises `Unknown`."""
    try:
        return _KNOWN[kind, oid]
    except KeyError:
        raise Unknown from None


def is_known(kind: str, oid: str | None) -> bool:
    """Whether a folder was read."""
    return (kind, oid) in _KNOWN


def note(kind: str, oid: str, reached: tuple[str, ...] | None) -> None:
    """Remember what was read."""
    global _news
    _news += reached is not None
    _put(kind, oid, reached)


def news() -> int:
    """How many folders were read, of all that this process noted."""
    return _news


def _put(kind: str, oid: str, reached: tuple[str, ...] | None) -> None:
    while len(_KNOWN) >= MANY:
        del _KNOWN[next(iter(_KNOWN))]
    _KNOWN[kind, oid] = reached


def readable() -> dict[str, Sequence[str]]:
    """All that could be read, as text, to be kept: `<kind> <id>` → what it reaches."""
    return {f"{kind} {oid}": reached for (kind, oid), reached in _KNOWN.items() if reached is not None}


def recall(kept: Mapping[str, Sequence[str]]) -> None:
    """Take up what was kept."""
    for key, reached in kept.items():
        kind, _, oid = key.partition(" ")
        if not is_known(kind, oid):
            _put(kind, oid, tuple(reached))

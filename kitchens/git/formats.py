"""Trees and commits as git stores them, read into values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from kitchens.git.command import text
from kitchens.model.kitchen import Identity
from kitchens_engine.tuples import NamedTuple


class Entry(NamedTuple):
    """A line of a tree. `mode` has six digits; `kind` is `blob`, `tree` or `commit` (a submodule)."""

    mode: str
    kind: str
    oid: str
    name: str


class Commit(NamedTuple):
    """A commit. `committed` carries the zone in which it was made."""

    tree: str
    parents: tuple[str, ...]
    author: Identity
    committed: datetime
    message: str


def parse_tree(content: bytes, size: int) -> tuple[Entry, ...]:
    """The lines of a tree's content, in which an id takes `size` bytes."""
    entries = []
    position = 0
    while position < len(content):
        space = content.index(b" ", position)
        end = content.index(b"\0", space)
        mode = content[position:space].decode().zfill(6)
        kind = {"040000": "tree", "160000": "commit"}.get(mode, "blob")
        oid = content[end + 1 : end + 1 + size].hex()
        entries.append(Entry(mode, kind, oid, text(content[space + 1 : end])))
        position = end + 1 + size
    return tuple(entries)


def parse_commit(content: bytes) -> Commit:
    """The commit in its content."""
    head, _, message = text(content).partition("\n\n")
    tree, author, committed = "", Identity("", ""), datetime.fromtimestamp(0, UTC)
    parents = []
    for line in head.split("\n"):
        key, _, value = line.partition(" ")
        match key:
            case "tree":
                tree = value
            case "parent":
                parents.append(value)
            case "author":
                author, _ = _parse_identity(value)
            case "committer":
                _, committed = _parse_identity(value)
    return Commit(tree, tuple(parents), author, committed, message)


def _parse_identity(line: str) -> tuple[Identity, datetime]:
    who, _, when = line.rpartition("> ")
    name, _, email = who.partition(" <")
    seconds, _, zone = when.partition(" ")
    try:
        shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
        moment = datetime.fromtimestamp(int(seconds), timezone(-shift if zone[0] == "-" else shift))
    except (ValueError, IndexError, OverflowError):
        # Old tools wrote dates that no calendar has; who made it is still worth knowing.
        moment = datetime.fromtimestamp(0, UTC)
    return Identity(name, email), moment

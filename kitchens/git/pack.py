"""Objects made in memory, and the pack stream in which `git unpack-objects` takes them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kitchens.git.command import data
from kitchens.model.kitchen import Identity

NUMBERS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}


@dataclass(frozen=True, slots=True)
class Written:
    """An object that is ready to be stored, with the id it will have."""

    kind: str
    content: bytes
    oid: str


def written(kind: str, content: bytes, width: int) -> Written:
    """The object of `kind` (`blob`, `tree`, `commit` or `tag`) with its id of `width` hex digits."""
    head = b"%s %d\0" % (kind.encode(), len(content))
    return Written(kind, content, _hash(head + content, width).hex())


def tree(lines: Iterable[tuple[str, str, str]], width: int) -> Written:
    """A tree of (mode, id, name), each name once, in any order."""
    # Git orders a folder as if its name ended with a slash.
    ordered = sorted(lines, key=lambda line: data(line[2]) + (b"/" if _is_tree(line[0]) else b""))
    content = b"".join(
        b"%s %s\0%s" % (mode.lstrip("0").encode(), data(name), bytes.fromhex(oid))
        for mode, oid, name in ordered
    )
    return written("tree", content, width)


def commit(
    tree: str, parents: Sequence[str], message: str, identity: Identity, when: datetime, width: int
) -> Written:
    """A commit by `identity`, author and committer alike. `when` must know its zone."""
    person = _person(identity, when)
    head = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines = [*head, f"author {person}", f"committer {person}", "", message.rstrip("\n") + "\n"]
    return written("commit", data("\n".join(lines)), width)


def tag(commit: str, name: str, message: str, identity: Identity, when: datetime, width: int) -> Written:
    """An annotated tag of a commit by `identity`. `when` must know its zone."""
    head = [f"object {commit}", "type commit", f"tag {name}", f"tagger {_person(identity, when)}"]
    return written("tag", data("\n".join([*head, "", message.rstrip("\n") + "\n"])), width)


def _person(identity: Identity, when: datetime) -> str:
    zone = when.strftime("%z")[:5] or "+0000"
    return f"{_plain(identity.name)} <{_plain(identity.email)}> {int(when.timestamp())} {zone}"


def pack(objects: Sequence[Written], width: int) -> bytes:
    """The pack stream that holds `objects`."""
    parts = [b"PACK" + (2).to_bytes(4, "big") + len(objects).to_bytes(4, "big")]
    for each in objects:
        parts.append(_size(NUMBERS[each.kind], len(each.content)))
        parts.append(zlib.compress(each.content, 1))
    body = b"".join(parts)
    return body + _hash(body, width)


def _size(number: int, size: int) -> bytes:
    """Kind and size as a pack writes them: four bits of size, then seven at a time, lowest first."""
    head = (number << 4) | (size & 0x0F)
    size >>= 4
    out = bytearray()
    while size:
        out.append(head | 0x80)
        head = size & 0x7F
        size >>= 7
    out.append(head)
    return bytes(out)


def _hash(content: bytes, width: int) -> bytes:
    return (hashlib.sha1 if width == 40 else hashlib.sha256)(content, usedforsecurity=False).digest()


def _is_tree(mode: str) -> bool:
    return mode in ("040000", "40000")


def _plain(part: str) -> str:
    """A name or address without what would end it inside a commit."""
    return "".join(each for each in part if each not in "<>\n\r\0").strip()

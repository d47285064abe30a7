"""A checkout's index as a file, where it is plain: a few of its entries changed, and everything else as it is.

Git reads and writes the whole index for each question about it: four times for a landing. Here a landing that edits
files finds their entries, and changes them in place. Whatever is not plain is git's: other versions than 2 and 3, an
index in parts, one that a monitor of files or a sparse checkout has a part in, flags, stages, names that may be others'.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.git.moving.changes import Change

#: What comes before the entries: signature, version, how many.
_HEAD = 12

#: What an entry begins with: two times, device, inode, mode, owner, group, size.
_STAT = 40
_MODE_AT = 24

_LONG = 0xFFF

#: Parts of an index that stay right when entries are changed in place, and the one that is changed with them.
_KEPT = frozenset((b"TREE", b"REUC", b"UNTR", b"EOIE"))


class NotPlain(Exception):
    """Only git can tell."""


class Folder(NamedTuple):
    """The trees of a folder before and after."""

    old: str
    new: str


def holds(content: bytes, edits: Collection[Change], width: int) -> bool:
    """Whether an index has what each edit changes as it was before, with nothing special about it, and nothing where
    one adds. Raises `NotPlain`. `width` is the number of hex digits in an id."""
    _require_plain(content, width)
    for edit in edits:
        if edit.before is None:
            if os.fsencode(edit.path) + b"\0" in content:
                # Or in the name of another one.
                raise NotPlain
        elif _mode(content, _entry(content, edit.path, edit.was)) != int(edit.before, 8):
            return False
    return True


def edited(content: bytes, edits: Collection[Change], folders: Mapping[str, Folder], width: int) -> bytes:
    """The index after these edits, none of which adds or removes a path; what their files look like is left open, so
    that git looks. `folders` are the trees of all folders above (`""` is the top). Raises `NotPlain`."""
    _require_plain(content, width)
    made = bytearray(content)
    for edit in edits:
        if edit.before is None or edit.after is None:
            raise NotPlain
        start = _entry(content, edit.path, edit.was)
        made[start : start + _STAT] = bytes(_STAT)
        made[start + _MODE_AT : start + _MODE_AT + 4] = int(edit.after, 8).to_bytes(4, "big")
        made[start + _STAT : start + _STAT + width // 2] = bytes.fromhex(edit.oid)
    for place, folder in _known_folders(content, width):
        if folder in folders:
            old, new = folders[folder]
            if content[place : place + width // 2] != bytes.fromhex(old):
                # Its user staged something beside: git knows what to forget.
                raise NotPlain
            made[place : place + width // 2] = bytes.fromhex(new)
    return _sealed(made, width)


def seen(content: bytes, files: Mapping[tuple[str, str], os.stat_result], width: int) -> bytes:
    """The index with what files look like that hold what it says: path and id → what `lstat` says. Raises `NotPlain`."""
    _require_plain(content, width)
    made = bytearray(content)
    for (path, oid), stat in files.items():
        start = _entry(content, path, oid)
        numbers = (
            *divmod(stat.st_ctime_ns, 10**9),
            *divmod(stat.st_mtime_ns, 10**9),
            stat.st_dev,
            stat.st_ino,
            _mode(content, start),
            stat.st_uid,
            stat.st_gid,
            stat.st_size,
        )
        made[start : start + _STAT] = b"".join((each & 0xFFFFFFFF).to_bytes(4, "big") for each in numbers)
    return _sealed(made, width)


def _require_plain(content: bytes, width: int) -> None:
    if content[:4] != b"DIRC" or int.from_bytes(content[4:8], "big") not in (2, 3):
        raise NotPlain
    if not {name for name, _, _ in _parts(content, width)} <= _KEPT:
        raise NotPlain


def _entry(content: bytes, path: str, oid: str) -> int:
    """Where the entry of a path begins that has this content: in no conflict, and with no flag."""
    name = os.fsencode(path)
    sought = bytes.fromhex(oid) + min(len(name), _LONG).to_bytes(2, "big") + name + b"\0"
    found = content.find(sought)
    if found < _HEAD + _STAT or content.find(sought, found + 1) != -1:
        raise NotPlain
    return found - _STAT


def _mode(content: bytes, start: int) -> int:
    return int.from_bytes(content[start + _MODE_AT : start + _MODE_AT + 4], "big")


def _parts(content: bytes, width: int) -> Iterator[tuple[bytes, int, int]]:
    """The parts that follow the entries, each with where it begins and ends: from the one that knows trees to the end
    of the file. What git writes before that one would show in a file of its own, or in flags."""
    end = len(content) - width // 2
    start = content.rfind(b"TREE", 0, end)
    while start != -1:
        found = list(_chain(content, start, end))
        if found and found[-1][2] == end and found[0][1] > _HEAD:
            yield from found
            return
        start = content.rfind(b"TREE", 0, start)
    raise NotPlain


def _chain(content: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while start + 8 <= end:
        size = int.from_bytes(content[start + 4 : start + 8], "big")
        if start + 8 + size > end:
            return
        yield content[start : start + 4], start + 8, start + 8 + size
        start += 8 + size


def _known_folders(content: bytes, width: int) -> Iterator[tuple[int, str]]:
    """Where the index has the id of a folder's tree, and which folder that is."""
    position, end = next((start, end) for name, start, end in _parts(content, width) if name == b"TREE")
    #: The folders above, each with how many inside are still to come.
    above: list[tuple[str, int]] = []
    while position < end:
        stop = content.index(b"\0", position)
        line = content.index(b"\n", stop)
        name = os.fsdecode(content[position:stop])
        count, inside = map(int, content[stop + 1 : line].split(b" "))
        path = f"{above[-1][0]}/{name}".lstrip("/") if above else ""
        position = line + 1
        if count >= 0:
            yield position, path
            position += width // 2
        if above:
            above[-1] = (above[-1][0], above[-1][1] - 1)
        above.append((path, inside))
        while above and above[-1][1] == 0:
            above.pop()
    if position != end:
        raise NotPlain


def _sealed(made: bytearray, width: int) -> bytes:
    """With its own hash at the end, unless its user wants none."""
    end = len(made) - width // 2
    if any(made[end:]):
        make = hashlib.sha1 if width == 40 else hashlib.sha256
        made[end:] = make(memoryview(made)[:end], usedforsecurity=False).digest()
    return bytes(made)

"""Refs and checkouts as plain files, for questions that would otherwise cost a process each.

Git keeps its word about these formats (gitrepository-layout). Whatever is not plain here is git's to answer: other ways
of keeping refs, symbolic refs, names that no ref may have, files cut off, and so many that git reads them faster.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from kitchens.git.command import text

#: So many loose refs, and so many bytes of packed ones, are read here.
FEW = 96
SMALL = 1 << 15

_ID = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
#: Names of one part that no rule for refs forbids. What is odd, git judges.
_PLAIN = re.compile(r"[A-Za-z0-9_+-](?:\.?[A-Za-z0-9_+-])*")
_HEAD = b"ref: refs/heads/"


class NotPlain(Exception):
    """Only git can tell."""


def listed(common: Path, prefixes: Sequence[str]) -> dict[str, str]:
    """All refs below `prefixes` (such as `refs/heads/`), by full name, sorted. Raises `NotPlain`."""
    _require_files(common)
    found: dict[str, str] = {}
    for prefix in prefixes:
        _walk(common, prefix.rstrip("/"), found)
    # Loose ones first: git packs a ref before it removes its file.
    packed = _packed(common, prefixes)
    return dict(sorted({**packed, **found}.items()))


def is_direct(common: Path, ref: str) -> bool:
    """Whether it is certain that `ref` names no other ref. Raises nothing: where only git can tell, it is not."""
    if os.path.lexists(common / "reftable"):
        return False
    file = common / ref
    try:
        with open(file, "rb") as opened:
            return not file.is_symlink() and not opened.read(4).startswith(b"ref:")
    except (FileNotFoundError, IsADirectoryError):
        # Packed, or not there: what names another ref is never packed.
        return not file.is_symlink()
    except OSError:
        return False


def heads(common: Path) -> list[tuple[Path, str | None]]:
    """The checkouts made by `git worktree`, by path, each with its branch; None where it is detached. Raises
    `NotPlain`."""
    _require_files(common)
    found: list[tuple[Path, str | None]] = []
    try:
        names = os.listdir(common / "worktrees")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise NotPlain from error
    for name in names:
        own = common / "worktrees" / name
        try:
            link = os.fsdecode((own / "gitdir").read_bytes()).rstrip("\n")
        except (FileNotFoundError, NotADirectoryError):
            # Half made, or half removed: git passes over it too.
            continue
        except OSError as error:
            raise NotPlain from error
        path, git = os.path.split(os.path.normpath(own / link))
        if git != ".git":
            raise NotPlain
        found.append((Path(path), head(own)))
    return sorted(found)


def head(directory: Path) -> str | None:
    """The branch that `HEAD` in a git directory names, None for none. Raises `NotPlain`."""
    file = directory / "HEAD"
    try:
        content = file.read_bytes()
        linked = file.is_symlink()
    except OSError as error:
        raise NotPlain from error
    if linked or not content.endswith(b"\n"):
        raise NotPlain
    if content.startswith(_HEAD):
        return text(content[len(_HEAD) :].strip())
    if _ID.fullmatch(content.strip()):
        return None
    raise NotPlain


def _require_files(common: Path) -> None:
    # Where a table holds the refs, these files are for show.
    if os.path.lexists(common / "reftable"):
        raise NotPlain


def _walk(common: Path, folder: str, found: dict[str, str]) -> None:
    try:
        entries = list(os.scandir(common / folder))
    except FileNotFoundError:
        return
    except OSError as error:
        raise NotPlain from error
    if len(found) + len(entries) > FEW:
        raise NotPlain
    for entry in entries:
        name = f"{folder}/{entry.name}"
        if entry.name.endswith(".lock"):
            continue
        if not _PLAIN.fullmatch(entry.name) or entry.is_symlink():
            raise NotPlain
        if entry.is_dir():
            _walk(common, name, found)
        elif (oid := _loose(Path(entry.path))) is not None:
            found[name] = oid


def _loose(file: Path) -> str | None:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        # Deleted, or packed, a moment ago.
        return None
    except OSError as error:
        raise NotPlain from error
    return _id(content.removesuffix(b"\n"))


def _id(content: bytes) -> str:
    if not _ID.fullmatch(content) or not content.strip(b"0"):
        raise NotPlain
    return content.decode()


def _packed(common: Path, prefixes: Sequence[str]) -> dict[str, str]:
    try:
        with open(common / "packed-refs", "rb") as file:
            content = file.read(SMALL + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise NotPlain from error
    if len(content) > SMALL or not content.endswith(b"\n"):
        raise NotPlain
    found: dict[str, str] = {}
    for line in content.splitlines():
        if line.startswith((b"#", b"^")):
            continue
        oid, _, name = line.partition(b" ")
        if text(name).startswith(tuple(prefixes)):
            if not all(map(_PLAIN.fullmatch, text(name).split("/"))):
                raise NotPlain
            found[text(name)] = _id(oid)
    return found

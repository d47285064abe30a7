"""Checkouts that were used before, and become another tree's by what differs: a gate's is made in a fraction of the time.

Nothing is believed of what somebody worked in. A file stays only if its `lstat` is what it was when we had just written
it; inode, size and both times are compared to the nanosecond, and the change time cannot be set. All else is removed
and written anew. To take one is to rename it, so two never get the same; killed at any point, it is a folder less.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from kitchens.git.checkouts.checkout import covered, listed, plan_tree, write_file, write_planned
from kitchens.git.checkouts.folders import remove_folder
from kitchens.git.claims import boot
from kitchens.git.formats import Entry
from kitchens.git.objects import Objects
from kitchens_engine.errors import EnvironmentFailure

#: With fewer files a checkout is written as fast as one is looked through.
WORTH = 200

#: How many lie ready; the one that lay longest goes.
KEPT = 4

#: Seconds that the clock of the disk may take to its next tick.
TICK = 0.1

#: After so many uses a record is written anew and not added to.
LINES = 50

#: What is known of a file: mode and id as git says them, then how it looks on disk.
Known = list[Any]

#: What is known of a folder: its tree's id where all of it is there, its mode on disk, its files, its folders.
Folder = dict[str, Any]

#: What is wanted at a path: an entry with all below it, or of a folder only some of its names.
Wanted = Entry | dict[str, "Wanted"]


@contextmanager
def checked_out(
    objects: Objects, tree: str, pool: Path, folder: Path, paths: Collection[str] | None = None
) -> Iterator[Path]:
    """`folder/tree`, exactly the files of `tree` (with `paths` only these), to do anything with.

    `folder` is there, on the disk of `pool`, and belongs to the caller, who removes it at the end. The checkout goes
    back to the pool when nothing was raised and no process is left in it. Raises what `write_tree` does.
    """
    subject = _subject(paths)
    checkout, aside = folder / "tree", folder / "pooled"
    newest = None
    if _take(pool, subject, aside):
        # Whatever is wrong with it, it can be made anew.
        with suppress(OSError, ValueError, LookupError):
            newest = _Slot(objects, aside).refitted(_wanted(objects, tree, paths))
    try:
        if newest is None:
            newest = _fresh(objects, tree, paths, folder)
        if newest is not None:
            (aside / "tree").rename(checkout)
    except OSError as error:
        where = error.filename or folder
        raise EnvironmentFailure(f"`{where}` cannot be written: {error.strerror}", code="disk") from error
    sure = newest is not None and _clock_has_moved(aside, newest)
    yield checkout
    if sure and not _in_use(checkout):
        with suppress(OSError):
            checkout.rename(aside / "tree")
            _put_back(pool, subject, aside, folder)


def _fresh(objects: Objects, tree: str, paths: Collection[str] | None, folder: Path) -> int | None:
    """Write all of it: the plain way, in its place, where it is small; then None."""
    aside = folder / "pooled"
    if aside.exists():
        # What is wrong with it may be that it cannot be removed: it goes with the caller's folder, as far as it goes.
        aside.rename(folder / "spoiled")
    planned = plan_tree(objects, tree, paths)
    newest = None
    if len(planned.files) >= WORTH:
        newest = _Slot.new(objects, aside).refitted(_wanted(objects, tree, paths))
    if newest is None:
        write_planned(objects, planned, folder / "tree")
    return newest


class _Slot:
    """A checkout and its record, in a folder that is ours alone."""

    def __init__(self, objects: Objects, aside: Path) -> None:
        self._objects = objects
        self._file = aside / "record"
        self._top = str(aside / "tree")
        first, *later = self._file.read_bytes().splitlines()
        if json.loads(first) != boot():
            # What a machine wrote that lost its power may be half, whatever its times say.
            raise ValueError("another boot")
        self._known: dict[str, Folder] = {}
        for line in later:
            self._known |= json.loads(line)
        self._lines = len(later)
        self._changed: dict[str, Folder] = {}
        self._gone: list[str] = []
        self._missing: list[tuple[str, str, Entry]] = []

    @classmethod
    def new(cls, objects: Objects, aside: Path) -> _Slot:
        """One with nothing in it."""
        (aside / "tree").mkdir(parents=True)
        (aside / "record").write_text(f"{json.dumps(boot())}\n")
        return cls(objects, aside)

    def refitted(self, wanted: Wanted) -> int | None:
        """Make the checkout what is `wanted`, and give the newest change time in it, in nanoseconds; None when
        nobody can tell what was done to it."""
        newest = self._look_through("", wanted)
        if newest is None:
            return None
        waiting = iter(self._missing)

        def take(stream: IO[bytes], size: int) -> None:
            nonlocal newest
            folder, name, entry = next(waiting)
            path = f"{self._top}/{folder}/{name}"
            write_file(path, entry.mode, stream, size)
            look = _look(os.lstat(path))
            self._changed[folder]["files"][name] = [entry.mode, entry.oid, *look]
            newest = max(newest or 0, look[-1])

        self._objects.copy_all([entry.oid for _, _, entry in self._missing], take)
        self._write_down()
        return newest

    def _look_through(self, where: str, wanted: Wanted) -> int | None:
        """Keep what is as we left it and is wanted, remove the rest, and note what is missing."""
        path = f"{self._top}/{where}"
        before = self._known.get(where)
        mode = os.lstat(path).st_mode
        if (before is not None and before["mode"] != mode) or not stat.S_ISDIR(mode) or _marked(path):
            return None
        whole = wanted.oid if isinstance(wanted, Entry) and wanted.kind == "tree" else None
        folders: dict[str, Wanted]
        if before is not None and whole is not None and before["tree"] == whole:
            files, folders = before["files"], {name: _folder(oid) for name, oid in before["folders"].items()}
            entries: dict[str, Entry] = {}
        else:
            entries, folders = self._names(where, wanted)
            files = {} if before is None else _same(before["files"], entries)
        kept, there, newest = self._clear(where, files, folders)
        if len(kept) < len(files) or before is None or before["tree"] != whole or whole is None:
            entries = entries or {
                name: Entry(known[0], "blob", known[1], name) for name, known in files.items()
            }
            self._missing += [(where, name, entry) for name, entry in entries.items() if name not in kept]
            self._changed[where] = {
                "tree": whole,
                "mode": mode,
                "files": kept,
                "folders": {
                    name: each.oid if each.kind == "tree" else ""
                    for name, each in folders.items()
                    if isinstance(each, Entry)
                },
            }
        for name, each in folders.items():
            inner = f"{where}/{name}" if where else name
            if name not in there or inner not in self._known:
                if name in there:
                    remove_folder(Path(f"{self._top}/{inner}"))
                os.mkdir(f"{self._top}/{inner}")
                self._known.pop(inner, None)
            found = self._look_through(inner, each)
            if found is None:
                return None
            newest = max(newest, found)
        return newest

    def _names(self, where: str, wanted: Wanted) -> tuple[dict[str, Entry], dict[str, Wanted]]:
        """The files and the folders that are wanted in a folder, by name. A submodule is an empty folder."""
        names: Mapping[str, Wanted]
        if isinstance(wanted, Entry):
            found = listed(self._objects, where, wanted.oid) if wanted.kind == "tree" else ()
            names = {entry.name: entry for entry in found}
        else:
            names = wanted
        files = {
            name: each for name, each in names.items() if isinstance(each, Entry) and each.kind == "blob"
        }
        return files, {name: each for name, each in names.items() if name not in files}

    def _clear(
        self, where: str, files: Mapping[str, Known], folders: Mapping[str, Wanted]
    ) -> tuple[dict[str, Known], set[str], int]:
        """Remove what is neither a file as we left it nor a folder that is wanted; what stays, and its newest change."""
        kept: dict[str, Known] = {}
        there: set[str] = set()
        newest = 0
        # Names in an open folder are looked up faster than whole paths.
        opened = os.open(f"{self._top}/{where}", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            for name in os.listdir(opened):
                found = os.stat(name, dir_fd=opened, follow_symlinks=False)
                known = files.get(name)
                if known is not None and known[2:] == _look(found):
                    kept[name] = known
                    newest = max(newest, found.st_ctime_ns)
                elif not stat.S_ISDIR(found.st_mode):
                    os.unlink(name, dir_fd=opened)
                elif name in folders:
                    there.add(name)
                else:
                    remove_folder(Path(f"{self._top}/{where}/{name}"))
        finally:
            os.close(opened)
        return kept, there, newest

    def _write_down(self) -> None:
        anew = self._lines >= LINES
        text = [json.dumps(boot())] if anew else []
        text.append(
            json.dumps((self._known | self._changed) if anew else self._changed, separators=(",", ":"))
        )
        with self._file.open("w" if anew else "a", encoding="ascii") as file:
            file.write("\n".join(text) + "\n")


def _subject(paths: Collection[str] | None) -> str:
    """What a checkout is of. One of other paths would have to be written anew, nearly all of it."""
    import hashlib

    text = "*" if paths is None else "\0".join(sorted(set(paths)))
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:16]


def _wanted(objects: Objects, tree: str, paths: Collection[str] | None) -> Wanted:
    if paths is None:
        return _folder(objects.tree(tree) or tree)
    wanted: dict[str, Wanted] = {}
    for path, entry in covered(objects, tree, paths):
        if not path:
            return entry
        *above, name = path.split("/")
        table: Wanted = wanted
        for part in above:
            # What lies in a folder that is wanted whole is wanted already.
            if isinstance(table, dict):
                table = table.setdefault(part, {})
        if isinstance(table, dict):
            table[name] = entry
    return wanted


def _folder(oid: str) -> Entry:
    """A folder with all that is in it; a submodule has nothing in it."""
    return Entry("160000", "commit", "", "") if not oid else Entry("040000", "tree", oid, "")


def _same(files: Mapping[str, Known], entries: Mapping[str, Entry]) -> dict[str, Known]:
    """The files that are known with the very content that is wanted."""
    return {
        name: files[name]
        for name, entry in entries.items()
        if name in files and files[name][0] == entry.mode and files[name][1] == entry.oid
    }


def _marked(path: str) -> bool:
    """Whether a folder has attributes beyond its mode, such as an access list that new files would inherit."""
    if not hasattr(os, "listxattr"):
        return True  # nobody can tell here
    try:
        return any(not name.startswith("security.") for name in os.listxattr(path))
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        return False


def _take(pool: Path, subject: str, aside: Path) -> bool:
    """Take one of the subject: that which was used last."""
    for name in sorted(_names(pool), reverse=True):
        if name.endswith(subject):
            with suppress(OSError):
                (pool / name).rename(aside)
                return True
    return False


def _put_back(pool: Path, subject: str, aside: Path, folder: Path) -> None:
    pool.mkdir(parents=True, exist_ok=True)
    aside.rename(pool / f"{time.time_ns():020}-{subject}")
    for position, name in enumerate(sorted(_names(pool), reverse=True)):
        if position >= KEPT:
            with suppress(OSError):
                (pool / name).rename(folder / f"old-{position}")


def _names(pool: Path) -> list[str]:
    try:
        return os.listdir(pool)
    except FileNotFoundError:
        return []


def _clock_has_moved(aside: Path, newest: int) -> bool:
    """Wait until whatever is changed from now on bears a later time than all in the checkout.

    False when the clock of the disk does not move on: then nothing could be told of this checkout later.
    """
    probe = aside / "clock"
    deadline = time.monotonic() + TICK
    while True:
        probe.touch()
        if os.lstat(probe).st_ctime_ns > newest:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)


def _look(found: os.stat_result) -> list[int]:
    return [found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _in_use(folder: Path) -> bool:
    """Whether a process works in `folder`, or has a file of it open or mapped. Where nobody can tell, one may."""
    inside, top = f"{folder}/", str(folder)
    try:
        processes = [name for name in os.listdir("/proc") if name.isdigit()]
    except FileNotFoundError:
        return True
    for process in processes:
        with suppress(OSError):
            if f"{os.readlink(f'/proc/{process}/cwd')}/".startswith(inside):
                return True
            for name in os.listdir(f"/proc/{process}/fd"):
                with suppress(OSError):
                    where = os.readlink(f"/proc/{process}/fd/{name}")
                    if where == top or where.startswith(inside):
                        return True
            with open(f"/proc/{process}/maps", "rb") as maps:
                if os.fsencode(inside) in maps.read():
                    return True
    return False

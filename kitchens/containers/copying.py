"""Files and folders between this machine and a container."""

from __future__ import annotations

import io
import stat
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import IO

from kitchens.containers.engine import Engine
from kitchens.containers.wire.unix import Missing
from kitchens_engine.errors import InvalidInput


def copy_out(engine: Engine, container: str, source: str, target: Path) -> Path:
    """Copy what is at `source` in the container; into `target` when that is a folder, else under that name."""
    if not target.parent.is_dir():
        raise InvalidInput(f"there is no folder `{target.parent}`", code="path")
    with (
        tempfile.TemporaryFile() as file,
        engine.asked("files could not be copied out of the service") as api,
    ):
        try:
            pieces, facts = api.get_archive(container, source)
        except Missing:
            raise InvalidInput(f"the service has no `{source}`", code="path") from None
        for piece in pieces:
            file.write(piece)
        file.seek(0)
        made = target / facts["name"] if target.is_dir() else target
        _unpack(file, facts["name"], made)
    return made


def copy_in(engine: Engine, container: str, source: Path, target: str) -> None:
    """Copy a file or folder; into `target` when that is a folder, else under that name. It is root's in there."""
    if not source.exists():
        raise InvalidInput(f"there is no `{source}`", code="path")
    with engine.asked("files could not be copied into the service") as api:
        folder, name = PurePosixPath(target).parent, PurePosixPath(target).name
        try:
            _, facts = api.get_archive(container, target)
        except Missing:
            facts = {}
        # The engine says modes in the words of Go: folders have the highest bit.
        if facts.get("mode", 0) & 1 << 31:
            folder, name = PurePosixPath(target), source.name
        with tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                archive.add(source, name, filter=_roots)
            file.seek(0)
            try:
                api.put_archive(container, str(folder), file)
            except Missing:
                raise InvalidInput(f"the service has no folder `{folder}`", code="path") from None


def _roots(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _unpack(file: IO[bytes], name: str, made: Path) -> None:
    """The archive's one root under another name. Links that leave it, and devices, are refused."""
    with tarfile.open(fileobj=file, mode="r") as archive:
        entries = archive.getmembers()
        if entries and entries[0].isfile():
            content = archive.extractfile(entries[0]) or io.BytesIO()
            made.write_bytes(content.read())
            made.chmod(stat.S_IMODE(entries[0].mode))
            return
        made.mkdir(exist_ok=True)
        inner = []
        for entry in entries:
            rest = entry.name.rstrip("/").removeprefix(name).lstrip("/")
            if rest:
                inner.append(entry.replace(name=rest, deep=False))
        try:
            archive.extractall(made, members=inner, filter="data")
        except tarfile.FilterError as error:
            raise InvalidInput(f"a link in the service's folder leaves it: {error}", code="path") from None

"""The power goes: what was not on the disk by then is lost, and still it is old or new, and the next command heals."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.soak.shop import Shop
from tests.soak.sound import Job, check_cut_off, moments, run_whole

#: ext4's own switch for tests like these: from now on nothing reaches the disk, not even its journal.
_SHUTDOWN, _NO_FLUSH = 0x8004587D, 2


#: What is on the disk when it is told. Of other commands a cut may take the last moment.
LANDS = ("merge", "promote", "rollback")


class Disk:
    """A disk with a file system of its own, whose power can go."""

    def __init__(self, image: Path, folder: Path) -> None:
        self._image = image
        self.folder = folder

    def mount(self) -> None:
        """Turn it on; ext4 reads its journal."""
        subprocess.run(["mount", "-o", "loop", self._image, self.folder], check=True)

    def sync(self) -> None:
        """What was written until now is there to stay."""
        subprocess.run(["sync", "--file-system", self.folder], check=True)

    def cut(self) -> None:
        """What the kernel has not written by now never will be."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_FLUSH))
        finally:
            os.close(descriptor)

    def restart(self) -> None:
        """Off and on again. What is on then is a copy: somebody's namespace may hold the disk that went."""
        subprocess.run(["umount", "--lazy", self.folder], check=True)
        copy = self._image.with_name(os.urandom(4).hex())
        subprocess.run(["cp", "--sparse=always", self._image, copy], check=True)
        self._image.unlink()
        self._image = copy
        self.mount()


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """An ext4 of its own; only root can have one."""
    folder = tmp_path_factory.mktemp("power")
    disk = Disk(folder / "image", folder / "disk")
    disk.folder.mkdir()
    with (folder / "image").open("wb") as image:
        image.truncate(96 << 20)
    if not shutil.which("mkfs.ext4") or os.geteuid() != 0:
        pytest.skip("a disk can be mounted by root only")
    subprocess.run(["mkfs.ext4", "-q", "-F", folder / "image"], check=True)
    try:
        disk.mount()
    except subprocess.CalledProcessError:
        pytest.skip("no file can be mounted as a disk here")
    yield disk
    subprocess.run(["umount", "--lazy", disk.folder], check=True)


@pytest.fixture(scope="module")
def plugged(disk: Disk, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A cookbook on that disk; what it starts from lies elsewhere."""
    return Shop(tmp_path_factory.mktemp("soak"), disk.folder / "desk")


@pytest.mark.trials(1, 40, quick=("merge",))
def test_the_power_goes_at_a_random_moment(plugged: Shop, disk: Disk, job: Job, trials: int) -> None:
    """Up to a little after the command said that it was done: git finds the repository sound, and it heals."""
    after = run_whole(plugged, job)
    for moment in moments(plugged, job, trials, beyond=1.2):
        disk.sync()
        child = plugged.start(*job.words)
        time.sleep(moment)
        disk.cut()
        end_session(child.pid)
        answer = child.wait()
        disk.restart()
        if answer.status == 0 and job.words[0] in LANDS:
            assert trees(plugged.refs()) == trees(after), "it said that it had landed"
        check_cut_off(plugged, job, after)


def trees(refs: dict[str, str]) -> dict[str, str]:
    """What each branch holds."""
    return {ref: value.split()[1] for ref, value in refs.items() if ref.startswith("refs/heads/")}


def end_session(leader: int) -> None:
    """End whatever a command started, in groups of its own or not: no process outlives a power cut."""
    while found := [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_of(pid, leader)]:
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _is_of(pid: int, session: int) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return False
    return fields[3] == str(session) and fields[0] != "Z"

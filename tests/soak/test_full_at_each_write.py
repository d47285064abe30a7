"""The disk is full at each single write of the run database: exit 5 and one sentence, and the run is gone on with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.desk import Answer
from tests.soak.shop import Shop
from tests.soak.sound import git_finds_it_sound
from tests.soak.test_full_disk import one_sentence

#: Stands before the C library: from the n-th write to a file of a name on, or at it alone, there is no room.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int full(int fd) {
    char link[64] = "/proc/self/fd/", path[4096];
    char digits[16]; int n = 0, at = 14;
    do { digits[n++] = '0' + fd % 10; fd /= 10; } while (fd);
    while (n) link[at++] = digits[--n];
    link[at] = 0;
    ssize_t got = readlink(link, path, sizeof path - 1);
    if (got < 0) return 0;
    path[got] = 0;
    const char *name = getenv("FULL_FILE"), *counter = getenv("FULL_COUNTER");
    if (!name || !counter || !strstr(path, name)) return 0;
    int count = open(counter, O_WRONLY | O_APPEND);
    if (count < 0) return 0;
    syscall(SYS_write, count, "x", 1);
    long now = lseek(count, 0, SEEK_END), from = atol(getenv("FULL_FROM"));
    close(count);
    return getenv("FULL_ONCE") ? now == from : now >= from;
}
#define REFUSED(fd) if (full(fd)) { errno = ENOSPC; return -1; }
ssize_t write(int fd, const void *b, size_t n) { REFUSED(fd) return syscall(SYS_write, fd, b, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { REFUSED(fd) return syscall(SYS_pwrite64, fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off_t o) { REFUSED(fd) return syscall(SYS_pwrite64, fd, b, n, o); }
int ftruncate(int fd, off_t n) { REFUSED(fd) return syscall(SYS_ftruncate, fd, n); }
int ftruncate64(int fd, off_t n) { REFUSED(fd) return syscall(SYS_ftruncate, fd, n); }
int posix_fallocate(int fd, off_t o, off_t n) { if (full(fd)) return ENOSPC; return -syscall(SYS_fallocate, fd, 0, o, n); }
int fallocate(int fd, int m, off_t o, off_t n) { REFUSED(fd) return syscall(SYS_fallocate, fd, m, o, n); }
"""
WORDS = ("order", "run", "counts", "--kitchen", "feature")


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that says that the disk is full."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("shim")
    (folder / "full.c").write_text(SHIM)
    library = folder / "full.so"
    words = [compiler, "-shared", "-fPIC", "-o", str(library), str(folder / "full.c"), "-ldl"]
    subprocess.run(words, check=True)
    return library


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("once", [False, True], ids=["for-good", "once"])
def test_no_room_at_any_write_of_the_records(shop: Shop, shim: Path, tmp_path: Path, once: bool) -> None:
    """Each write of a run in turn, and all that come after it or not."""
    counter = tmp_path / "count"
    done = typed(shop, shim, counter, 1 << 40, once=once)
    assert done.status == 0, done
    writes = counter.stat().st_size
    assert writes > 5
    for number in range(1, writes + 1):
        shop.reset()
        one_sentence(typed(shop, shim, counter, number, once=once))
        records = shop.kitchen("order", "list", "--json")
        assert records.status == 0, (number, records)
        for one in records.document:
            assert one["status"] in ("passed", "interrupted"), (number, one)
            if one["status"] == "interrupted":
                resumed = shop.kitchen("order", "resume", one["run"])
                assert resumed.status == 0, (number, resumed)
        assert shop.kitchen(*WORDS).status == 0
        git_finds_it_sound(shop)


def typed(shop: Shop, shim: Path, counter: Path, number: int, *, once: bool) -> Answer:
    """A run, in a process whose n-th write of the records finds no room."""
    counter.write_bytes(b"")
    environment = {
        **os.environ,
        "LD_PRELOAD": str(shim),
        "FULL_FILE": "/.git/kitchens/runs.",
        "FULL_COUNTER": str(counter),
        "FULL_FROM": str(number),
    }
    if once:
        environment["FULL_ONCE"] = "1"
    command = [str(Path(sys.executable).with_name("kitchen")), *WORDS]
    done = subprocess.run(
        command, cwd=shop.folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    return Answer(done.returncode, done.stdout, done.stderr)

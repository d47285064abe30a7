"""Checkouts that were used before: whatever was done to one, the next is exactly its tree."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kitchens.git.checkouts import pool as pools
from kitchens.git.checkouts.checkout import write_tree
from kitchens.git.checkouts.pool import checked_out

from ..conftest import Checkout
from ..crash import every_step, killed_at


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Small trees are pooled too."""
    monkeypatch.setattr(pools, "WORTH", 1)


@pytest.fixture
def desk(checkout: Checkout, repository, tmp_path):
    """A commit with folders, a link and a program, and how a gate takes a checkout of one."""
    checkout.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    checkout.write("deep/er/file", "deep")
    (checkout.path / "link").symlink_to("deep/er")
    checkout.commit(a__txt="a", b__txt="b")
    return Bench(checkout, repository, tmp_path)


class Bench:
    """Takes checkouts, looks at them, and counts what was written."""

    def __init__(self, checkout, repository, folder):
        self.checkout, self.repository, self.folder = checkout, repository, folder
        self.pool = folder / "pool"
        self.number = 0

    def take(self, paths=None, tree="HEAD^{tree}"):
        self.number += 1
        folder = self.folder / f"gate-{self.number}"
        folder.mkdir()
        oid = self.repository.objects.resolve(tree)
        return checked_out(self.repository.objects, oid, self.pool, folder, paths)

    def exact(self, path: Path, paths=None, tree="HEAD^{tree}") -> bool:
        fresh = self.folder / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        write_tree(self.repository.objects, self.repository.objects.resolve(tree), fresh, paths)
        return snapshot(path) == snapshot(fresh)


def snapshot(folder: Path) -> dict[str, object]:
    """Every path below a folder with its kind, mode and content."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        content: object = None
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = path.read_bytes()
        found[str(path.relative_to(folder))] = (path.lstat().st_mode, content)
    return found


def same_size(path: Path) -> None:
    """Change a file, and hide it as well as a node could."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"X")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


HARM = {
    "edited in place, its time set back": lambda top: same_size(top / "a.txt"),
    "deleted": lambda top: (top / "deep/er/file").unlink(),
    "a folder deleted": lambda top: shutil.rmtree(top / "deep"),
    "added": lambda top: (top / "deep/extra").write_text("x"),
    "a folder added": lambda top: (top / "__pycache__/x").mkdir(parents=True),
    "a mode changed": lambda top: (top / "a.txt").chmod(0o755),
    "the mode of a folder changed": lambda top: (top / "deep").chmod(0o700),
    "no longer readable": lambda top: (top / "deep").chmod(0),
    "a folder became a link": lambda top: (
        (top / "deep").rename(top / "moved"),
        (top / "deep").symlink_to("moved"),
    ),
    "a file became a folder": lambda top: ((top / "a.txt").unlink(), (top / "a.txt").mkdir()),
    "two files swapped": lambda top: (
        (top / "a.txt").rename(top / "c.txt"),
        (top / "b.txt").rename(top / "a.txt"),
        (top / "c.txt").rename(top / "b.txt"),
    ),
    "a link turned": lambda top: ((top / "link").unlink(), (top / "link").symlink_to("/etc")),
    "a hard link kept": lambda top: os.link(top / "a.txt", top.parent / "kept"),
    "all of it gone": lambda top: [
        shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
        for each in top.iterdir()
    ],
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_whatever_was_done_the_next_is_exactly_its_tree(desk, harm):
    """What somebody did in a checkout is gone from the next one, however well it was hidden."""
    with desk.take() as first:
        harm(first)
    with desk.take() as second:
        assert desk.exact(second)
    kept = desk.folder / "gate-1" / "kept"
    if kept.exists():
        kept.write_text("theirs")
    with desk.take() as third:
        assert desk.exact(third)


def test_only_what_differs_is_written(desk):
    """Of the next tree only what is not there already is written: the rest is the same files."""
    with desk.take() as first:
        before = {name: written(first, name) for name in ("a.txt", "b.txt", "deep/er/file")}
    desk.checkout.commit(**{"a__txt": "new", "deep/new": "new"})
    with desk.take() as second:
        assert desk.exact(second)
        after = {name: written(second, name) for name in before}
    assert after["b.txt"] == before["b.txt"]
    assert after["deep/er/file"] == before["deep/er/file"]
    assert after["a.txt"] != before["a.txt"]


def written(folder: Path, name: str) -> int:
    return (folder / name).stat().st_mtime_ns


def test_any_history_of_trees_and_harm(desk):
    """Twenty random trees and random damage between: each checkout is exactly its tree."""
    chance = random.Random(5)
    names = ["a.txt", "deep/er/file", "x/y", "x/z/w", "n"]
    for step in range(20):
        path = chance.choice(names)
        if chance.random() < 0.3 and (desk.checkout.path / path).exists():
            (desk.checkout.path / path).unlink()
        else:
            desk.checkout.write(path, f"{chance.randrange(3)}")
        desk.checkout.commit(f"step {step}")
        with desk.take() as found:
            assert desk.exact(found)
            there = [each for each in found.rglob("*") if each.is_file() and not each.is_symlink()]
            if chance.random() < 0.7:
                victim = chance.choice(there)
                same_size(victim) if victim.stat().st_size else victim.unlink()


def test_paths_and_the_whole_are_kept_apart(desk):
    """A checkout of some paths holds these only, whatever lay in the pool."""
    for paths in (None, ["deep"], ["deep/er/file", "a.txt"], None, ["deep"], ["deep/er/file", "a.txt"]):
        with desk.take(paths) as found:
            assert desk.exact(found, paths)


def test_two_at_once_never_share(desk):
    """Whoever comes second gets one of his own."""
    with desk.take():
        pass
    with desk.take() as first, desk.take() as second:
        (first / "a.txt").write_text("mine")
        assert desk.exact(second)


def test_where_nobody_can_tell_it_is_written_the_plain_way(desk, monkeypatch):
    """Without extended attributes to look at, and without /proc, nothing goes back to the pool."""
    monkeypatch.delattr(os, "listxattr")
    with desk.take() as found:
        assert desk.exact(found)
    assert not desk.pool.exists()


def test_few_are_kept(desk):
    """The pool does not grow with what was ever checked out."""
    for number in range(pools.KEPT + 2):
        desk.checkout.commit(**{f"f{number}": "x"})
        with desk.take([f"f{number}"]):
            pass
    assert len(list(desk.pool.iterdir())) == pools.KEPT


def test_one_that_a_process_is_still_in_is_not_used_again(desk):
    """A process that outlived its gate could write into the next one."""
    with desk.take() as first:
        stray = subprocess.Popen(
            [sys.executable, "-c", "import sys; f = open('a.txt'); print(1, flush=True); sys.stdin.read()"],
            cwd=first,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert stray.stdout.readline()
    assert not desk.pool.exists()
    stray.communicate()
    with pytest.raises(ValueError, match="failed"), desk.take():
        raise ValueError("failed")
    assert not desk.pool.exists()


def test_after_a_reboot_nothing_is_believed(desk, monkeypatch):
    """What was written before the machine lost its power is written again."""
    with desk.take() as first:
        before = written(first, "a.txt")
    monkeypatch.setattr(pools, "boot", lambda: "another")
    with desk.take() as second:
        assert desk.exact(second)
        assert written(second, "a.txt") != before


def test_killed_at_any_step_the_next_is_exact(desk):
    """A checkout that was cut off while it was made is nobody's."""
    with desk.take():
        pass
    desk.checkout.commit(**{"a__txt": "new", "deep/new": "new"})
    number = iter(range(1000))

    def act() -> None:
        desk.number = 100 + next(number) + os.getpid() * 1000
        with desk.take() as found:
            (found / "b.txt").write_text("damage")

    for _ in every_step(act):
        desk.number += 1
        with desk.take() as found:
            assert desk.exact(found)
    assert not killed_at(10_000, act)

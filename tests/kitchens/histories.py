"""Random histories: what people do to files, as commits made by `git fast-import`, without a checkout."""

from __future__ import annotations

import os
import random
from typing import NamedTuple

FOLDERS = (b"", b"recipes/a/", b"recipes/b/", b"lib/deep/er/", b"d\xff/")
NAMES = (b"one", b"two.sql", b"-rf", b"caf\xc3\xa9", b"bad\xfename", b"with space", b'quo"te', b"tab\there")


class File(NamedTuple):
    """What is at a path: a mode and content; of a submodule, the content is a commit's id."""

    mode: str
    content: bytes


Tree = dict[bytes, File]


def series(number: int) -> random.Random:
    """The dice of one history: the same in each run; `KITCHENS_SEED` draws otherwise."""
    return random.Random(1_000_000 * int(os.environ.get("KITCHENS_SEED", "0")) + number)


def first_tree(dice: random.Random) -> Tree:
    """A tree with some files of every kind."""
    tree: Tree = {b"lines.txt": File("100644", _lines(dice)), b"empty": File("100644", b"")}
    for folder in FOLDERS:
        for name in dice.sample(NAMES, 3):
            tree[folder + name] = _file(dice)
    return tree


def changed(dice: random.Random, tree: Tree, changes: int) -> Tree:
    """The tree after some random changes: edits, additions, removals, moves of files and folders, modes."""
    tree = dict(tree)
    for _ in range(changes):
        dice.choice((_edit, _edit, _edit, _add, _remove, _move, _move_folder, _mode))(dice, tree)
    return tree


class History:
    """A repository that grows by whole trees."""

    def __init__(self, checkout) -> None:
        self._checkout = checkout
        self.trees: dict[str, Tree] = {}

    def commit(self, tree: Tree, *parents: str) -> str:
        """Store a commit of `tree`; its id."""
        count = len(self.trees)
        out = [
            f"commit refs/history/{count}\ncommitter A <a@example.com> {1700000000 + count} +0000\n".encode()
        ]
        out.append(b"data 1\nc\n")
        out += [f"{'merge' if place else 'from'} {parent}\n".encode() for place, parent in enumerate(parents)]
        out.append(b"deleteall\n")
        for path, file in tree.items():
            if file.mode == "160000":
                out.append(b"M 160000 %s %s\n" % (file.content, _quoted(path)))
            else:
                out.append(b"M %s inline %s\n" % (file.mode.encode(), _quoted(path)))
                out.append(b"data %d\n%s\n" % (len(file.content), file.content))
        self._checkout.git("fast-import", "--quiet", "--force", input=b"".join(out))
        made = self._checkout.tip(f"refs/history/{count}")
        self.trees[made] = tree
        return made

    def merged_by(self, base: str, ours: str, theirs: str) -> str | None:
        """The tree that a merge by another base than the right one makes; None for a conflict."""
        git = self._checkout.git
        root = git("commit-tree", "-m", "base", f"{base}^{{tree}}")
        one, other = (
            git("commit-tree", "-m", "side", "-p", root, f"{side}^{{tree}}") for side in (ours, theirs)
        )
        # Git 2.39 aborts (an assertion in `merge-ort.c`) on some sides that have little to do with the base.
        found = git("merge-tree", "--write-tree", one, other, status=(0, 1, -6)).split("\n")
        return found[0] if len(found) == 1 and found[0] else None


def sides(dice: random.Random, history: History, more: Tree) -> tuple[str, str]:
    """Two sides of a random history, all with `more`; sometimes they had merged each other crosswise before."""

    def after(changes: int, *parents: str) -> str:
        return history.commit({**changed(dice, history.trees[parents[0]], changes), **more}, *parents)

    base = history.commit({**first_tree(dice), **more})
    ours, theirs = (after(dice.choice((1, 3, 8)), base) for _ in range(2))
    if dice.random() < 0.2:
        return after(2, ours, theirs), after(2, theirs, ours)
    return ours, theirs


def _lines(dice: random.Random) -> bytes:
    end = dice.choice((b"\n", b"\r\n"))
    return b"".join(b"line %d%s" % (dice.randrange(1000), end) for _ in range(30))


def _file(dice: random.Random) -> File:
    kind = dice.randrange(8)
    if kind == 0:
        return File("120000", dice.choice((b"lines.txt", b"../one", b"nowhere")))
    if kind == 1:
        return File("160000", b"%040x" % dice.getrandbits(160))
    if kind == 2:
        return File("100644", b"\0PAR1" + dice.randbytes(200))
    return File(dice.choice(("100644", "100755")), _lines(dice))


def _edit(dice: random.Random, tree: Tree) -> None:
    path = dice.choice(sorted(tree))
    mode, content = tree[path]
    if mode == "160000" or content.startswith(b"\0") or not content:
        tree[path] = File(mode, _file(dice).content if mode != "160000" else b"%040x" % dice.getrandbits(160))
        if mode != "160000" and len(tree[path].content) == 40:
            tree[path] = File(mode, b"x")
        return
    if mode == "120000":
        tree[path] = File(mode, dice.choice((b"two.sql", b"../../lib", b"empty")))
        return
    lines = content.splitlines(keepends=True)
    lines[dice.randrange(len(lines))] = b"edited %d\n" % dice.randrange(10**6)
    tree[path] = File(mode, b"".join(lines))


def _free(dice: random.Random, tree: Tree) -> bytes | None:
    path = dice.choice(FOLDERS) + dice.choice(NAMES) + dice.choice((b"", b".1", b".2"))
    return None if path in tree else path


def _add(dice: random.Random, tree: Tree) -> None:
    if path := _free(dice, tree):
        tree[path] = _file(dice)


def _remove(dice: random.Random, tree: Tree) -> None:
    if len(tree) > 3:
        del tree[dice.choice(sorted(tree))]


def _move(dice: random.Random, tree: Tree) -> None:
    if path := _free(dice, tree):
        tree[path] = tree.pop(dice.choice(sorted(tree)))


def _move_folder(dice: random.Random, tree: Tree) -> None:
    folder, new = dice.choice(FOLDERS[1:]), b"moved%d/" % dice.randrange(3)
    for path in [path for path in tree if path.startswith(folder)]:
        tree[new + path.removeprefix(folder)] = tree.pop(path)


def _mode(dice: random.Random, tree: Tree) -> None:
    path = dice.choice(sorted(tree))
    flipped = {"100644": "100755", "100755": "100644"}
    tree[path] = tree[path]._replace(mode=flipped.get(tree[path].mode, tree[path].mode))


def _quoted(path: bytes) -> bytes:
    return b'"' + b"".join(b"\\%03o" % byte for byte in path) + b'"'

"""Beside `git merge` in a checkout: the same tree, or the same conflicts, whatever people did on both sides."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from kitchens.git.merging import Conflict, merge_commits
from kitchens_engine.errors import EnvironmentFailure
from tests.desk import COOKBOOK, Desk, empty
from tests.kitchens.conftest import Checkout
from tests.kitchens.gate.test_certificate import certificate
from tests.kitchens.histories import File, History, series, sides

#: What `git merge` prints for people, and git's stable names of the same.
KINDS = {
    "content": ("CONFLICT (contents)", "CONFLICT (binary)"),
    "add/add": ("CONFLICT (contents)", "CONFLICT (binary)"),
    "submodule": (
        "CONFLICT (contents)",
        "CONFLICT (submodule)",
        "CONFLICT (submodule not initialized)",
        "CONFLICT (submodule history not available)",
        "CONFLICT (submodule may have rewinds)",
        "CONFLICT (submodule lacks merge base)",
    ),
    "file/directory": ("CONFLICT (file/directory)",),
    "distinct types": ("CONFLICT (distinct modes)",),
    "distinct modes": ("CONFLICT (distinct modes)",),
    "modify/delete": ("CONFLICT (modify/delete)",),
    "rename/rename": ("CONFLICT (rename/rename)",),
    "rename/delete": ("CONFLICT (rename/delete)",),
    "rename involved in collision": ("CONFLICT (rename involved in collision)",),
    "file location": ("CONFLICT (directory rename suggested)",),
    "implicit dir rename": (
        "CONFLICT (file in way of directory rename)",
        "CONFLICT(directory rename collision)",
    ),
    "directory rename split": ("CONFLICT(directory rename unclear split)",),
}

__all__ = ["empty"]

MANY = (pytest.mark.soak, pytest.mark.timeout(3600))


class Merged(NamedTuple):
    """What `git merge` did: the tree, or the paths that it left unmerged and what it said of conflicts."""

    tree: str | None
    unmerged: frozenset[str]
    said: tuple[tuple[str, str], ...]


def merged_in_a_checkout(at: Checkout, ours: str, theirs: str) -> Merged | None:
    """Let git merge `theirs` where `ours` is checked out. None: this git trips over its own feet there (2.39 does where a
    link was moved onto a submodule)."""
    at.git("reset", "--quiet", "--hard", ours)
    at.git("clean", "-ffdxq")
    done = subprocess.run(
        # Renames are followed in merges of any size here; the rest are git's defaults.
        [
            "git",
            "-c",
            "core.quotePath=false",
            "-c",
            "merge.renameLimit=7000",
            "merge",
            "--no-edit",
            "--no-ff",
            theirs,
        ],
        check=False,
        cwd=at.path,
        env=at.environment,
        capture_output=True,
    )
    out = done.stdout.decode("utf-8", "surrogateescape")
    if done.returncode == -signal.SIGABRT:
        Path(at.git("rev-parse", "--git-path", "index.lock")).unlink(missing_ok=True)
        return None
    assert done.returncode in (0, 1), done
    if done.returncode == 0:
        return Merged(at.tip("HEAD^{tree}"), frozenset(), ())
    unmerged = {line.split("\t", 1)[1] for line in at.git("ls-files", "-u", "-z").split("\0") if line}
    said = [line for line in out.splitlines() if line.startswith("CONFLICT (")]
    at.git("merge", "--abort", status=(0, 128))
    return Merged(None, frozenset(unmerged), tuple((line[10 : line.index(")")], line) for line in said))


def same(found: tuple[str | None, tuple[Conflict, ...]], expected: Merged) -> None:
    """Tree for tree, or conflict for conflict: paths and kinds."""
    tree, conflicts = found
    assert tree == expected.tree
    paths = {conflict.path for conflict in conflicts}
    assert expected.unmerged <= paths
    for conflict in conflicts:
        # Each is said of this path, or of the one beside which git put a side's file without a word.
        path = conflict.path
        about = path.rpartition("~")[0] if path in expected.unmerged and "~" in path else path
        assert any(
            conflict.kind in KINDS[kind] and (path in line or about in line) for kind, line in expected.said
        ), (conflict, expected)
    for kind, line in expected.said:
        named = [conflict for conflict in conflicts if conflict.path in line]
        assert named, (kind, line, conflicts)


@pytest.mark.parametrize("trials", [8, pytest.param(2000, marks=MANY)], ids=["few", "many"])
def test_a_merge_is_that_of_git_in_a_checkout(checkout, repository, tmp_path, trials):
    """Renames of files and folders, modes, links, binaries, CRLF, submodules, names that are no UTF-8.

    What is clean is also certified.
    """
    place = Checkout(tmp_path / "merging", checkout.environment)
    checkout.git("worktree", "add", "--quiet", "--detach", place.path)
    history, clean = History(checkout), 0
    for number in range(trials):
        ours, theirs = sides(series(number), history, {})
        expected = merged_in_a_checkout(place, ours, theirs)
        if expected is None:
            with pytest.raises(EnvironmentFailure, match="git merge-tree"):
                merge_commits(repository, ours, theirs)
            continue
        merge = merge_commits(repository, ours, theirs).named({ours: "HEAD"})
        same((merge.tree, merge.conflicts), expected)
        if merge.tree is not None:
            certificate(repository, ours, theirs, merge.tree, merge.tree)
            clean += 1
    assert 0 < clean < trials


@pytest.mark.parametrize("trials", [3, pytest.param(300, marks=MANY)], ids=["few", "many"])
def test_what_lands_is_what_git_merges(empty: Desk, tmp_path: Path, trials: int) -> None:
    """The branch, its checkout and its index, after `kitchen merge`; after a conflict nothing has changed."""
    empty.git("init", "--quiet", "--initial-branch=production")
    empty.write("kitchens.toml", COOKBOOK)
    empty.save("begin")
    assert empty.kitchen("init").status == 0
    checkout = Checkout(empty.folder, dict(os.environ))
    place = Checkout(tmp_path / "merging", dict(os.environ))
    checkout.git("worktree", "add", "--quiet", "--detach", place.path)
    history = History(checkout)
    for number in range(trials):
        dice = series(10_000 + number)
        ours, theirs = sides(dice, history, {b"kitchens.toml": File("100644", COOKBOOK.encode())})
        checkout.git("branch", f"ours-{number}", ours)
        checkout.git("branch", f"theirs-{number}", theirs)
        for name, parent in ((f"ours-{number}", "production"), (f"theirs-{number}", f"ours-{number}")):
            empty.json("create", name, "--from", parent, "--adopt", "--no-test")
        folder = Checkout(empty.path(f"ours-{number}"), dict(os.environ))
        expected = merged_in_a_checkout(place, ours, f"theirs-{number}")
        landed = expected.tree if expected else None
        answer = empty.json("merge", f"theirs-{number}", status=5 if expected is None else 0 if landed else 3)
        if expected is not None:
            conflicts = tuple(Conflict(each["path"], each["kind"]) for each in answer["conflicts"])
            same((None if conflicts else answer["tree"], conflicts), expected)
        assert folder.tip("HEAD^{tree}") == (landed or folder.tip(f"{ours}^{{tree}}"))
        assert folder.status() == ""
        for name in (f"theirs-{number}", f"ours-{number}"):
            empty.json("delete", name, "--force")


def test_a_file_that_git_puts_beside_another_is_called_as_in_a_checkout(empty: Desk) -> None:
    """A link on one side, a file or a folder on the other: `path~HEAD`, `path~<kitchen>`."""
    empty.git("init", "--quiet", "--initial-branch=production")
    empty.write("kitchens.toml", COOKBOOK)
    empty.save("begin")
    empty.json("init")
    empty.json("create", "team/idea", "--from", "production", "--no-test")
    folder = empty.path("team/idea")
    (folder / "one").symlink_to("kitchens.toml")
    empty.write("two", "a file\n", folder)
    empty.save("idea", folder)
    empty.write("one", "a file\n")
    empty.write("two/three", "in a folder\n")
    empty.git("add", "one", "two")
    empty.git("commit", "--quiet", "--message", "ours")
    expected = merged_in_a_checkout(Checkout(empty.folder, dict(os.environ)), "HEAD", "team/idea")
    answer = empty.json("merge", "team/idea", status=3)
    assert expected is not None
    assert {one["path"] for one in answer["conflicts"]} == expected.unmerged
    assert expected.unmerged == {"one", "one~HEAD", "two~team_idea"}
    assert empty.json("preview", "team/idea", status=3)["conflicts"] == answer["conflicts"]

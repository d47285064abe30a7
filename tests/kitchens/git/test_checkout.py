"""Trees as files on disk."""

from __future__ import annotations

import os
import stat

import pytest

from kitchens.git.checkouts.checkout import refresh_checkout, write_tree
from kitchens.git.pack import tree, written
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

from ..conftest import Checkout


@pytest.fixture
def rich(checkout: Checkout) -> str:
    """A commit with every kind of entry."""
    checkout.write("run.sh", "#!/bin/sh\n")
    (checkout.path / "run.sh").chmod(0o755)
    checkout.write("empty", "")
    checkout.write("data.bin", bytes(range(256)) * 9000)
    checkout.write("windows.txt", "a\r\nb\r\n")
    checkout.write("odd/new\nline \udce9", "x")
    (checkout.path / "link").symlink_to("../outside")
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "files")
    checkout.write(".gitattributes", "windows.txt text eol=lf\n*.bin filter=shout\n")
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{checkout.tip()},module")
    checkout.git("add", ".gitattributes")
    checkout.git("commit", "-q", "-m", "more")
    return checkout.tip()


def test_every_file_is_what_the_object_holds(checkout, repository, rich, tmp_path):
    """Bytes, modes, links, empty files and odd names; no filter, no line end is converted."""
    checkout.git("config", "filter.shout.smudge", "false")
    folder = tmp_path / "gate"
    assert write_tree(repository.objects, rich, folder) == 11
    assert (folder / "data.bin").read_bytes() == bytes(range(256)) * 9000
    assert (folder / "windows.txt").read_bytes() == b"a\r\nb\r\n"
    assert (folder / "odd/new\nline \udce9").read_text() == "x"
    assert (folder / "empty").read_bytes() == b""
    assert os.readlink(folder / "link") == "../outside"
    assert stat.S_IMODE((folder / "run.sh").stat().st_mode) & 0o111
    assert not stat.S_IMODE((folder / "README.md").stat().st_mode) & 0o111
    assert os.listdir(folder / "module") == []


def test_only_the_given_paths_are_written(repository, rich, tmp_path):
    """Files and folders that are named are written, the rest and what does not exist is not."""
    folder = tmp_path / "gate"
    paths = ["recipes/delays", "odd", "run.sh", "recipes/delays/clean.sql", "nothing", "run.sh/x"]
    assert write_tree(repository.objects, rich, folder, paths) == 4
    assert sorted(os.listdir(folder)) == ["odd", "recipes", "run.sh"]
    assert write_tree(repository.objects, rich, tmp_path / "none", []) == 0


@pytest.mark.parametrize("name", ["..", ".git", ".GIT", "."])
def test_names_that_lead_out_are_refused(repository, tmp_path, name):
    """A tree that was made to write elsewhere writes nothing."""
    blob = written("blob", b"evil", 40)
    below = tree([("100644", blob.oid, "config")], 40)
    top = tree([("040000", below.oid, name), ("100644", blob.oid, "good")], 40)
    for each in (blob, below, top):
        _store(repository, each)
    with pytest.raises(InvalidInput, match="no checkout may have"):
        write_tree(repository.objects, top.oid, tmp_path / "gate")
    assert not (tmp_path / "gate").exists()


def test_a_link_and_a_folder_of_one_name_are_refused(repository, tmp_path):
    """A tree with a link and a folder of the same name does not write through the link."""
    target = written("blob", str(tmp_path / "outside").encode(), 40)
    below = tree([("100644", target.oid, "file")], 40)
    top = written(
        "tree", b"120000 a\0" + bytes.fromhex(target.oid) + b"40000 a\0" + bytes.fromhex(below.oid), 40
    )
    for each in (target, below, top):
        _store(repository, each)
    (tmp_path / "outside").mkdir()
    with pytest.raises(InvalidInput, match="twice"):
        write_tree(repository.objects, top.oid, tmp_path / "gate")
    assert os.listdir(tmp_path / "outside") == []


def test_a_link_in_the_folder_is_not_followed(checkout, repository, tmp_path):
    """A link that lies in the folder already does not lead the files elsewhere."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate/recipes").symlink_to(tmp_path / "outside")
    with pytest.raises(EnvironmentFailure):
        write_tree(repository.objects, checkout.tip(), tmp_path / "gate")
    assert os.listdir(tmp_path / "outside") == []


def test_a_pooled_checkout_becomes_each_commit(checkout, repository, rich, tmp_path):
    """Whatever lies in the folder, it becomes the commit: edits, strangers and ignored files go."""
    folder, index = tmp_path / "pool", tmp_path / "index"
    first, before = checkout.tip("HEAD~2"), checkout.status()
    for commit in (rich, first, rich):
        refresh_checkout(repository, folder, index, commit)
        (folder / "README.md").write_text("edited")
        (folder / "lines.txt").unlink()
        (folder / "strange").mkdir(exist_ok=True)
        (folder / "strange" / "x").write_text("x")
        (tmp_path / "index.lock").write_text("")
        refresh_checkout(repository, folder, index, commit)
        expected = checkout.git("ls-tree", "-r", "--name-only", "-z", commit).split("\0")[:-1]
        found = [
            os.path.relpath(os.path.join(where, name), folder)
            for where, _, names in os.walk(folder)
            for name in names
        ]
        assert sorted(found) == sorted(name for name in expected if name != "module")
        assert (folder / "README.md").read_text() == "# seed\n"
    assert checkout.status() == before


def _store(repository, each) -> None:
    """Store an object that git would refuse as unsound."""
    words = ("hash-object", "-w", "--literally", "-t", each.kind, "--stdin")
    assert repository.git.run(*words, input=each.content).text == each.oid

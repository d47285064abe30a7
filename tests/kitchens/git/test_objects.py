"""Objects through one reader process, and written with one."""

from __future__ import annotations

import gc
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from kitchens.git.merging import commit_tree
from kitchens.git.pack import tree, written
from kitchens.git.repository import open_repository
from kitchens_engine.errors import EnvironmentFailure

from ..conftest import WHEN, WHO, Checkout


def test_one_process_answers_everything(checkout, repository):
    """However many questions, one reader process is started."""
    before = repository.git.tally.calls
    tip = repository.objects.resolve("HEAD")
    assert tip == checkout.tip()
    assert repository.objects.read("main", "recipes/delays/clean.sql") == b"select 1\n"
    assert [entry.name for entry in repository.objects.entries("main:recipes")] == ["delays"]
    assert repository.objects.commit(tip).message == "seed\n"
    assert repository.git.tally.calls == before + 1


@pytest.mark.parametrize(
    "name", ["nothing", "", " ", "a\nb", "-", "@{x}", "refs/heads/main blob 4", "0" * 40]
)
def test_names_that_mean_nothing(repository, name):
    """A name that git does not know, or that would break the conversation, is None; later ones work."""
    assert repository.objects.resolve(name) is None
    assert repository.objects.read_all([name]) == [None]
    assert repository.objects.read("main", "README.md") == b"# seed\n"


def test_paths_that_are_not_there(repository):
    """A missing file, a folder and a path through a file read as None."""
    for path in ("nothing", "recipes", "README.md/x", "recipes/nothing/x"):
        assert repository.objects.read("main", path) is None
    assert repository.objects.entries("main:README.md") == ()


def test_many_large_answers_do_not_block(checkout, repository):
    """Thousands of questions with large answers need no more pipe than there is."""
    blobs = [written("blob", b"%d\n" % number * 2000, 40) for number in range(1500)]
    repository.objects.write(blobs)
    contents = repository.objects.read_all([blob.oid for blob in blobs])
    assert contents == [blob.content for blob in blobs]


def test_commits_say_who_and_when(checkout, repository):
    """A commit's tree, parents, author and time are read as git wrote them."""
    env = {**checkout.environment, "GIT_COMMITTER_DATE": "2025-06-01T12:00:00-0330"}
    tip = Checkout(checkout.path, env).commit("zone")
    commit = repository.objects.commit(tip)
    assert commit.parents == (checkout.tip("HEAD~1"),)
    assert commit.tree == checkout.tip("HEAD^{tree}")
    assert commit.author == WHO
    assert commit.committed.isoformat() == "2025-06-01T12:00:00-03:30"
    assert commit.committed.utcoffset() == timedelta(hours=-3, minutes=-30)


def test_names_in_any_bytes(checkout, repository):
    """File names with newlines, quotes and bytes that are not UTF-8 are entries like others."""
    names = ["new\nline", 'qu"ote', "caf\udce9"]
    for name in names:
        checkout.write(f"odd/{name}", name.encode("utf-8", "surrogateescape"))
    checkout.commit()
    assert {entry.name for entry in repository.objects.entries("HEAD:odd")} == set(names)
    assert repository.objects.read("HEAD", "odd/new\nline") == b"new\nline"


@pytest.mark.parametrize("form", ["sha1", "sha256", "shared"])
def test_what_we_write_git_calls_sound(tmp_path, environment, form):
    """Blobs, trees and commits made here are what git would have made; where others write too, git makes them."""
    checkout = Checkout(tmp_path, environment)
    checkout.git("init", "-q", "-b", "main", f"--object-format={'sha256' if form == 'sha256' else 'sha1'}")
    if form == "shared":
        checkout.git("config", "core.sharedRepository", "group")
    with open_repository(tmp_path, environment) as opened:
        width = opened.objects.width
        empty, some = written("blob", b"", width), written("blob", b"x" * 5000, width)
        below = tree([("100755", some.oid, "run.sh")], width)
        top = tree(
            [("100644", empty.oid, "a.b"), ("040000", below.oid, "a"), ("120000", some.oid, "a-b")], width
        )
        opened.objects.write([empty, some, below, top])
        oid = commit_tree(opened, top.oid, [], "made", WHO, WHEN)
        opened.refs.move("refs/heads/main", oid, None, "made")
    assert checkout.sound()
    assert checkout.git("ls-tree", "-r", "--name-only", "main").split() == ["a-b", "a.b", "a/run.sh"]
    assert checkout.git("log", "--format=%an %ae %ad %s", "main") == (
        "Ada ada@example.com Thu Jan 2 03:04:05 2025 +0000 made"
    )


def test_few_objects_are_written_without_a_process(checkout, repository):
    """As git writes them: read-only, whole, and anew, whatever a power cut left of them."""
    blob = written("blob", b"new\n", 40)
    assert not repository.configuration.shared
    before = repository.git.tally.calls
    repository.objects.write([blob])
    assert repository.git.tally.calls == before
    file = checkout.path / ".git" / "objects" / blob.oid[:2] / blob.oid[2:]
    assert file.stat().st_mode & 0o777 == 0o444
    os.utime(file, (1, 1))
    repository.objects.write([blob])
    assert file.stat().st_mtime > 1
    file.unlink()
    file.touch()
    repository.objects.write([blob])
    assert checkout.git("cat-file", "-p", blob.oid) == "new"
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_threads_share_the_reader(repository):
    """Questions from several threads get their own answers."""
    paths = ["README.md", "lines.txt", "recipes/delays/clean.sql"] * 50
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda path: repository.objects.read("main", path), paths))
    assert found == [(repository.top / path).read_bytes() for path in paths]


def test_a_forked_child_gets_a_reader_of_its_own(repository):
    """A child that was forked does not answer from its parent's pipes."""
    assert repository.objects.resolve("main")
    child = os.fork()
    if child == 0:
        os._exit(0 if repository.objects.read("main", "README.md") == b"# seed\n" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert repository.objects.resolve("main")


def test_a_reader_that_was_killed_is_said_once_and_replaced(repository):
    """When the reader dies the question fails, and the next one starts another."""
    assert repository.objects.resolve("main")
    process = repository.objects._process
    process.kill()
    process.wait()
    with pytest.raises(EnvironmentFailure, match="before it answered"):
        repository.objects.resolve("main")
    assert repository.objects.resolve("main")


def test_forgetting_to_close_leaves_no_process(checkout):
    """A repository that is dropped ends its reader without a warning."""
    opened = open_repository(checkout.path, checkout.environment)
    opened.objects.resolve("main")
    process = opened.objects._process
    del opened
    gc.collect()
    assert process.returncode == 0


def test_replacements_are_not_followed(checkout, repository):
    """`git replace` does not change what a commit is for us."""
    tip = checkout.tip()
    other = checkout.commit("other", README__md="other\n")
    checkout.git("replace", tip, other)
    assert repository.objects.read(tip, "README.md") == b"# seed\n"


def test_trees_that_were_foreseen_are_those_of_git(checkout, repository):
    """Of every commit, also where the folder is missing or no folder."""
    first = checkout.tip()
    checkout.git("rm", "-q", "-r", "recipes")
    second = checkout.commit("none", recipes="a file\n")
    objects = repository.objects
    objects.foresee([first, second], "recipes")
    for commit in (first, second):
        assert objects.tree(commit) == checkout.tip(f"{commit}^{{tree}}")
    assert [entry.name for entry in objects.entries(f"{first}:recipes")] == ["delays"]
    assert objects.entries(f"{second}:recipes") == ()


@pytest.mark.parametrize("at", [0, 2, -1])
def test_what_cannot_be_read_is_missing_and_the_others_are_there(checkout, repository, at):
    """Git ends in the middle of some damaged objects; who asked for others beside them gets these."""
    oids = []
    for name in ("one", "two", "three"):
        (checkout.path / name).write_text(f"{name}\n" * 100)
        oids.append(checkout.git("hash-object", "-w", name))
    file = repository.common / "objects" / oids[1][:2] / oids[1][2:]
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.chmod(0o644)
    file.write_bytes(content)
    assert repository.objects.read_all(oids) == [b"one\n" * 100, None, b"three\n" * 100]


def test_only_who_distrusts_finds_another_content_under_an_id(checkout, repository):
    """Git computes no hash of what it reads."""
    (checkout.path / "one").write_text("one\n")
    oid = checkout.git("hash-object", "-w", "one")
    file = repository.common / "objects" / oid[:2] / oid[2:]
    file.chmod(0o644)
    file.write_bytes(zlib.compress(b"blob 4\0two\n"))
    assert repository.objects.read_all([oid]) == [b"two\n"]
    repository.objects.distrust()
    assert repository.objects.read_all([oid]) == [None]

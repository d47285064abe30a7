"""A folder of another repository, fetched for keeping: its objects alone, and no more of that repository's history.

What is fetched arrives in a repository of its own, so that a shallow history, a tag or a
setting of the other one never becomes part of the user's.
"""

from __future__ import annotations

import re

from kitchens.git.checkouts.folders import scratch
from kitchens.git.command import Answer, Git
from kitchens.git.objects import Objects
from kitchens.git.refs import Moved
from kitchens.git.repository import Repository
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.toml.nearest import hints
from kitchens_engine.tuples import NamedTuple

#: Each tree that is kept has a ref of its name here, so that git's garbage collection leaves it alone.
KEPT = "refs/ingredients/"

_HERE = "refs/fetched/here"
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Fetched(NamedTuple):
    """The commit that was asked for, and the tree of the folder in it; its objects are in the repository."""

    commit: str
    tree: str


def fetch_folder(repository: Repository, url: str, revision: str, path: str) -> Fetched:
    """Fetch the folder `path` of the repository at `url`, at a branch, a tag or a whole commit id, and keep it.

    Raises `InvalidInput` when there is no such revision or folder, `EnvironmentFailure` when git
    cannot reach the repository. No checkout, branch or setting of `repository` is touched.
    """
    with scratch(repository.common / "kitchens") as folder:
        git = repository.git.at(folder, git_dir=folder)
        form = "sha256" if repository.objects.width == 64 else "sha1"
        git.run("init", "--quiet", "--bare", "--template=", f"--object-format={form}")
        place = _place(repository, url)
        commit = _fetch(git, place, url, revision)
        with_objects = Objects(git, repository.objects.width)
        try:
            entry = with_objects.entry(commit, path)
        finally:
            with_objects.close()
        if entry is None or entry.kind != "tree":
            raise InvalidInput(
                f"`{url}` has no folder `{path}` at `{revision}`",
                "`path` says where it lies",
                code="no-folder",
            )
        _keep(repository, git, entry.oid)
    return Fetched(commit, entry.oid)


def is_kept(repository: Repository, tree: str) -> bool:
    """Whether the tree is in the repository, and stays there."""
    return repository.objects.tree(tree) is not None and repository.refs.read(f"{KEPT}{tree}") is not None


def _place(repository: Repository, url: str) -> str:
    """Where git finds it: a path that is not absolute begins at the repository."""
    if ":" in url or url.startswith(("/", "~")):
        return url
    return str((repository.top / url).resolve())


def _fetch(git: Git, place: str, url: str, revision: str) -> str:
    if _ID.fullmatch(revision):
        _fetch_commit(git, place, url, revision)
        name = revision
    else:
        reference = _named(git, place, url, revision)
        _must(git, url, "fetch", "--quiet", "--no-tags", "--depth=1", "--", place, f"+{reference}:{_HERE}")
        name = _HERE
    found = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", check=False)
    if found.status != 0:
        raise InvalidInput(f"`{revision}` of `{url}` is no commit", code="no-revision")
    return found.text


def _fetch_commit(git: Git, place: str, url: str, commit: str) -> None:
    alone = ("fetch", "--quiet", "--no-tags", "--depth=1", "--", place, f"+{commit}:{_HERE}")
    if git.run(*alone, check=False).status == 0:
        return
    # A server may refuse to hand out a commit by its id alone: then it comes with everything.
    _must(
        git,
        url,
        "fetch",
        "--quiet",
        "--",
        place,
        "+refs/heads/*:refs/fetched/heads/*",
        "+refs/tags/*:refs/tags/*",
    )
    if git.run("cat-file", "-e", f"{commit}^{{commit}}", check=False).status != 0:
        raise InvalidInput(f"`{url}` has no commit `{commit}`", code="no-revision")


def _named(git: Git, place: str, url: str, revision: str) -> str:
    """The whole name of a branch or tag; a tag comes first, as everywhere in git."""
    listed = _must(git, url, "ls-remote", "--quiet", "--heads", "--tags", "--refs", "--", place)
    names = [line.partition("\t")[2] for line in listed.text.split("\n") if line]
    for name in (revision, f"refs/tags/{revision}", f"refs/heads/{revision}"):
        if name in names:
            return name
    short = [name.split("/", 2)[2] for name in names]
    raise InvalidInput(
        f"`{url}` has no branch or tag `{revision}`",
        *(hints(revision, short) or ("a commit is named by its whole id",)),
        code="no-revision",
    )


def _must(git: Git, url: str, *words: str) -> Answer:
    answer = git.run(*words, check=False)
    if answer.status != 0:
        git.require_version()
        raise EnvironmentFailure(f"`{url}` cannot be fetched: {answer.complaint}", code="fetch")
    return answer


def _keep(repository: Repository, git: Git, tree: str) -> None:
    """Move the tree's objects over as one pack, and give them a ref."""
    listed = git.run("rev-list", "--objects", "--no-object-names", tree)
    pack = git.run("pack-objects", "--quiet", "--stdout", input=listed.out)
    repository.git.run("index-pack", "--strict", "--stdin", input=pack.out)
    try:
        repository.refs.move(f"{KEPT}{tree}", tree, None, "kitchen: lock")
    except Moved:
        # Somebody kept the same tree at this moment, or earlier.
        if repository.refs.read(f"{KEPT}{tree}") != tree:
            raise

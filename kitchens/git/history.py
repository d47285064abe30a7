"""Questions about commits: how far apart, what came before, what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from kitchens.gate.ancestry import merge_bases
from kitchens.git.command import PINNED_MERGE, text
from kitchens.git.objects import Far
from kitchens.git.repository import Repository
from kitchens_engine.errors import EnvironmentFailure

#: What was written down beside the commits about them (parents, dates) is nothing to prove by.
_COMMITS_ALONE = ("-c", "core.commitGraph=false")

#: So many commits are looked at in process before git walks: a process takes as long as some hundred.
NEAR = 200


def ahead_behind(repository: Repository, pairs: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
    """For each (tip, base): how many commits only the tip has, and how many only the base.

    Two git processes, however many pairs. Commits that all of them share are not walked.
    """
    commits = list(dict.fromkeys(commit for pair in pairs for commit in pair))
    if len(commits) < 2:
        return [(0, 0)] * len(pairs)
    shared = repository.git.run("merge-base", "--octopus", *commits, check=False).text.split()
    walk = "\n".join([*commits, *(f"^{commit}" for commit in shared[:1]), ""])
    lines = repository.git.run("rev-list", "--parents", "--stdin", input=walk.encode()).text
    parents = {line[0]: line[1:] for line in map(str.split, lines.split("\n")) if line}
    counted = _Reach(parents)
    return [counted.apart(tip, base) for tip, base in pairs]


def first_parents(repository: Repository, tip: str, until: str | None = None) -> list[str]:
    """The commits from `tip` along first parents, newest first, without what `until` contains."""
    excluded = [f"^{until}"] if until else []
    out = repository.git.run("rev-list", "--first-parent", tip, *excluded).text
    return out.split("\n") if out else []


def last_change(repository: Repository, tip: str, path: str, until: str | None = None) -> str | None:
    """The newest commit from `tip` along first parents that changed `path`, of those that `until` does not contain."""
    excluded = [f"^{until}"] if until else []
    words = (*_COMMITS_ALONE, "rev-list", "--first-parent", "-1", tip, *excluded, "--", path)
    return repository.git.run(*words).text or None


def since(repository: Repository, tip: str, base: str | None) -> list[str]:
    """The commits that `tip` contains and `base` does not, newest first, none before one that contains it."""
    words = (*_COMMITS_ALONE, "rev-list", "--topo-order", tip, *([f"^{base}"] if base else []), "--")
    return repository.git.run(*words).text.split()


def objects_of(repository: Repository, tips: Sequence[str], base: str | None) -> dict[str, str]:
    """Every object that `tips` (commits, trees, tags) lead to and the commit `base` does not, by id, with the path at
    which git came to it first (`""` for commits). What a partial clone lacks is left out.

    Raises `EnvironmentFailure` where one is missing or damaged that leads to others.
    """
    words = (*_COMMITS_ALONE, "rev-list", "--objects", "--missing=allow-promisor", "--stdin")
    asked = "".join(f"{each}\n" for each in (*tips, *([f"^{base}"] if base else [])))
    # A name ends at its own line break, and other characters that end lines elsewhere are part of it.
    lines = text(repository.git.run(*words, input=asked.encode()).out).split("\n")[:-1]
    return {oid: path for oid, _, path in (line.partition(" ") for line in lines)}


def common_ancestors(repository: Repository, one: str, other: str) -> Sequence[str]:
    """The best common ancestors of two commits: found here when they are near, else by git."""
    found = _near_ancestors(repository, one, other)
    if found is not None:
        return found
    return repository.git.run("merge-base", "--all", one, other, check=False).text.split()


def _near_ancestors(repository: Repository, one: str, other: str) -> Sequence[str] | None:
    """The same, or None where only git can tell in time."""
    if {len(one), len(other)} != {repository.objects.width}:
        # A name: what it stands for is git's to say.
        return None
    key = (repository.common, min(one, other), max(one, other))
    if key in _KNOWN:
        return _KNOWN[key]
    try:
        found: Sequence[str] | None = merge_bases(one, other, repository.objects.walker(NEAR))
    except (Far, EnvironmentFailure):
        # Beyond, and in a shallow clone, git knows better.
        found = None
    if not repository.objects.is_shallow:
        while len(_KNOWN) >= FEW:
            del _KNOWN[next(iter(_KNOWN))]
        _KNOWN[key] = found
    return found


#: What two commits have in common never changes: whoever merges asks three times, of the same two.
_KNOWN: dict[tuple[Path, str, str], Sequence[str] | None] = {}
FEW = 8


def is_ancestor(repository: Repository, older: str, newer: str) -> bool:
    """Whether `newer` contains `older` (a commit contains itself)."""
    if older == newer:
        return True
    near = _near_ancestors(repository, older, newer)
    if near is not None:
        return tuple(near) == (older,)
    words = ("merge-base", "--is-ancestor", older, newer)
    answer = repository.git.run(*words, check=False)
    if answer.status not in (0, 1):
        raise repository.git.failure(words, answer)
    return answer.status == 0


def contained(repository: Repository, commit: str) -> frozenset[str]:
    """The tips of branches that `commit` contains."""
    words = ("for-each-ref", f"--merged={commit}", "--format=%(objectname)", "--", "refs/heads/")
    return frozenset(repository.git.run(*words).text.split())


def merge_base(repository: Repository, one: str, other: str) -> str | None:
    """The best common ancestor, or None when there is none."""
    words = ("merge-base", one, other)
    answer = repository.git.run(*words, check=False)
    if answer.status not in (0, 1):
        raise repository.git.failure(words, answer)
    return answer.text if answer.status == 0 else None


def diff_names(repository: Repository, old: str, new: str) -> list[tuple[str, str, str | None]]:
    """What changed from `old` to `new` (commits or trees): (path, change, path before).

    `change` is git's letter: A added, M modified, D deleted, R renamed, T another type.
    The path before is given for R only.
    """
    words = ("diff-tree", "-r", "-z", "-M", "--name-status", "--no-commit-id", "--ignore-submodules=none")
    fields = iter(repository.git.run(*PINNED_MERGE, *words, old, new).fields)
    found: list[tuple[str, str, str | None]] = []
    for letter in fields:
        before = next(fields) if letter.startswith("R") else None
        found.append((next(fields), letter[0], before))
    return found


def documents(changes: Iterable[tuple[str, str, str | None]]) -> list[dict[str, str]]:
    """What `diff_names` found, as `--json` shows it; a rename also says `from` where."""
    return [
        {"path": path, "change": change} | ({"from": before} if before else {})
        for path, change, before in changes
    ]


def copy_diff(repository: Repository, old: str, new: str, to: BinaryIO, *style: str) -> None:
    """Write the diff from `old` to `new` as people read it; it is never held whole."""
    import shutil

    words = ("--no-pager", "diff", "--no-ext-diff", *style, old, new, "--")
    with repository.git.start(*words) as process:
        assert process.stdin and process.stdout
        shutil.copyfileobj(process.stdout, to)
    if process.returncode:
        raise EnvironmentFailure(f"`git diff` ended with status {process.returncode}", code="git")


class _Reach:
    """Counts over a part of history that contains everything in which its commits differ."""

    def __init__(self, parents: Mapping[str, Sequence[str]]) -> None:
        self._parents = parents
        self._reached: dict[str, frozenset[str]] = {}
        self._counts: dict[frozenset[str], int] = {}

    def apart(self, tip: str, base: str) -> tuple[int, int]:
        """Commits that only `tip` has, and that only `base` has."""
        if base not in self._reached:
            self._reached[base] = frozenset(self._walk([base]))
        theirs = self._reached[base]
        ours = self._walk([tip], theirs)
        # Where the two lines meet: many tips meet the base at the same commits.
        meeting = {parent for commit in ours for parent in self._parents[commit] if parent in theirs}
        if tip in theirs:
            meeting.add(tip)
        return len(ours), len(theirs) - self._count(frozenset(meeting))

    def _count(self, commits: frozenset[str]) -> int:
        if commits not in self._counts:
            self._counts[commits] = len(self._walk(commits))
        return self._counts[commits]

    def _walk(self, start: Iterable[str], without: frozenset[str] = frozenset()) -> set[str]:
        seen: set[str] = set()
        waiting = [commit for commit in start if commit in self._parents and commit not in without]
        while waiting:
            commit = waiting.pop()
            if commit not in seen:
                seen.add(commit)
                waiting += [
                    parent
                    for parent in self._parents[commit]
                    if parent in self._parents and parent not in without
                ]
        return seen

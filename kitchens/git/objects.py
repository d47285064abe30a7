"""Objects are read through one long-lived `git cat-file`; few are written as loose files, many by `git unpack-objects`."""

from __future__ import annotations

import io
import os
import subprocess
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kitchens.git.command import Git, data
from kitchens.git.formats import Commit, Entry, parse_commit, parse_tree
from kitchens_engine.errors import EnvironmentFailure

if TYPE_CHECKING:
    from kitchens.git.configuration import Configuration
    from kitchens.git.pack import Written

KINDS = frozenset((b"blob", b"tree", b"commit", b"tag"))

#: Bytes of questions that may lie unread in the pipe. Every system's smallest pipe holds
#: twice this, so we never block on writing while git blocks on writing to us.
WINDOW = 2048

#: Blobs of at most so many bytes are remembered, and at most so many of them.
SMALL, MANY = 1 << 14, 1 << 10

#: So many commits are read ahead at most.
AHEAD = 64

#: The exit status of a git that cannot go on.
_FATAL = 128


class Objects:
    """The objects of one repository. `width` is the number of hex digits in an id: 40, or 64 with SHA-256.

    `common` is the git directory that all worktrees share. There `shallow` is the file in which git notes where the
    history of a shallow clone ends: as for git, a commit named there has no parents.

    The reader process starts with the first question and ends with `close`. Trees and
    commits are remembered, since an id never changes its meaning. What git cannot read is
    as good as missing.
    """

    def __init__(
        self, git: Git, width: int, common: Path | None = None, configuration: Configuration | None = None
    ) -> None:
        self.width = width
        self._common = common
        self._configuration = configuration
        self._git = git
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._closing: weakref.finalize[..., Objects] | None = None
        self._trees: dict[str, tuple[Entry, ...]] = {}
        self._lines: dict[str, dict[str, Entry]] = {}
        self._blobs: dict[str, bytes] = {}
        self._commits: dict[str, Commit] = {}
        self._roots: dict[str, str] = {}
        self._distrusts = False

    def distrust(self) -> None:
        """From now on, compute the id of every content that is read: git does not, so that whoever changes what lies
        under an id is believed. Another content than the id's is as good as missing."""
        self._distrusts = True

    @property
    def distrusts(self) -> bool:
        """Whether every content is held to its id."""
        return self._distrusts

    def resolve(self, name: str) -> str | None:
        """The id that git's `name` (`HEAD`, `main~2`, `v1^{commit}`, a unique prefix) stands for."""
        return self.resolve_all([name])[0]

    def resolve_all(self, names: Sequence[str]) -> list[str | None]:
        """The ids of several names, in one go."""
        return [found[1] if found else None for found in self._answers(b"info", names, lambda _, size: None)]

    def read_all(self, names: Sequence[str]) -> list[bytes | None]:
        """The contents of several objects by id or name (`<commit>:<path>` too), in one go."""
        contents: list[bytes] = []

        def take(stream: IO[bytes], size: int) -> None:
            content = stream.read(size)
            if len(content) == size:
                contents.append(content)

        found = self._answers(b"contents", names, take)
        rest = iter(contents)
        return [next(rest) if each else None for each in found]

    def copy_all(self, oids: Sequence[str], take: Callable[[IO[bytes], int], None]) -> None:
        """Hand each object's stream and size to `take`, in order; it must read exactly that many bytes.

        Raises `EnvironmentFailure` when one is missing.
        """
        for oid, found in zip(oids, self._answers(b"contents", oids, take), strict=True):
            if found is None:
                raise missing(oid)

    def damaged(self, oids: Sequence[str]) -> list[str]:
        """Those of these ids under which git can read nothing; for whoever distrusts, or another content."""
        found = self._answers(b"contents", oids, lambda stream, size: [stream.read(size)].clear())
        return [oid for oid, each in zip(oids, found, strict=True) if each is None]

    def blob(self, oid: str) -> bytes:
        """The content of a blob that is known to exist. Small ones are remembered for a while: settings and recipes are
        the same in tree after tree."""
        if oid in self._blobs:
            return self._blobs[oid]
        content = self.read_all([oid])[0]
        if content is None:
            raise missing(oid)
        self._remember(oid, content)
        return content

    def foresee_blobs(self, oids: Sequence[str]) -> None:
        """Read these blobs in one go, so that whoever asks for them soon need not wait for each."""
        new = [oid for oid in dict.fromkeys(oids) if oid not in self._blobs]
        for oid, content in zip(new, self.read_all(new), strict=True):
            if content is not None:
                self._remember(oid, content)

    def _remember(self, oid: str, content: bytes) -> None:
        if len(content) <= SMALL:
            while len(self._blobs) >= MANY:
                del self._blobs[next(iter(self._blobs))]
            self._blobs[oid] = content

    def read(self, treeish: str, path: str) -> bytes | None:
        """The content of the file (or the target of the link) at `path`, or None when there is none."""
        entry = self.entry(treeish, path)
        return self.blob(entry.oid) if entry and entry.kind == "blob" else None

    def entry(self, treeish: str, path: str) -> Entry | None:
        """What is at `path` (with `/`) in a tree or commit. Links are not followed."""
        root = self.tree(treeish)
        if root is None:
            return None
        found: Entry | None = None
        folder = root
        for part in path.split("/"):
            if not part:
                continue
            if found is not None and found.kind != "tree":
                return None
            if folder not in self._lines:
                self._lines[folder] = {entry.name: entry for entry in self._tree(folder)}
            found = self._lines[folder].get(part)
            if found is None:
                return None
            folder = found.oid
        return found or Entry("040000", "tree", root, "")

    def entries(self, treeish: str) -> tuple[Entry, ...]:
        """The lines of a tree, in git's order: a tree's id, a commit's name, or `<either>:<folder>`.

        Empty when there is no such folder.
        """
        root, _, path = treeish.partition(":")
        entry = self.entry(root, path)
        return self._tree(entry.oid) if entry and entry.kind == "tree" else ()

    def tree(self, treeish: str) -> str | None:
        """The id of the tree that a tree, commit or tag stands for."""
        if treeish in self._trees:
            return treeish
        if treeish in self._roots:
            return self._roots[treeish]
        if treeish in self._commits:
            return self._commits[treeish].tree
        if self._distrusts and self._is_oid(treeish):
            return self._root(treeish)
        found = self.resolve(f"{treeish}^{{tree}}")
        if found is not None and self._is_oid(treeish):
            self._roots[treeish] = found
        return found

    def _root(self, oid: str) -> str | None:
        """The same, held to the id. Nothing there is one thing, and nothing that can be read another."""
        contents: list[bytes] = []
        (found,) = self._answers(b"contents", [oid], lambda stream, size: contents.append(stream.read(size)))
        if found is None:
            raise missing(oid)
        if found[0] == "tree":
            self._trees[oid] = parse_tree(contents[0], self.width // 2)
            return oid
        if found[0] == "commit":
            return self._kept(oid, contents[0], self._ends()).tree
        return self.resolve(f"{oid}^{{tree}}")

    def foresee(self, commits: Sequence[str], folder: str) -> None:
        """Read the trees of many commits and of `folder` in each, in one go for each level: whoever looks at all of
        them afterwards need not ask for each on its own."""
        self.learn([commit.tree for commit in self.commits(commits)])
        below = (self.entry(commit, folder) for commit in commits)
        self.learn([entry.oid for entry in below if entry is not None and entry.kind == "tree"])

    def learn(self, trees: Sequence[str]) -> None:
        """Read these trees in one go, so that whoever looks at them later need not ask for each on its own."""
        new = [oid for oid in dict.fromkeys(trees) if oid not in self._trees]
        for oid, content in zip(new, self.read_all(new), strict=True):
            if content is not None:
                self._trees[oid] = parse_tree(content, self.width // 2)

    def commit(self, oid: str) -> Commit:
        """A commit that is known to exist."""
        return self.commits([oid])[0]

    def commits(self, oids: Sequence[str]) -> list[Commit]:
        """Several commits, in one go."""
        known = self._commits
        wanted = [oid for oid in dict.fromkeys(oids) if oid not in known]
        if not wanted:
            return [known[oid] for oid in oids]
        ends = self._ends()
        for oid, content in zip(wanted, self.read_all(wanted), strict=True):
            if content is None:
                raise missing(oid)
            self._kept(oid, content, ends)
        return [self._commits[oid] for oid in oids]

    def walker(self, limit: int | None = None) -> Callable[[Sequence[str]], list[Commit]]:
        """`commits` for whoever walks through history: the further it goes, the more is read ahead along first parents,
        because a question costs more than a commit. Raises `Far` past `limit` commits."""
        looked_at = 0

        def read(oids: Sequence[str]) -> list[Commit]:
            nonlocal looked_at
            looked_at += len(oids)
            if limit is not None and looked_at > limit:
                raise Far
            if new := [oid for oid in oids if oid not in self._commits]:
                self._read_ahead(new, min(looked_at // 4, AHEAD))
            return self.commits(oids)

        return read

    def _read_ahead(self, oids: Sequence[str], ahead: int) -> None:
        """Read commits, and as many before each along first parents as there are."""
        if not ahead:
            return
        contents: list[bytes] = []
        names = [f"{oid}~{back}" for oid in oids for back in range(ahead + 1)]
        found = self._answers(b"contents", names, lambda stream, size: contents.append(stream.read(size)))
        ends = self._ends()
        for each, content in zip((one for one in found if one is not None), contents, strict=True):
            if each[0] == "commit" and each[1] not in self._commits:
                self._kept(each[1], content, ends)

    @property
    def is_shallow(self) -> bool:
        """Whether this is a shallow clone."""
        return bool(self._ends())

    def is_cut_off(self, oid: str) -> bool:
        """Whether a commit has no parents only because a shallow clone ends there."""
        return oid in self._ends()

    def write(self, objects: Sequence[Written]) -> None:
        """Store all of `objects`, those first that others name. Objects alone change nothing until a ref names them."""
        # Hashing and packing cost an import that reading need not pay.
        from kitchens.git.loose import FEW, store
        from kitchens.git.pack import pack

        if self._common is not None and len(objects) <= FEW and not self._is_shared():
            try:
                store(self._common / "objects", objects)
            except (OSError, EnvironmentFailure):
                # Git says better what is wrong with the disk.
                pass
            else:
                return
        self._git.run("unpack-objects", "-q", "--strict", input=pack(objects, self.width))

    def close(self) -> None:
        """End the reader process. Later questions start another."""
        with self._lock:
            if self._closing is not None:
                self._closing()
            self._process = self._closing = None

    def _kept(self, oid: str, content: bytes, ends: frozenset[str]) -> Commit:
        commit = parse_commit(content)
        self._commits[oid] = commit._replace(parents=()) if oid in ends else commit
        return self._commits[oid]

    def _is_shared(self) -> bool:
        """Whether files here get modes and groups that git alone knows of."""
        return self._configuration is None or self._configuration.shared

    def _ends(self) -> frozenset[str]:
        """The commits at which a shallow clone ends."""
        if self._common is None:
            return frozenset()
        try:
            return frozenset((self._common / "shallow").read_text().split())
        except FileNotFoundError:
            return frozenset()

    def _is_oid(self, name: str) -> bool:
        return len(name) == self.width and not set(name) - set("0123456789abcdef")

    def _tree(self, oid: str) -> tuple[Entry, ...]:
        if oid not in self._trees:
            self._trees[oid] = parse_tree(self.blob(oid), self.width // 2)
        return self._trees[oid]

    def _answers(
        self, verb: bytes, names: Sequence[str], take: Callable[[IO[bytes], int], None]
    ) -> list[tuple[str, str] | None]:
        """Kind and id of each name, or None; `take` gets each content while its answer is read.

        Complete when it returns: an answer that nobody reads would be taken for the next one's.
        """
        if not names:
            return []
        found: list[tuple[str, str] | None] = []
        with self._lock:
            while len(found) < len(names):
                try:
                    self._converse(verb, [data(name) for name in names[len(found) :]], take, found)
                except _Unreadable:
                    # Git ends where an object is damaged: the others are asked for anew.
                    found.append(None)
                    self.close()
                except BaseException:
                    # Whatever cut us off left answers in the pipe: the next question needs a new process.
                    self.close()
                    raise
        return found

    def _converse(
        self,
        verb: bytes,
        names: Sequence[bytes],
        take: Callable[[IO[bytes], int], None],
        found: list[tuple[str, str] | None],
    ) -> None:
        asked = [name if name.strip() and b"\n" not in name else b"-" for name in names]
        windows = _windows([b"%s %s\n" % (verb, name) for name in asked])
        process = self._reader()
        assert process.stdin and process.stdout
        questions, answers = process.stdin, process.stdout
        _say(questions, windows[0][0])
        for position, (_, count) in enumerate(windows):
            if position + 1 < len(windows):
                _say(questions, windows[position + 1][0])
            for _ in range(count):
                found.append(self._answer(answers, verb, take))

    def _answer(
        self, answers: IO[bytes], verb: bytes, take: Callable[[IO[bytes], int], None]
    ) -> tuple[str, str] | None:
        line = answers.readline()
        if not line:
            raise self._ended()
        words = line.split()
        if len(words) != 3 or words[1] not in KINDS or not words[2].isdigit():
            return None
        if verb == b"contents" and not self._taken(answers, words[1], words[0], int(words[2]), take):
            return None
        return words[1].decode(), words[0].decode()

    def _taken(
        self, answers: IO[bytes], kind: bytes, oid: bytes, size: int, take: Callable[[IO[bytes], int], None]
    ) -> bool:
        """Hand on a content; False when it is another one's."""
        if not self._distrusts:
            take(answers, size)
            if not answers.read(1):
                raise self._ended()
            return True
        content = answers.read(size + 1)
        if len(content) <= size:
            raise self._ended()
        content = content[:-1]
        if _id_of(kind, content, self.width) != oid.decode():
            return False
        take(io.BytesIO(content), size)
        return True

    def _reader(self) -> subprocess.Popen[bytes]:
        # A forked child shares our pipes: two that talk through them would get each other's answers.
        if self._process is None or self._owner != os.getpid():
            self._process = self._git.start("cat-file", "--batch-command")
            self._owner = os.getpid()
            self._closing = weakref.finalize(self, _end, self._process, self._owner)
        return self._process

    def _ended(self) -> Exception:
        if self._process is not None and self._process.wait() == _FATAL:
            return _Unreadable()
        self._git.require_version()
        return EnvironmentFailure("`git cat-file` ended before it answered", code="git")


class Far(Exception):
    """It is further away than anybody wants to look."""


class _Unreadable(Exception):
    """Git ended in the middle of an object that is damaged."""


def _id_of(kind: bytes, content: bytes, width: int) -> str:
    import hashlib

    make = hashlib.sha1 if width == 40 else hashlib.sha256
    return make(b"%s %d\0%s" % (kind, len(content), content)).hexdigest()


def _say(questions: IO[bytes], words: bytes) -> None:
    # That git has ended is seen where its answers end.
    with suppress(BrokenPipeError):
        questions.write(words)
        questions.flush()


def _windows(questions: Sequence[bytes]) -> list[tuple[bytes, int]]:
    """Questions joined into windows, each with how many it holds; two of them fit any pipe."""
    windows: list[tuple[bytes, int]] = []
    held: list[bytes] = []
    length = 0
    for question in questions:
        if held and length + len(question) > WINDOW:
            windows.append((b"".join(held), len(held)))
            held, length = [], 0
        held.append(question)
        length += len(question)
    return [*windows, (b"".join(held), len(held))]


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    if owner != os.getpid():
        return
    assert process.stdin and process.stdout
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass
    process.stdout.close()
    process.wait()


def missing(oid: str, path: str = "") -> EnvironmentFailure:
    """The failure for an object that should be there; at `path`, where that is known."""
    where = f" (`{path}`)" if path else ""
    return EnvironmentFailure(
        f"the repository has no object `{oid}`{where}, or a damaged one",
        "`git fsck` says what is damaged",
        code="git-object",
    )

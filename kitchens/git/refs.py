"""Refs are read through the reader process and moved by compare-and-swap only."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from kitchens.git.claims import Claim, abandoned, claim, clear_lock
from kitchens.git.command import Answer, Git
from kitchens.git.objects import Objects, missing
from kitchens.git.ref_files import NotPlain, is_direct, listed
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.tuples import NamedTuple

PURPOSE = "ref"

#: Seconds for which we try again when somebody else holds a ref's lock.
PATIENCE = 2.5

#: Where git looks next for a name that is no ref as it stands (gitrevisions, `<refname>`).
ELSEWHERE = ("refs/", "refs/tags/", "refs/heads/", "refs/remotes/")


class Moved(EnvironmentFailure):
    """The ref is not where it was expected: somebody else moved it first. Look again and decide anew."""

    code = "moved"

    def __init__(self, ref: str, expected: str | None, found: str | None) -> None:
        super().__init__(f"`{ref}` was moved by somebody else meanwhile", "run the command again")
        self.ref = ref
        self.expected = expected
        self.found = found


class RefMove(NamedTuple):
    """A move of a ref from `old` (None: it must not exist) to `new`; `reason` is its line in the reflog."""

    ref: str
    new: str
    old: str | None
    reason: str


class Refs:
    """The refs of one repository, by their full names (`refs/heads/main`)."""

    def __init__(self, git: Git, objects: Objects, common: Path) -> None:
        self._git = git
        self._objects = objects
        self._common = common
        self._claims = common / "kitchens" / "locks"

    def read(self, ref: str) -> str | None:
        """The id at `ref`, or None when there is no such ref. Tags are not peeled."""
        names = [ref, *(before + ref for before in ELSEWHERE), f"refs/remotes/{ref}/HEAD"]
        found, *others = self._objects.resolve_all(names)
        if found is None and self._objects.distrusts:
            self._refuse_damaged(ref)
        if found is None or not any(others):
            return found
        # The reader would also have taken the tag `refs/tags/refs/heads/x` for `refs/heads/x`.
        answer = self._git.run("show-ref", "--verify", "--hash", "--", ref, check=False)
        return answer.text if answer.status == 0 else None

    def _refuse_damaged(self, ref: str) -> None:
        """Raise when there is such a ref, and what it names cannot be read."""
        answer = self._git.run("rev-parse", "--verify", "--quiet", "--end-of-options", ref, check=False)
        if answer.status == 0:
            raise missing(answer.text.split("\n")[-1])

    def refs(self, *prefixes: str) -> dict[str, str]:
        """All refs below the prefixes (whole paths such as `refs/heads/`) by full name, sorted. One process at most."""
        try:
            return listed(self._common, prefixes)
        except NotPlain:
            pass
        answer = self._git.run("for-each-ref", "--format=%(refname)%00%(objectname)", "--", *prefixes)
        lines = answer.text.split("\n") if answer.out else []
        return {name: oid for name, _, oid in (line.partition("\0") for line in lines)}

    def followed(self, ref: str) -> str:
        """The ref that moves when git is told to move `ref`: itself, or the one that it names, be it there or not."""
        if is_direct(self._common, ref):
            return ref
        answer = self._git.run("symbolic-ref", "--quiet", "--", ref, check=False)
        return answer.text if answer.status == 0 else ref

    def branch(self, name: str) -> str | None:
        """The tip of a branch."""
        return self.read(f"refs/heads/{name}")

    def move(self, ref: str, new: str, old: str | None, reason: str, keep: Sequence[int] = ()) -> None:
        """Move `ref` from `old` (None: it must not exist) to `new` in one step.

        Raises `Moved` when it is elsewhere, `InvalidInput` when another ref's name stands
        in the way, `EnvironmentFailure` when somebody else holds its lock. `reason` goes
        into the reflog; `keep` are descriptors that git inherits.
        """
        self._swap(ref, ("-m", reason), (new, old or "0" * self._objects.width), old, keep)

    def move_in_turn(self, moves: Sequence[RefMove], keep: Sequence[int] = ()) -> None:
        """Make several moves, one after the other, by one process: each is a step of its own, and none is tried before
        those ahead of it are made. Raises what `move` raises for the first that cannot be made."""
        zero = "0" * self._objects.width
        if len(moves) > 1 and len({each.reason for each in moves}) == 1:
            steps = (f"start\0update {ref}\0{new}\0{old or zero}\0commit\0" for ref, new, old, _ in moves)
            words = ("update-ref", "-m", moves[0].reason, "--stdin", "-z")
            held = self._claim([each.ref for each in moves])
            try:
                answer = self._git.run(
                    *words, input="".join(steps).encode(), check=False, keep=(held.descriptor, *keep)
                )
                if answer.status < 0:
                    _clear(held)
            except BaseException:
                _clear(held)
                raise
            finally:
                held.release()
            if answer.status == 0:
                return
        for ref, new, old, reason in moves:
            if len(moves) == 1 or self.read(ref) != new:
                self.move(ref, new, old, reason, keep)

    def delete(self, ref: str, old: str) -> None:
        """Delete `ref` if it is at `old`, else raise `Moved`."""
        self._swap(ref, ("-d",), (old,), old)

    def drop(self, ref: str) -> None:
        """Delete `ref`, wherever it is, also when what it names is gone; fine when it is gone itself."""
        while (found := self.read(ref)) is not None:
            try:
                self.delete(ref, found)
            except Moved:
                continue
        # A `git gc --prune=now` beside us takes what nothing named yet in that moment.
        if ref in self.refs(f"{ref.rpartition('/')[0]}/") and self.read(ref) is None:
            self._git.run("update-ref", "--no-deref", "-d", ref)

    def update(self, changes: Mapping[str, tuple[str | None, str | None]], reason: str) -> None:
        """Make several changes, ref → (new, old) with None for absent.

        Either git refuses all of them (`Moved`), or it makes all of them; but a `kill -9`
        may leave some made, so nothing may depend on their being one step.
        """
        zero = "0" * self._objects.width
        lines = [f"update {ref}\0{new or zero}\0{old or zero}\0" for ref, (new, old) in changes.items()]
        words = ("update-ref", "-m", reason, "--stdin", "-z")
        held = self._claim(changes)
        try:
            answer = self._git.run(
                *words, input="".join(lines).encode(), check=False, keep=(held.descriptor,)
            )
            if answer.status < 0:
                _clear(held)
        finally:
            held.release()
        if answer.status != 0:
            for ref, (_, old) in changes.items():
                if (found := self.read(ref)) != old:
                    raise Moved(ref, old, found)
            raise self._git.failure(words, answer)

    def clear(self) -> None:
        """Remove the locks that git left when it was killed under a claim of ours."""
        for left in abandoned(self._claims, PURPOSE):
            _clear(left)
            left.release()

    def _swap(
        self,
        ref: str,
        options: Sequence[str],
        values: Sequence[str],
        old: str | None,
        keep: Sequence[int] = (),
    ) -> None:
        words = ("update-ref", *options, "--", ref, *values)
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._attempt(ref, words, keep)
            if answer.status == 0:
                return
            found = self.read(ref)
            if answer.status < 0 and found == (None if options == ("-d",) else values[0]):
                # Killed, but after its last step.
                return
            if found != old:
                raise Moved(ref, old, found)
            self._refuse_names_in_the_way(ref, found)
            lock = self._lock_in_the_way(ref)
            if lock is None and answer.status > 0:
                raise self._git.failure(words, answer)
            if time.monotonic() > deadline:
                raise EnvironmentFailure(
                    f"somebody else holds `{lock}`; `{ref}` was not moved",
                    f"if no git is running here, remove `{lock}`",
                    code="locked",
                )
            self.clear()
            time.sleep(0.05)

    def _attempt(self, ref: str, words: Sequence[str], keep: Sequence[int]) -> Answer:
        held = self._claim((ref,))
        try:
            answer = self._git.run(*words, check=False, keep=(held.descriptor, *keep))
            if answer.status < 0:
                _clear(held)
            return answer
        except BaseException:
            _clear(held)
            raise
        finally:
            held.release()

    def _claim(self, refs: Sequence[str] | Mapping[str, object]) -> Claim:
        return claim(self._claims, PURPOSE, files=[str(path) for ref in refs for path in self._locks(ref)])

    def _locks(self, ref: str) -> tuple[Path, ...]:
        """The lock files that git may take to move `ref`: its own, the packed refs', and HEAD's."""
        return (
            self._common / f"{ref}.lock",
            self._common / "packed-refs.lock",
            self._common / "HEAD.lock",
        )

    def _lock_in_the_way(self, ref: str) -> Path | None:
        return next((path for path in self._locks(ref) if path.exists()), None)

    def _refuse_names_in_the_way(self, ref: str, found: str | None) -> None:
        """A ref `a` and a ref `a/b` cannot exist together."""
        if found is not None:
            return
        parts = ref.split("/")
        above = ["/".join(parts[:count]) for count in range(3, len(parts))]
        other = next((name for name in above if self.read(name)), None) or next(
            iter(self.refs(f"{ref}/")), None
        )
        if other is not None:
            raise InvalidInput(
                f"`{ref}` cannot exist beside `{other}`: git keeps one as a file and the other as a folder",
                "choose another name",
                code="name-in-the-way",
            )


def _clear(left: Claim) -> None:
    """Remove the locks of a claim whose owner, or whose git, is dead."""
    for path in map(Path, left.what["files"]):
        while not clear_lock(path, left.what["when"]) and _young(path):
            time.sleep(0.05)


def _young(path: Path) -> bool:
    try:
        return abs(time.time() - path.stat().st_mtime) < 2
    except FileNotFoundError:
        return False

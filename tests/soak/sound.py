"""What holds after a command was cut off anywhere: old or new, nothing between, and the next command heals."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.desk import COOKBOOK, Answer
from tests.soak.shop import Shop

#: Refs that are evidence or are made for a moment: they decide nothing by being there.
ASIDE = ("refs/attestations/", "refs/candidates/", "refs/kitchens-remote/")


@dataclass(frozen=True)
class Job:
    """A command to cut off. `again` are the codes by which a second one may say that it is done already; `before` is
    what users did until then; `alone` says that what it started is not cut off with it, being another machine's."""

    words: tuple[str, ...]
    again: tuple[str, ...] = ()
    before: Callable[[Shop], None] | None = None
    alone: bool = False

    @property
    def name(self) -> str:
        """How a test is called that cuts it off."""
        return "-".join(word.strip("-./C") for word in self.words[:3])


def promoted(shop: Shop) -> None:
    """Production has something to roll back."""
    assert shop.kitchen("promote", "dev").status == 0


def rolled_back(shop: Shop) -> None:
    """What `leaf` landed in feature was rolled back there: it comes down with whatever is merged into leaf."""
    assert shop.kitchen("create", "leaf", "--from", "feature").status == 0
    shop.write("leaf.txt", "leaf\n", shop.path("leaf"))
    shop.save("leaf", shop.path("leaf"))
    assert shop.kitchen("merge", "leaf").status == 0
    assert shop.kitchen("rollback", "feature").status == 0


def queued(shop: Shop) -> None:
    """A change waits."""
    assert shop.kitchen("queue", "add", "feature").status == 0


def shared(shop: Shop) -> None:
    """There is a remote, which has production and nothing else yet."""
    hub = shop.top / "hub.git"
    shop.git("init", "--quiet", "--bare", "--initial-branch=production", str(hub))
    shop.git("remote", "add", "origin", f"file://{hub}")
    shop.write("kitchens.toml", COOKBOOK.replace("[runtime]", 'remote = "origin"\n[runtime]'))
    shop.git("commit", "--quiet", "--message", "shared", "--", "kitchens.toml")
    shop.git("push", "--quiet", "origin", "production")


def synced(shop: Shop) -> None:
    """The remote has everything."""
    shared(shop)
    assert shop.kitchen("sync").status == 0


def plain(shop: Shop) -> None:
    """Beside lies a repository that knows nothing of kitchens."""
    folder = shop.top / "plain"
    shop.git("init", "--quiet", "--initial-branch=main", str(folder))
    shop.write("notes.txt", "mine\n", folder)
    shop.save("begin", folder)


JOBS = (
    Job(("create", "fresh", "--from", "dev"), again=("kitchen-exists",)),
    Job(("merge", "feature")),
    Job(("promote", "dev")),
    Job(("rollback", "production"), again=("no-landing",), before=promoted),
    Job(("merge", "feature", "--into", "leaf"), before=rolled_back),
    Job(("delete", "spare"), again=("no-kitchen",)),
    Job(("order", "run", "counts", "--kitchen", "feature")),
    Job(("order", "run", "counts", "--kitchen", "dev")),
    Job(("set", "dev", "top=4")),
    Job(("test", "feature", "--again")),
    Job(("queue", "add", "feature")),
    Job(("queue", "run"), before=queued),
    Job(("init", "../new")),
    Job(("-C", "../plain", "init"), before=plain),
    Job(("sync",), before=shared, alone=True),
    Job(("-C", "../hub.git", "hook", "install"), before=synced),
    Job(("merge", "feature"), before=synced, alone=True),
)


def run_whole(shop: Shop, job: Job) -> dict[str, str]:
    """The refs after the command, when nothing cuts it off."""
    shop.prepare(job.before)
    answer = shop.kitchen(*job.words)
    assert answer.status == 0, answer
    after = shop.refs()
    shop.reset()
    return after


def check_cut_off(shop: Shop, job: Job, after: dict[str, str], *, thorough: bool = True) -> None:
    """Right after the cut, after the next command, and after the same command again; `thorough` adds the next gate,
    worktree and landing, and what proves all of it."""
    git_finds_it_sound(shop)
    old_or_new(shop, after)
    healed(shop)
    git_finds_it_sound(shop)
    old_or_new(shop, after)
    again = shop.kitchen(*job.words, "--json")
    done_or_done_already(job, again)
    if not thorough:
        git_finds_it_sound(shop)
        assert locks(shop) == [], locks(shop)
        return
    nothing_is_left(shop)
    made_whole(shop)
    for words in (("list",), ("verify", "dev"), ("verify", "production"), ("doctor",)):
        answer = shop.kitchen(*words)
        assert answer.status == 0, (words, answer)


def made_whole(shop: Shop) -> None:
    """A cookbook beside, where one was to be made; nothing lies about that it was made of."""
    assert not list(shop.top.glob(".*"))
    new = shop.folder.with_name("new")
    if new.exists():
        shop.git("fsck", "--strict", "--no-progress", folder=new)
        assert shop.kitchen("list", folder=new).status == 0
        assert shop.git("status", "--porcelain", folder=new) == ""


def git_finds_it_sound(shop: Shop) -> None:
    """No object is damaged or missing."""
    shop.git("fsck", "--strict", "--no-dangling", "--no-progress")


def old_or_new(shop: Shop, after: dict[str, str]) -> None:
    """Each ref is where it was, or holds what the whole command would have left there."""
    now = {ref: value for ref, value in shop.refs().items() if not ref.startswith(ASIDE)}
    for ref in now.keys() | shop.before.keys():
        if ref.startswith(ASIDE):
            continue
        if ref.startswith("refs/deleted/"):
            assert now[ref].split()[1] in [value.split()[1] for value in shop.before.values()]
            continue
        seen, old, new = now.get(ref), shop.before.get(ref), after.get(ref)
        if seen == old:
            continue
        assert ref in shop.before or ref in after, f"{ref} came from nowhere"
        if ref.startswith(("refs/kitchens/", "refs/queue/")):
            # Times are in its tree, so that no two are alike: it is a child of the old one.
            assert (seen is None) == (new is None), ref
            if seen is not None and old is not None:
                assert shop.git("rev-parse", f"{ref}^") == old.split()[0]
        else:
            assert (seen and seen.split()[1]) == (new and new.split()[1]), ref


def healed(shop: Shop) -> None:
    """One more command, and checkouts are clean of us, no lock of ours is left, and nobody lost a line."""
    answer = shop.kitchen("list", "--json")
    assert answer.status == 0, answer
    assert locks(shop) == [], locks(shop)
    shop.users_lost_nothing()
    records = shop.kitchen("order", "list", "--json")
    assert records.status == 0, records
    assert {one["status"] for one in records.document} <= {"passed", "interrupted", "cancelled"}


def locks(shop: Shop) -> list[Path]:
    """Git's locks, wherever they lie."""
    found = [Path(folder, name) for folder, _, names in os.walk(shop.folder / ".git") for name in names]
    return [path for path in found if path.name.endswith(".lock")]


def done_or_done_already(job: Job, answer: Answer) -> None:
    """The same command again does it, or says truthfully that it was done."""
    if answer.status == 0:
        return
    assert answer.status == 2, answer
    assert json.loads(answer.out)["error"]["code"] in job.again, answer


def nothing_is_left(shop: Shop) -> None:
    """After the next gate and the next worktree, nothing lies about that a killed command made.

    But for a claim that never got its name: it names nothing, and goes after a minute.
    """
    answer = shop.kitchen("create", "probe", "--from", "feature")
    assert answer.status == 0, answer
    answer = shop.kitchen("test", "feature", "--again")
    assert answer.status == 0, answer
    answer = shop.kitchen("merge", "feature")
    assert answer.status == 0, answer
    state = shop.folder / ".git" / "kitchens"
    assert not [ref for ref in shop.refs() if ref.startswith("refs/candidates/")]
    assert os.listdir(state / "gates") == []
    assert [name for name in os.listdir(state / "locks") if name.endswith(".claim")] == []
    assert [
        path.name
        for path in Path(f"{shop.folder}.kitchens").iterdir()
        if path.name.startswith((".making", ".removing"))
    ] == []
    assert [path.name for path in state.glob("scratch-*")] == []
    listed = shop.git("worktree", "list", "--porcelain")
    assert "prunable" not in listed and "locked" not in listed
    assert locks(shop) == [], locks(shop)


def nothing_half_done(shop: Shop) -> None:
    """No lock, no claim, no folder and no ref that is made for a moment; no kitchen without its branch.

    A signal that strikes a clearing up itself leaves the rest to the next command.
    """
    assert shop.kitchen("list").status == 0
    assert locks(shop) == []
    state = shop.folder / ".git" / "kitchens"
    assert [name for name in os.listdir(state / "locks") if name.endswith(".claim")] == []
    assert os.listdir(state / "gates") == []
    assert [path.name for path in state.glob("scratch-*")] == []
    names = [path.name for path in shop.path("").iterdir()]
    assert [name for name in names if name.startswith((".making", ".removing"))] == []
    refs = shop.refs()
    assert not [ref for ref in refs if ref.startswith("refs/candidates/")]
    kitchens = {ref.removeprefix("refs/kitchens/") for ref in refs if ref.startswith("refs/kitchens/")}
    assert [name for name in kitchens if f"refs/heads/{name}" not in refs] == []
    records = shop.kitchen("order", "list", "--json")
    assert {one["status"] for one in records.document} <= {"passed", "cancelled"}


def moments(shop: Shop, job: Job, trials: int, *, beyond: float = 1.0) -> Iterator[float]:
    """Random moments in the time that a job takes, or in `beyond` as much, one in each of `trials` equal parts of it. At
    each the shop is as it was before."""
    began = time.monotonic()
    shop.kitchen(*job.words)
    for moment in spread(beyond * (time.monotonic() - began), trials):
        shop.reset()
        yield moment


def spread(whole: float, trials: int) -> Iterator[float]:
    """Random moments, one in each of `trials` equal parts of the time."""
    for number in range(trials):
        yield whole * (number + random.random()) / trials

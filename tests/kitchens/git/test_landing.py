"""A landing moves the branch and every checkout of it, or nothing at all."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from kitchens.git.moving import arriving, landing
from kitchens.git.moving.changes import SUBMODULE
from kitchens.git.moving.healing import heal
from kitchens.git.moving.landing import carry_out, plan_landing
from kitchens.git.refs import Moved, RefMove
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

from ..conftest import Checkout
from ..crash import every_step, killed_after, together


def nothing() -> None:
    """There is no registration here to write a pending entry to."""


def land(repository, old: str, new: str, branch: str = "main") -> list[Path]:
    """Plan and carry out in one go."""
    return carry_out(plan_landing(repository, branch, old, new), nothing)


@pytest.fixture
def commits(checkout: Checkout) -> tuple[str, str]:
    """Where `main` is, and a commit on it with every kind of change, which no branch has yet."""
    checkout.write("run.sh", "#!/bin/sh\n")
    checkout.write("data.bin", bytes(range(256)) * 40)
    checkout.write("folder/inside", "x\n")
    checkout.write("becomes-folder", "x\n")
    (checkout.path / "link").symlink_to("README.md")
    old = checkout.commit("before")
    checkout.git("mv", "lines.txt", "moved\nlines \udce9.txt")
    checkout.write("README.md", "# new\n")
    checkout.write("data.bin", bytes(range(256)) * 41)
    checkout.write("empty", "")
    checkout.write("deep/er/new", "new\n")
    (checkout.path / "run.sh").chmod(0o755)
    (checkout.path / "link").unlink()
    (checkout.path / "link").symlink_to("run.sh")
    (checkout.path / "recipes/delays/clean.sql").unlink()
    (checkout.path / "folder/inside").unlink()
    (checkout.path / "folder").rmdir()
    checkout.write("folder", "now a file\n")
    (checkout.path / "becomes-folder").unlink()
    checkout.write("becomes-folder/inside", "now a folder\n")
    new = checkout.commit("after")
    checkout.git("reset", "-q", "--hard", old)
    return old, new


def clean_at(checkout: Checkout, commit: str) -> None:
    """The checkout is exactly `commit`, and nothing of ours is left."""
    assert (checkout.tip(), checkout.status()) == (commit, "")
    checkout.git("diff-index", "--quiet", "HEAD")
    own = Path(checkout.git("rev-parse", "--absolute-git-dir"))
    assert [name for name in os.listdir(own) if "kitchens-" in name or name.endswith(".lock")] == []
    claims = Path(checkout.git("rev-parse", "--git-common-dir")) / "kitchens" / "locks"
    assert list((checkout.path / claims).glob("*.claim")) == []


def test_a_landing_brings_the_checkout_along(checkout, repository, commits):
    """Binaries, modes, links, renames, folders that become files: the checkout is the new commit."""
    assert land(repository, *commits) == []
    clean_at(checkout, commits[1])
    assert checkout.git("reflog", "-1", "--format=%gs") == "kitchen: landed"


def test_all_checkouts_are_brought_along(checkout, repository, commits, tmp_path):
    """A branch that is checked out twice is updated in both places."""
    other = Checkout(tmp_path / "other", checkout.environment)
    checkout.git("worktree", "add", "-q", "--force", other.path, "main")
    land(repository, *commits)
    clean_at(checkout, commits[1])
    clean_at(other, commits[1])


def test_a_branch_without_a_checkout_just_moves(checkout, repository, commits):
    """Nothing is written where the branch is not checked out."""
    checkout.git("switch", "-q", "--detach", commits[0])
    checkout.write("README.md", "mine\n")
    land(repository, *commits)
    assert checkout.tip("main") == commits[1]
    assert (checkout.path / "README.md").read_text() == "mine\n"


def test_local_edits_elsewhere_stay(checkout, repository, commits):
    """Edited, staged and untracked files that the landing does not change are as they were."""
    checkout.write("recipes/delays/recipe.toml", "edited\n")
    checkout.write("staged", "staged\n")
    checkout.git("add", "staged")
    checkout.write("untracked", "untracked\n")
    before = checkout.status()
    land(repository, *commits)
    assert checkout.tip() == commits[1]
    assert checkout.status() == before
    assert checkout.git("show", ":staged") == "staged"


@pytest.mark.parametrize("kind", ["edited", "staged", "untracked", "ignored", "in a folder", "as a link"])
def test_files_in_the_way_refuse_the_landing(checkout, repository, commits, kind):
    """A file of the user's that the landing would write over is named, and nothing moves."""
    path = {"untracked": "empty", "ignored": "empty", "in a folder": "folder/mine", "as a link": "deep"}.get(
        kind, "README.md"
    )
    if kind == "as a link":
        (checkout.path / path).symlink_to("/tmp")
        checkout.write(".git/info/exclude", "deep\n")
    else:
        checkout.write(path, "mine\n")
    if kind == "staged":
        checkout.git("add", path)
    if kind == "ignored":
        checkout.write(".git/info/exclude", "empty\n")
    if kind == "in a folder":
        checkout.write(".git/info/exclude", "mine\n")
    before = checkout.refs(), checkout.status()
    with pytest.raises(InvalidInput, match=f"`{path}`") as caught:
        plan_landing(repository, "main", *commits)
    assert caught.value.code == "checkout-in-the-way"
    assert (checkout.refs(), checkout.status()) == before
    assert kind == "as a link" or (checkout.path / path).read_text() == "mine\n"


def test_what_is_checked_only_once_is_checked(checkout, repository, commits):
    """A landing at once sees an edit too, even one that git was told to look away from."""
    checkout.write("README.md", "mine\n")
    checkout.git("update-index", "--assume-unchanged", "README.md")
    with pytest.raises(InvalidInput, match=r"README\.md"):
        carry_out(plan_landing(repository, "main", *commits, at_once=True), nothing)
    assert (checkout.path / "README.md").read_text() == "mine\n"
    checkout.git("update-index", "--no-assume-unchanged", "README.md")
    checkout.git("checkout", "-q", "README.md")
    clean_at(checkout, commits[0])


def test_what_is_staged_as_it_lands_is_no_obstacle(checkout, repository, commits):
    """Someone who staged the very content that lands loses nothing, as with git."""
    checkout.write("README.md", "# new\n")
    checkout.git("add", "README.md")
    land(repository, *commits)
    clean_at(checkout, commits[1])


def test_an_edit_between_plan_and_landing_is_seen(checkout, repository, commits):
    """The check is made again under the lock."""
    plan = plan_landing(repository, "main", *commits)
    checkout.write("README.md", "mine\n")
    with pytest.raises(InvalidInput, match=r"README\.md"):
        carry_out(plan, nothing)
    assert checkout.tip() == commits[0]
    assert (checkout.path / "README.md").read_text() == "mine\n"


def test_an_edit_in_the_last_moment_stays(checkout, repository, commits):
    """A file that is edited while the branch moves is left as it is, and named."""
    plan = plan_landing(repository, "main", *commits)
    left = carry_out(plan, lambda: checkout.write("README.md", "mine\n") and None)
    assert left == [checkout.path / "README.md"]
    assert checkout.status().split() == ["M", "README.md"]
    assert (checkout.path / "README.md").read_text() == "mine\n"


def test_a_branch_that_moved_is_not_landed_on(checkout, repository, commits):
    """When somebody was faster nothing changes, and the caller may look again."""
    plan = plan_landing(repository, "main", *commits)
    faster = checkout.git("commit-tree", "-m", "faster", "-p", commits[0], f"{commits[0]}^{{tree}}")
    checkout.git("update-ref", "refs/heads/main", faster)
    with pytest.raises(Moved):
        carry_out(plan, nothing)
    clean_at(checkout, faster)


def test_a_checkout_that_appeared_meanwhile_is_seen(checkout, repository, commits, tmp_path):
    """A checkout of the branch that the plan did not see would be left behind, so nothing moves."""
    checkout.git("switch", "-q", "--detach", commits[0])
    plan = plan_landing(repository, "main", *commits)
    checkout.git("switch", "-q", "main")
    with pytest.raises(Moved):
        carry_out(plan, nothing)
    clean_at(checkout, commits[0])


def test_an_error_while_writing_pending_undoes_all(checkout, repository, commits):
    """What `write_pending` raises comes out, and nothing has changed."""

    def fail() -> None:
        raise EnvironmentFailure("no space")

    with pytest.raises(EnvironmentFailure, match="no space"):
        carry_out(plan_landing(repository, "main", *commits), fail)
    clean_at(checkout, commits[0])


def test_somebody_elses_lock_is_waited_for_and_named(checkout, repository, commits, monkeypatch):
    """While another git works in the checkout we wait a little, then say which file it holds."""
    monkeypatch.setattr(landing, "PATIENCE", 0.2)
    lock = checkout.write(".git/index.lock", "")
    with pytest.raises(EnvironmentFailure, match=r"index\.lock"):
        land(repository, *commits)
    assert lock.exists()
    lock.unlink()
    clean_at(checkout, commits[0])


def test_another_landing_is_waited_for_until_it_is_done(checkout, repository, commits, monkeypatch):
    """Many that land at once stand in line: longer than for a git that may sit in an editor."""
    monkeypatch.setattr(landing, "PATIENCE", 0.05)
    lock = checkout.write(".git/index.lock", "0123456789abcdef")
    done = threading.Timer(0.4, lock.unlink)
    done.start()
    land(repository, *commits)
    done.join()
    clean_at(checkout, commits[1])


def test_each_landing_in_line_has_its_time(checkout, repository, commits, monkeypatch):
    """Where each waits for a slow remote, all of them together take longer than any of them may."""
    monkeypatch.setattr(arriving, "LANDING_PATIENCE", 0.4)
    lock = checkout.write(".git/index.lock", "0123456789abcde0")

    def line() -> None:
        for number in range(1, 4):
            time.sleep(0.2)
            lock.with_name("next").write_text(f"0123456789abcde{number}")
            lock.with_name("next").replace(lock)
        time.sleep(0.2)
        lock.unlink()

    others = threading.Thread(target=line)
    others.start()
    land(repository, *commits)
    others.join()
    clean_at(checkout, commits[1])


def test_a_git_that_takes_the_lock_again_and_again_is_waited_for(checkout, repository, commits, monkeypatch):
    """Whoever commits all the time is soon done each time."""
    monkeypatch.setattr(landing, "PATIENCE", 0.3)
    lock = checkout.write(".git/index.lock", "")

    def again() -> None:
        for _ in range(10):
            lock.with_name("next").write_text("")
            lock.with_name("next").replace(lock)
            time.sleep(0.1)
        lock.unlink()

    busy = threading.Thread(target=again)
    busy.start()
    land(repository, *commits)
    busy.join()
    clean_at(checkout, commits[1])


@pytest.mark.parametrize("what", ["merge", "rebase"])
def test_a_merge_or_rebase_under_way_refuses(checkout, repository, commits, what):
    """A merge or rebase of the branch that is not finished would bring back what landed."""
    _, new = commits
    checkout.git("switch", "-q", "-c", "side")
    checkout.commit("side", lines__txt="side\n")
    checkout.git("switch", "-q", "main")
    base = checkout.commit("main", lines__txt="main\n")
    subprocess.run(
        ["git", what, "side"], cwd=checkout.path, env=checkout.environment, capture_output=True, check=False
    )
    with pytest.raises(InvalidInput, match=f"a {what} of `main` is under way"):
        plan_landing(repository, "main", base, new)


def test_filters_and_line_ends_are_the_users(checkout, repository):
    """Files arrive as the user's git would check them out, by the attributes of the new commit."""
    checkout.git("config", "filter.shout.smudge", "tr a-z A-Z")
    checkout.git("config", "filter.shout.clean", "tr A-Z a-z")
    old = checkout.tip()
    checkout.write(".gitattributes", "*.crlf text eol=crlf\n*.shout filter=shout\n")
    new = checkout.commit("attributes", **{"a.crlf": "x\r\n", "b.shout": "quiet\n"})
    checkout.git("reset", "-q", "--hard", old)
    land(repository, old, new)
    clean_at(checkout, new)
    assert (checkout.path / "a.crlf").read_bytes() == b"x\r\n"
    assert (checkout.path / "b.shout").read_bytes() == b"QUIET\n"


def test_submodules_stay_as_they_are(checkout, repository):
    """A landing that moves a submodule changes the index alone, as git does."""
    old = checkout.tip()
    checkout.git("update-index", "--add", "--cacheinfo", f"{SUBMODULE},{old},module")
    checkout.git("commit", "-q", "-m", "module")
    new = checkout.tip()
    checkout.git("reset", "-q", "--hard", old)
    land(repository, old, new)
    assert (checkout.path / "module").is_dir()
    clean_at(checkout, new)


def test_a_sparse_checkout_stays_sparse(checkout, repository, commits):
    """Files that a sparse checkout leaves out are not brought in by a change to them."""
    old, _ = commits
    new_tree_of = checkout.commit("change", **{"recipes/delays/clean.sql": "select 2\n"})
    checkout.git("reset", "-q", "--hard", old)
    checkout.git("sparse-checkout", "set", "--no-cone", "/*", "!/recipes")
    assert not (checkout.path / "recipes").exists()
    land(repository, old, new_tree_of)
    assert checkout.status() == ""
    assert not (checkout.path / "recipes").exists()


def test_what_is_new_where_a_checkout_is_sparse_stays_out(checkout, repository, commits):
    """As with git: a file that arrives in a folder which is left out is in the index, and not on disk; and so it is
    when the landing was killed."""
    old, _ = commits
    new = checkout.commit("new", **{"recipes/other/clean.sql": "select 2\n", "top.txt": "new\n"})
    checkout.git("reset", "-q", "--hard", old)
    checkout.git("sparse-checkout", "set", "--no-cone", "/*", "!/recipes")
    for _ in every_step(lambda: land(repository, old, new), stride=7):
        heal(repository)
        landed = checkout.tip("main") == new
        assert checkout.status() == ""
        assert (checkout.path / "top.txt").exists() == landed
        assert not (checkout.path / "recipes").exists()
        checkout.git("reset", "-q", "--hard", old)
    assert "S recipes/other/clean.sql" in checkout.git("ls-files", "-t")
    assert (checkout.status(), (checkout.path / "recipes").exists()) == ("", False)


def test_killed_before_any_step(checkout, repository, commits):
    """Killed at any step, the next command makes it old or new, whole, and leaves nothing behind."""
    old, new = commits
    seen = []
    for _ in every_step(lambda: land(repository, old, new)):
        assert checkout.tip("main") in (old, new)
        seen.append(checkout.tip("main") == new)
        assert heal(repository) == []
        clean_at(checkout, new if seen[-1] else old)
        checkout.git("update-ref", "refs/heads/main", old)
        checkout.git("reset", "-q", "--hard")
        checkout.git("clean", "-fdq")
    assert seen == sorted(seen)
    assert seen.count(True) > 10 < seen.count(False)
    clean_at(checkout, new)
    assert checkout.sound()


@pytest.mark.parametrize("with_git", [True, False])
@pytest.mark.parametrize("milliseconds", range(2, 62, 6))
def test_killed_at_any_time(checkout, repository, commits, milliseconds, with_git):
    """Killed at any time, with the git that it runs or without, the next command heals."""
    old, new = commits
    killed_after(milliseconds / 1000, lambda: land(repository, old, new), group=with_git)
    if checkout.tip("main") == old:
        # The git that outlived the killed process may move the branch even now.
        with suppress(Moved):
            land(repository, old, new)
    assert heal(repository) == []
    clean_at(checkout, new)
    assert checkout.sound()


def test_what_is_pending_moves_just_before_the_branch(checkout, repository, commits):
    """By one process; when somebody was faster with it, the branch stays, and nothing is left."""
    old, new = commits
    checkout.git("update-ref", "refs/kitchens/main", old)
    before = checkout.refs()
    plan = plan_landing(repository, "main", old, new, at_once=True)
    with pytest.raises(Moved) as caught:
        carry_out(plan, lambda: RefMove("refs/kitchens/main", new, new, "kitchen: landed"))
    assert caught.value.ref == "refs/kitchens/main"
    assert checkout.refs() == before
    calls = repository.git.tally.calls
    plan = plan_landing(repository, "main", old, new, at_once=True)
    carry_out(plan, lambda: RefMove("refs/kitchens/main", new, old, "kitchen: landed"))
    moves = [words for words in ("kitchens/main", "heads/main") if checkout.tip(f"refs/{words}") == new]
    # Two for the index, which has new paths; the files; and all refs.
    assert (len(moves), repository.git.tally.calls - calls) == (2, 4)
    clean_at(checkout, new)


def test_what_somebody_edited_after_a_kill_stays(checkout, repository, commits):
    """A file that was edited between the kill and the healing is left and named."""
    old, new = commits
    for _ in every_step(lambda: land(repository, old, new)):
        if checkout.tip("main") == new:
            break
        heal(repository)
    checkout.write("README.md", "mine\n")
    assert heal(repository) == [checkout.path / "README.md"]
    assert (checkout.path / "README.md").read_text() == "mine\n"
    assert checkout.status().split() == ["M", "README.md"]
    assert checkout.git("show", ":README.md") == "# new"


def test_healing_twice_at_once(checkout, repository, commits):
    """Two commands that find the same dead landing heal it once."""
    old, new = commits
    for _ in every_step(lambda: land(repository, old, new)):
        if checkout.tip("main") == new:
            break
        heal(repository)
    assert together(3, lambda _: heal(repository)) == [0, 0, 0]
    clean_at(checkout, new)


def test_healing_nothing_costs_one_listing(checkout, repository):
    """With nothing to heal no git is started."""
    before = repository.git.tally.calls
    assert heal(repository) == []
    assert repository.git.tally.calls == before

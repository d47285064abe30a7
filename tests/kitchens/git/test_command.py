"""The git binary in an environment that the machine cannot bend."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from kitchens.git.command import Git, scrubbed
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.interrupts import interrupt
from tests.kitchens.crash import fork


def fake_git(folder: Path, script: str) -> dict[str, str]:
    """An environment in which `git` is this shell script."""
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_variables_of_git_do_not_leak():
    """What points git at another repository or other settings is dropped; who acts is kept."""
    kept = scrubbed({"GIT_DIR": "/x", "GIT_CONFIG_COUNT": "1", "GIT_AUTHOR_NAME": "Ada", "HOME": "/h"})
    assert "GIT_DIR" not in kept
    assert "GIT_CONFIG_COUNT" not in kept
    assert (kept["GIT_AUTHOR_NAME"], kept["HOME"], kept["LC_ALL"]) == ("Ada", "/h", "C")


def test_hooks_never_run(checkout, repository):
    """A hook in the repository does not run when we act."""
    hook = checkout.write(".git/hooks/reference-transaction", "#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    repository.refs.move("refs/heads/x", checkout.tip(), None, "test")
    assert repository.refs.branch("x") == checkout.tip()


def test_a_missing_git_is_the_environment(tmp_path):
    """Without git in PATH the answer is one sentence, exit 5."""
    with pytest.raises(EnvironmentFailure, match="no `git` in PATH"):
        Git(tmp_path, {"PATH": str(tmp_path)}).run("version")


def test_a_missing_folder_is_named(tmp_path, environment):
    """A folder that is gone is not mistaken for a missing git."""
    with pytest.raises(EnvironmentFailure, match="gone` is not a folder"):
        Git(tmp_path / "gone", environment).run("version")


def test_what_git_itself_gave_up_is_said(tmp_path):
    """An assertion of its own, as 2.39 has in some merges: no signal that somebody sent."""
    script = 'case "$*" in *version*) echo git version 2.39.5; exit;; esac; echo "git: a.c:1: no" >&2; kill -ABRT $$'
    with pytest.raises(EnvironmentFailure, match=r"`git merge-tree` has a fault of its own: a\.c:1: no"):
        Git(tmp_path, fake_git(tmp_path, script)).run("merge-tree")


def test_an_old_git_is_named_after_a_failure(tmp_path):
    """A call that fails in an old git says which version is needed; one that works asks nothing."""
    old = fake_git(
        tmp_path, 'for word; do [ "$word" = version ] && echo git version 2.20.1 && exit; done; exit 1'
    )
    git = Git(tmp_path, old)
    with pytest.raises(InvalidInput, match=r"git 2\.20\.1 is too old"):
        git.run("merge-tree")


def test_vendors_versions_are_understood(tmp_path):
    """Apple and Windows append their own words to the version."""
    git = Git(tmp_path, fake_git(tmp_path, 'echo "git version 2.39.5 (Apple Git-154)"'))
    assert git.version() == (2, 39, 5)
    assert Git(tmp_path, fake_git(tmp_path, "echo git version 2.47.0.windows.2")).version() == (2, 47, 0, 2)


def test_calls_are_counted(repository):
    """The tally says how many processes were started."""
    before = repository.git.tally.calls
    repository.git.run("version")
    assert repository.git.tally.calls == before + 1


def test_a_reader_does_not_hear_the_terminal(repository):
    """^C is for us: what we finish before we stop needs the reader."""
    process = repository.git.start("cat-file", "--batch")
    try:
        assert os.getpgid(process.pid) != os.getpgrp()
    finally:
        process.communicate()


def test_a_failure_names_the_disk_behind_it(checkout, repository, monkeypatch):
    """Git says `failure to merge` of a folder that it may not write."""
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(EnvironmentFailure) as failed:
        repository.git.run("cat-file", "-p", "nothing")
    assert failed.value.hints == (
        f"`{repository.common}` cannot be written: make it writable, or work in a copy",
    )


def test_an_interrupted_wait_ends_with_its_git(tmp_path):
    """What clears up after it must not be overtaken by it."""
    environment = fake_git(tmp_path, "sleep 0.6; touch done")
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            Git(tmp_path, environment).run("update-ref")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert (tmp_path / "done").exists()


def test_an_interrupted_call_never_leaves_its_git_behind(tmp_path, environment):
    """At whatever moment the signal comes, also while the process is being started: it has ended when we go on."""
    child = fork()
    if child == 0:
        signal.signal(signal.SIGALRM, lambda *_: interrupt())
        os._exit(_left_behind(Git(tmp_path, environment), 150))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _left_behind(git: Git, trials: int) -> int:
    """How many gits still run or wait for their parent, after interruptions in the first three milliseconds."""
    left = 0
    for trial in range(trials):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0002 + 0.003 * trial / trials)
            git.run("version")
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            pass
        with suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
            left += 1
    return min(left, 100)

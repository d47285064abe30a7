"""What a machine may lack: each command says so in one sentence, with the documented exit status."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kitchens.cli.words import exit_status, from_os_error
from tests.soak.shop import Shop


def typed(shop: Shop, *words: str, **how: object) -> subprocess.CompletedProcess[str]:
    """Type `kitchen WORDS` in a process that starts from nothing."""
    environment = {**os.environ, **how.pop("environment", {})}  # type: ignore[dict-item]
    environment = {name: value for name, value in environment.items() if value is not None}
    settings = {
        "capture_output": True,
        "text": True,
        "errors": "surrogateescape",
        "timeout": 120,
        "cwd": shop.folder,
    }
    command = [str(Path(sys.executable).with_name("kitchen")), *words]
    return subprocess.run(command, check=False, env=environment, **{**settings, **how})  # type: ignore[call-overload]


def one_sentence(done: subprocess.CompletedProcess[str], status: int) -> str:
    """The status, and the one error that stderr holds."""
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert len(errors) == (1 if status else 0), done.stderr
    assert "Traceback" not in done.stderr
    return errors[0] if errors else ""


@pytest.mark.parametrize(
    "words", [("list",), ("init", "new"), ("merge", "feature"), ("doctor",)], ids=lambda w: w[0]
)
def test_a_git_that_is_too_old_is_named_with_what_is_needed(
    shop: Shop, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """2.30 knows neither `merge-tree --write-tree` nor half of what we ask."""
    real = shutil.which("git")
    fake = tmp_path / "git"
    fake.write_text(
        f'#!/bin/sh\ncase "$*" in *version) echo git version 2.30.2;; *merge-tree*) exit 129;; '
        f'*init*) exit 129;; *) exec {real} "$@";; esac\n'
    )
    fake.chmod(0o755)

    done = typed(shop, *words, environment={"PATH": f"{tmp_path}:{os.environ['PATH']}"})

    if words == ("list",):
        one_sentence(done, 0)
    elif words == ("doctor",):
        assert "git 2.30.2 is too old" in done.stdout, done
    else:
        assert "git 2.30.2 is too old: kitchens need git 2.39" in one_sentence(done, 2)


@pytest.mark.parametrize("words", [("list",), ("init", "new"), ("merge", "feature")], ids=lambda w: w[0])
def test_no_git_at_all_is_an_environment_that_failed(
    shop: Shop, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """With a hint to install one."""
    assert "there is no `git` in PATH" in one_sentence(
        typed(shop, *words, environment={"PATH": str(tmp_path)}), 5
    )


def test_doctor_works_without_git(shop: Shop, tmp_path: Path) -> None:
    """It says what is missing."""
    done = typed(shop, "doctor", environment={"PATH": str(tmp_path)})

    assert "there is no `git` in PATH" in done.stdout, done
    assert "Traceback" not in done.stderr


def test_no_home_and_a_home_that_is_read_only_do_not_matter_to_plain_work(shop: Shop) -> None:
    """A merge needs no home."""
    one_sentence(typed(shop, "list", environment={"HOME": None, "XDG_CACHE_HOME": None}), 0)
    one_sentence(typed(shop, "merge", "feature", environment={"HOME": "/proc/1", "XDG_CACHE_HOME": None}), 0)


def test_a_tmpdir_that_is_missing_does_not_matter(shop: Shop) -> None:
    """Gates and runs have folders of their own."""
    one_sentence(typed(shop, "merge", "feature", environment={"TMPDIR": "/nowhere"}), 0)
    one_sentence(typed(shop, "init", "../other", environment={"TMPDIR": "/nowhere"}), 0)


def test_names_that_are_not_ascii_work_in_the_c_locale(shop: Shop) -> None:
    """In kitchens, files and messages, on a terminal that knows ASCII only."""
    locale = {"LC_ALL": None, "LANG": "C", "PYTHONIOENCODING": "ascii"}
    one_sentence(typed(shop, "create", "späte-gäste", "--from", "dev", environment=locale), 0)
    folder = shop.path("späte-gäste")
    shop.write("räume/größe.txt", "ü\n", folder)
    shop.save("größe", folder)
    one_sentence(typed(shop, "preview", "späte-gäste", environment=locale), 0)
    one_sentence(typed(shop, "merge", "späte-gäste", environment=locale), 0)
    one_sentence(typed(shop, "list", environment=locale), 0)
    one_sentence(typed(shop, "order", "run", "counts", environment=locale, cwd=folder), 0)
    one_sentence(typed(shop, "delete", "späte-gäste", environment=locale), 0)


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("merge", "feature"),
        ("order", "run", "counts", "--kitchen", "dev"),
        ("set", "dev", "top=4"),
    ],
    ids=lambda words: words[0],
)
def test_closed_streams_are_not_needed(shop: Shop, words: tuple[str, ...]) -> None:
    """A job without stdin, stdout or stderr works as any other."""
    for closed in ("<&- >&-", ">&- 2>&-"):
        shop.reset()
        line = f'exec "$0" "$@" {closed}'
        kitchen = str(Path(sys.executable).with_name("kitchen"))
        done = subprocess.run(
            ["sh", "-c", line, kitchen, *words], check=False, capture_output=True, text=True, cwd=shop.folder
        )
        assert done.returncode == 0, (closed, done)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("list", "--json"),
        ("merge", "feature"),
        ("set", "dev", "top=4"),
        ("--version",),
        ("--help",),
    ],
    ids="-".join,
)
def test_an_answer_that_cannot_be_written_is_an_environment_that_failed(
    shop: Shop, words: tuple[str, ...]
) -> None:
    """`/dev/full` stands for a log on a full disk."""
    with Path("/dev/full").open("w") as full:
        done = typed(shop, *words, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    done.stdout = ""
    one_sentence(done, 5)
    if not words[-1].startswith("--"):
        assert "has done its work, and its answer cannot be written: the disk is full" in done.stderr


def test_a_machine_without_a_process_to_spare_has_failed() -> None:
    """It says nothing about the change, and is no bug of ours."""
    known = from_os_error(BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"))
    assert known is not None
    assert exit_status(known) == 5


def test_what_a_private_umask_makes_works(shop: Shop) -> None:
    """077 is common on shared machines."""
    for words in (("merge", "feature"), ("order", "run", "counts", "--kitchen", "dev"), ("create", "late")):
        one_sentence(typed(shop, *words, umask=0o077), 0)


@pytest.mark.parametrize(
    "words", [("list",), ("doctor",), ("init",), ("order", "list"), ("list", "-C", "..")], ids="-".join
)
def test_a_folder_that_was_deleted_is_named(shop: Shop, tmp_path: Path, words: tuple[str, ...]) -> None:
    """The current one, under our feet."""
    kitchen = str(Path(sys.executable).with_name("kitchen"))
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["sh", "-c", f"cd {gone} && rmdir {gone} && exec {kitchen} {' '.join(words)}"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert "the current folder was deleted" in one_sentence(done, 5)


def test_a_clock_that_jumps_is_no_matter(shop: Shop) -> None:
    """Twenty years back, and a century on."""
    for when in ("@1100000000", "@4900000000"):
        shop.reset()
        code = (
            "import sys, datetime as d\n"
            "class D(d.datetime):\n"
            "  @classmethod\n"
            f"  def now(c, tz=None): return d.datetime.fromtimestamp({when[1:]}, tz)\n"
            "import kitchens.cli.desk as k; k.datetime = D\n"
            "from kitchens.cli.run import run; sys.exit(run(sys.argv[1:]))"
        )
        for words in (
            ("create", "late"),
            ("merge", "feature"),
            ("verify", "dev"),
            ("order", "run", "counts", "--kitchen", "dev"),
            ("order", "list"),
            ("delete", "late"),
            ("history", "dev"),
            ("list",),
        ):
            done = subprocess.run(
                [sys.executable, "-c", code, *words],
                check=False,
                capture_output=True,
                text=True,
                cwd=shop.folder,
            )
            one_sentence(done, 0)

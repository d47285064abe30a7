"""Simple commands, carried out by shells that are there already: nobody can tell the difference."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from kitchens_engine.ports import Command, Ended
from kitchens_engine.runtimes import shells
from kitchens_engine.runtimes.keeper import MARK, SHELLS, begin_ledger
from kitchens_engine.runtimes.local import LocalRuntime
from kitchens_engine.runtimes.processes import Owner
from kitchens_engine.runtimes.shells import SHELL, Shell, program_of, request_for
from tests.processes import gone


@pytest.fixture(autouse=True)
def _back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A shell is started where its maker goes to; who is no keeper comes back."""
    monkeypatch.chdir(tmp_path)


SET = {"KITCHEN_DATA": "/data", "PATH": "/bin"}


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("true", ""),
        ("  echo hello ", ""),
        ("python clean.py --date 2013-01-01 data/*.csv", "python"),
        ("./run.sh 'a; b $$ `c` | d' \"b c\"", "./run.sh"),
        ('python load.py $KITCHEN_DATA/x "$KITCHEN_DATA"', "python"),
        ("python -c 'print(1)\nprint(2)'", "python"),
        ("", None),
        ("  ", None),
        ("# nothing", None),
        ("echo $$", None),
        ("echo '$$' $$", None),
        ('echo "$$"', None),
        ("echo $PPID", None),
        ("echo $UNSET", None),
        ("echo ${KITCHEN_DATA}", None),
        ("echo $KITCHEN_DATA_", None),
        ("echo `date`", None),
        ('echo "`date`"', None),
        ('echo "a\\"b"', None),
        ("echo 'a", None),
        ('echo "a', None),
        ('echo "\'" \'$$" "\'', None),
        ("sleep 1 & wait", None),
        ("a | b", None),
        ("a && b", None),
        ("a\nb", None),
        ("a\n", None),
        ("a > b", None),
        ("(a)", None),
        ("A=b c", None),
        ("'a' b", None),
        ("~/a", None),
        ("a ~/b", None),
        ("! true", None),
        ("exit 3", None),
        ("exec a", None),
        ("kill 0", None),
        ("eval 'echo $$'", None),
        (". ./a", None),
        ("trap 'a' EXIT", None),
        ("if a", None),
        ("umlaut ä", None),
    ],
)
def test_what_is_simple(text: str, program: str | None) -> None:
    """A program with words, quotes, names of files and variables that are set; nothing that another shell could tell."""
    assert program_of(text, SET) == program


@pytest.mark.parametrize(
    "own", [{"IFS": "x"}, {"a-b": "c"}, {"1a": "b"}, {"": "b"}, {"A": "\0"}, {"A": "b" * 20_000}]
)
def test_variables_that_a_shell_cannot_be_given_in_passing(own: Mapping[str, str]) -> None:
    """They are for a shell of its own."""
    assert request_for("true", own, "/log") is None
    assert (
        request_for("true", {"A": "it's"}, "/log")
        == rb"""(exec >>'/log' 2>&1 </dev/null;export A='it'\''s';true)"""
    )


def run(runtime: LocalRuntime, folder: Path, text: str, token: str = "t", **own: str) -> tuple[int, str]:
    """The status and the log of a command."""
    log = folder / f"{token}.log"
    runtime.start(Command(token, (*SHELL, text), folder, own, log))
    return wait(runtime).status, log.read_text()


def wait(runtime: LocalRuntime) -> Ended:
    """The next end."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for ended in runtime.wait(1):
            return ended
    raise AssertionError("nothing ended")


def python(text: str) -> str:
    """A simple command that runs a program."""
    return f"{sys.executable} -c '{text}'"


#: Who the parent of a program is: the shell that it came from.
PARENT = python("import os; print(os.getppid())")


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "false",
        "echo a  b 'c  d' *.txt",
        "ls nowhere",
        "nowhere at all",
        "./plain.txt",
        "./script",
        "./bare",
        ".",
        python("import os, json; print(json.dumps(dict(os.environ), sort_keys=True), os.getcwd())"),
        python("import os; print(os.getpgid(0) == os.getppid() or os.getpgid(0) == os.getpid())"),
        python("import signal; print([signal.getsignal(each) for each in signal.valid_signals()])"),
        python('import os; print(sorted(os.listdir(chr(47) + "proc/self/fd")))'),
        python("import sys; print(repr(sys.stdin.read()))"),
        python("import sys; sys.exit(77)"),
        python("import os; os.kill(os.getpid(), 9)"),
        python("import os; os.kill(os.getpid(), 11)"),
        python("import sys; print(1); print(2, file=sys.stderr); print(3)"),
        'echo "$A" $A',
    ],
)
def test_a_lent_shell_does_what_one_of_its_own_does(runtime: LocalRuntime, tmp_path: Path, text: str) -> None:
    """The same status, output, environment, descriptors and signals. What hides words always has a shell of its own."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "plain.txt").write_text("echo not to be run\n")
    for name, first in (("script", "#!/bin/sh -e\n"), ("bare", "")):
        (folder / name).write_text(f"{first}echo said; test $$ != $PPID; false\n")
        (folder / name).chmod(0o755)
    own = {"A": "it's  \n'fine' $A", "HOME": str(tmp_path)}
    run(runtime, folder, "echo before", "before", **own)

    log = tmp_path / "own.log"
    runtime.start(Command("own", (*SHELL, text), folder, own, log, (b"hidden",)))
    expected = wait(runtime).status, log.read_text().replace(":own", ":t")

    assert run(runtime, folder, text, **own) == expected
    assert run(runtime, folder, "echo after", "after", **own) == (0, "after\n")


def test_the_same_shell_serves_until_something_is_left_behind(runtime: LocalRuntime, tmp_path: Path) -> None:
    """What a program left in its group ends with it, and so does the shell."""
    parents = [run(runtime, tmp_path, PARENT, f"t{number}")[1] for number in range(3)]
    start = 'import subprocess; print(subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL).pid)'
    status, left = run(runtime, tmp_path, python(start), "leaves")
    after = run(runtime, tmp_path, PARENT, "after")[1]

    assert status == 0
    assert len(set(parents)) == 1
    assert after not in parents
    gone(int(left))
    gone(int(parents[0]))


def test_who_left_the_group_may_stay(runtime: LocalRuntime, tmp_path: Path) -> None:
    """As it may with a shell of its own; it ends with the run."""
    start = 'import subprocess; print(subprocess.Popen(["sleep", "60"], start_new_session=True).pid)'
    before = run(runtime, tmp_path, PARENT, "before")[1]
    _, left = run(runtime, tmp_path, python(start), "leaves")

    assert run(runtime, tmp_path, PARENT, "after")[1] == before
    os.kill(int(left), 0)
    runtime.close()
    gone(int(left))


def test_a_program_that_is_asked_to_end_has_its_grace(runtime: LocalRuntime, tmp_path: Path) -> None:
    """Its shell waits for what it says last, and serves nobody after it."""
    before = run(runtime, tmp_path, PARENT, "before")[1]
    handler = (
        "import signal, sys, time; signal.signal(15, lambda *_: (time.sleep(0.3), print(7), sys.exit(7)))"
    )
    log = tmp_path / "t.log"
    runtime.start(
        Command("t", (*SHELL, python(f"{handler}; print(1, flush=True); time.sleep(60)")), tmp_path, {}, log)
    )
    while not (log.exists() and log.read_text()):
        time.sleep(0.01)
    runtime.kill("t")

    assert wait(runtime) == Ended("t", 7)
    assert log.read_text() == "1\n7\n"
    assert run(runtime, tmp_path, PARENT, "after")[1] != before


def test_what_is_killed_at_once_ends_at_once(runtime: LocalRuntime, tmp_path: Path) -> None:
    """Even where its shell has not begun with it."""
    for number in range(10):
        token = f"t{number}"
        runtime.start(Command(token, (*SHELL, "/bin/sleep 60"), tmp_path, {}, tmp_path / f"{token}.log"))
        runtime.kill(token)

    statuses: list[int] = []
    while len(statuses) < 10:
        statuses += [ended.status for ended in runtime.wait(20)]
    assert statuses == [128 + signal.SIGTERM] * 10


def test_a_program_that_will_not_end_is_forced(runtime: LocalRuntime, tmp_path: Path) -> None:
    """With its shell, and with what it started elsewhere."""
    deaf = 'import signal, subprocess, time; signal.signal(15, signal.SIG_IGN); print(subprocess.Popen(["sleep", "60"], '
    deaf += "start_new_session=True).pid, flush=True); time.sleep(60)"
    log = tmp_path / "t.log"
    runtime.start(Command("t", (*SHELL, python(deaf)), tmp_path, {}, log))
    while not (log.exists() and log.read_text()):
        time.sleep(0.01)
    runtime.kill("t")

    assert wait(runtime) == Ended("t", 128 + signal.SIGKILL)
    gone(int(log.read_text()))


def test_a_shell_that_is_killed_takes_its_command_along(runtime: LocalRuntime, tmp_path: Path) -> None:
    """Busy or idle: the next one gets another."""
    kill = "import os, time; os.kill(os.getppid(), 9); time.sleep(60)"
    idle = int(run(runtime, tmp_path, PARENT, "idle")[1])
    os.kill(idle, signal.SIGKILL)
    gone(idle)

    assert run(runtime, tmp_path, "echo on", "on") == (0, "on\n")
    assert run(runtime, tmp_path, python(kill)) == (128 + signal.SIGKILL, "")
    assert run(runtime, tmp_path, "echo on", "again") == (0, "on\n")


def test_a_signal_to_the_group_is_for_the_command(runtime: LocalRuntime, tmp_path: Path) -> None:
    """The shell stays, and tells how the command ended."""
    before = run(runtime, tmp_path, PARENT, "before")[1]

    assert run(runtime, tmp_path, python("import os; os.kill(0, 15)"))[0] == 128 + signal.SIGTERM
    assert run(runtime, tmp_path, PARENT, "after")[1] == before


def test_folders_do_not_each_keep_a_shell(runtime: LocalRuntime, tmp_path: Path) -> None:
    """One that waits elsewhere makes room."""
    parents = []
    for number in range(5):
        folder = tmp_path / f"f{number}"
        folder.mkdir()
        parents.append(int(run(runtime, folder, PARENT)[1]))

    assert len(set(parents)) == 5
    for pid in parents[:-1]:
        gone(pid)


def test_a_shell_whose_keeper_is_gone_begins_nothing_any_more(tmp_path: Path) -> None:
    """Whoever gives up what it was asked for ends it first."""
    ledgers = tmp_path / "ledgers"
    ledgers.mkdir()
    mark = os.urandom(8).hex()
    begin_ledger(str(ledgers / f"{mark}.1.jsonl"), Owner(os.getpid(), "another time", "another boot"))
    shell = Shell(str(tmp_path), {"PATH": os.environ["PATH"], MARK: f"{mark}:{SHELLS}"})

    runtime = LocalRuntime(sys.executable, "", {}, ledgers)

    assert not runtime.adopt("late")
    with pytest.raises(EOFError):
        shell.hear()
    os.waitpid(shell.pid, 0)
    shell.close()
    runtime.close()


def test_what_the_shell_cannot_begin_is_told_apart_from_how_a_command_ends(tmp_path: Path) -> None:
    """It says so itself."""
    shell = Shell(str(tmp_path), {"PATH": os.environ["PATH"]})
    answers = []
    for log in (tmp_path / "log", tmp_path / "nowhere" / "log"):
        request = request_for("false", {"A": "b"}, str(log))
        assert request is not None
        shell.ask(request, str(log))
        while (heard := shell.hear()) is None:
            pass
        answers.append(heard)
    os.kill(shell.pid, signal.SIGKILL)
    with pytest.raises(EOFError):
        shell.hear()
    os.waitpid(shell.pid, 0)
    shell.close()

    assert answers[0] == (1, "")
    assert answers[1][0] == 2
    assert str(tmp_path / "nowhere") in answers[1][1]


def test_what_a_shell_says_at_its_start_is_no_fault_of_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some complain of a locale that the machine does not have."""
    complaining = tmp_path / "sh"
    complaining.write_text("#!/bin/sh\necho warning: setlocale >&2\nexec /bin/sh\n")
    complaining.chmod(0o755)
    monkeypatch.setattr(shells, "SHELL", (str(complaining), "-eu", "-c"))
    shell = Shell(str(tmp_path), {"PATH": os.environ["PATH"]})
    request = request_for("false", {"A": "b"}, str(tmp_path / "log"))
    assert request is not None

    shell.ask(request, str(tmp_path / "log"))
    while (heard := shell.hear()) is None:
        pass
    shell.close()
    os.waitpid(shell.pid, 0)

    assert heard == (1, "")


def test_a_folder_that_was_made_anew_gets_another_shell(runtime: LocalRuntime, tmp_path: Path) -> None:
    """A shell stays in the folder where it began, whatever has that name now."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").touch()
    before = run(runtime, folder, "ls old*", "before")
    folder.rename(tmp_path / "gone")
    folder.mkdir()
    (folder / "new").touch()

    assert before == (0, "old\n")
    assert run(runtime, folder, "ls new", "after") == (0, "new\n")

"""One contract, two runtimes: what a runner may rely on, whatever its processes run in."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kitchens.containers.place import Place
from kitchens_engine.ports import Command, Ended, Runtime
from kitchens_engine.runtimes.local import LocalRuntime

_NUMBERS = itertools.count(1)


@pytest.fixture(
    params=[
        "process",
        pytest.param("busybox", marks=pytest.mark.docker),
        pytest.param("warm", marks=pytest.mark.docker),
    ]
)
def runtime(request: pytest.FixtureRequest, place: Place, worker: Path) -> Iterator[Runtime]:
    """Each runtime; docker on busybox's shell in a container of its own, and on Debian's in one that others may use."""
    if request.param == "process":
        opened: Runtime = LocalRuntime(sys.executable, str(worker), {"PATH": os.environ["PATH"]})
    elif request.param == "warm":
        opened = request.getfixturevalue("open_warm")()
    else:
        image = request.getfixturevalue(f"{request.param}_image")
        opened = request.getfixturevalue("open_runtime")(image)
    yield opened
    opened.close()


MakeCommand = Callable[..., Command]


@pytest.fixture
def command(place: Place) -> MakeCommand:
    """Makes a command of words, in the checkout, with a log of its own."""

    def made(*argv: str, **environment: str) -> Command:
        token = f"attempt-{next(_NUMBERS)}"
        return Command(token, argv, place.checkout, environment, place.folder / f"{token}.log")

    return made


def shell(text: str) -> tuple[str, ...]:
    return ("/bin/sh", "-eu", "-c", text)


def run(runtime: Runtime, command: Command, patience: float = 20) -> Ended:
    runtime.start(command)
    (ended,) = runtime.wait(patience)
    return ended


@pytest.mark.parametrize("status", [0, 1, 3, 126, 255])
def test_a_status_arrives_as_it_was(runtime: Runtime, command: MakeCommand, status: int) -> None:
    """The end carries the attempt's token and the process's own status."""
    wanted = command(*shell(f"exit {status}"))

    assert run(runtime, wanted) == Ended(wanted.token, status)


def test_a_signal_is_128_and_its_number(runtime: Runtime, command: MakeCommand) -> None:
    """A process that a signal ended reports 128 + number."""
    wanted = command(*shell("kill -KILL $$"))

    assert run(runtime, wanted) == Ended(wanted.token, 137)


def test_a_missing_program_is_127_with_a_line_in_its_log(runtime: Runtime, command: MakeCommand) -> None:
    """A program that is not there is the node's fault, not the runtime's."""
    wanted = command("no-such-program", "x")

    assert run(runtime, wanted) == Ended(wanted.token, 127)
    assert "no-such-program" in wanted.log.read_text()


def test_output_and_errors_are_appended_to_the_log(runtime: Runtime, command: MakeCommand) -> None:
    """What was in the log stays; both streams follow, in the order in which they were written."""
    wanted = command(*shell("echo one; echo two >&2; echo three"))
    wanted.log.write_text("before\n")

    run(runtime, wanted)

    assert wanted.log.read_text() == "before\none\ntwo\nthree\n"


def test_any_text_passes_as_word_and_as_variable(runtime: Runtime, command: MakeCommand) -> None:
    """Quotes, line ends, backslashes, dollars, blanks and bytes that are no UTF-8 arrive unchanged."""
    every = bytes(range(1, 256)).decode("utf-8", "surrogateescape")
    for text in (every, "", "  a  ", 'it\'s "$HOME" `id` \\n \n\n#', "é✓", "-x", "n$n'\n'"):
        wanted = command(*shell('printf "%s|%s" "$VALUE" "$0"'), text, VALUE=text)

        run(runtime, wanted)

        assert wanted.log.read_bytes() == os.fsencode(f"{text}|{text}")


def test_a_process_gets_the_commands_variables(runtime: Runtime, command: MakeCommand) -> None:
    """Also those whose names no shell could set."""
    wanted = command("env", **{"PLAIN": "1", "odd-name": "2", "IFS": "x", "KITCHEN_RUN": "3"})

    run(runtime, wanted)

    assert {"PLAIN=1", "odd-name=2", "IFS=x", "KITCHEN_RUN=3"} <= set(wanted.log.read_text().splitlines())


def test_a_process_starts_in_its_folder_with_nothing_on_its_input(
    runtime: Runtime, command: MakeCommand, place: Place
) -> None:
    """Reading the input ends at once instead of waiting for, or eating, what is not the node's."""
    wanted = command(*shell("pwd; cat; echo end"))

    run(runtime, wanted)

    assert wanted.log.read_text() == f"{place.checkout}\nend\n"


def test_processes_run_side_by_side(runtime: Runtime, command: MakeCommand) -> None:
    """Two that wait for each other both end."""
    first = command(*shell("touch one; until [ -e two ]; do sleep 0.05; done"))
    second = command(*shell("touch two; until [ -e one ]; do sleep 0.05; done"))
    runtime.start(first)
    runtime.start(second)

    ended = {end.token for end in (*runtime.wait(10), *runtime.wait(10))}

    assert ended == {first.token, second.token}


def test_wait_gives_up_after_its_timeout(runtime: Runtime, command: MakeCommand) -> None:
    """An answer without ends is an empty one, in time."""
    runtime.start(command("sleep", "60"))
    before = time.monotonic()

    assert list(runtime.wait(0.3)) == []
    assert 0.25 < time.monotonic() - before < 50  # not the minute that it runs


def test_waiting_for_nothing_returns_at_once(runtime: Runtime) -> None:
    """Without processes there is nothing to wait for."""
    assert list(runtime.wait(None)) == []


def test_kill_asks_first(runtime: Runtime, command: MakeCommand) -> None:
    """A process that ends itself when asked does so with its own status, and may clean up."""
    wanted = command(*shell("trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.05; done"))
    runtime.start(wanted)
    _until(lambda: "up" in _text(wanted.log))

    runtime.kill(wanted.token)

    assert list(runtime.wait(10)) == [Ended(wanted.token, 9)]
    assert wanted.log.read_text().endswith("bye\n")


def test_kill_ends_the_whole_tree(runtime: Runtime, command: MakeCommand, place: Place) -> None:
    """Deaf processes, children and daemons in sessions of their own are all ended."""
    beat = "while :; do date +%s%N >$0; sleep 0.05; done"
    text = f"""
        trap '' TERM
        sh -c '{beat}' child &
        setsid sh -c '{beat}' daemon &
        (setsid sh -c "trap '' TERM; {beat.replace("$0", "deaf")}" &) &
        until [ -e child ] && [ -e daemon ] && [ -e deaf ]; do sleep 0.05; done
        touch ready
        while :; do sleep 0.1; done
    """
    wanted = command(*shell(text))
    runtime.start(wanted)
    _until((place.checkout / "ready").exists)

    runtime.kill(wanted.token)
    ended = runtime.wait(15)

    assert [end.status for end in ended] == [137]
    assert _quiet(place.checkout / name for name in ("child", "daemon", "deaf"))


def test_kill_leaves_the_others_alone(runtime: Runtime, command: MakeCommand) -> None:
    """Only the process that was named ends."""
    doomed, other = command("sleep", "60"), command(*shell("sleep 1; exit 5"))
    runtime.start(doomed)
    runtime.start(other)

    runtime.kill(doomed.token)
    ended = sorted([*runtime.wait(10), *runtime.wait(10)], key=lambda end: end.status)

    assert ended == [Ended(other.token, 5), Ended(doomed.token, 143)]


def test_children_end_with_their_process(runtime: Runtime, command: MakeCommand, place: Place) -> None:
    """What a node leaves in its session ends when it ends."""
    run(
        runtime,
        command(
            *shell(
                "sh -c 'while :; do date +%s%N >beat; sleep 0.05; done' & until [ -e beat ]; do sleep 0.05; done"
            )
        ),
    )

    assert _quiet([place.checkout / "beat"])


def test_close_ends_what_runs(runtime: Runtime, command: MakeCommand, place: Place) -> None:
    """Nothing outlives its runtime."""
    runtime.start(command(*shell("while :; do date +%s%N >beat; sleep 0.05; done")))
    _until((place.checkout / "beat").exists)

    runtime.close()

    assert _quiet([place.checkout / "beat"])


def test_a_node_cannot_end_its_runtime_by_a_group_signal(runtime: Runtime, command: MakeCommand) -> None:
    """`kill 0` reaches the node's own processes only."""
    assert run(runtime, command(*shell("kill -KILL 0"))).status == 137
    assert run(runtime, command("true")).status == 0


def test_hundreds_of_processes_leave_no_trace(runtime: Runtime, command: MakeCommand, place: Place) -> None:
    """More processes, one after the other, than the limit allows at once: ended ones do not count."""
    for _ in range(150):
        assert run(runtime, command("true")).status == 0

    assert not [path.name for path in place.folder.iterdir() if not path.name.endswith(".log")]


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _until(true: Callable[[], bool], patience: float = 10) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def _quiet(beats: Iterator[Path] | list[Path]) -> bool:
    """Whether nobody writes these files any more."""
    paths = list(beats)
    time.sleep(0.1)
    before = [_text(path) for path in paths]
    time.sleep(0.4)
    return before == [_text(path) for path in paths]


def test_hidden_texts_do_not_reach_the_log(runtime: Runtime, command: MakeCommand) -> None:
    """However a process cuts them; the rest arrives in its order, to the last byte without a line's end."""
    text = 'echo one; printf hun; sleep 0.1; printf "ter2\\n"; echo "$T" >&2; printf "last hun"'
    hiding = command(*shell(text), T="hunter2")._replace(hidden=(b"hunter2",))

    assert run(runtime, hiding).status == 0

    assert Path(hiding.log).read_text() == "one\n***\n***\nlast hun"


def test_hidden_texts_of_a_killed_process_do_not_reach_the_log(
    runtime: Runtime, command: MakeCommand
) -> None:
    """What it said before is there."""
    hiding = command(*shell('echo "$T"; sleep 60'), T="hunter2")._replace(hidden=(b"hunter2",))
    runtime.start(hiding)
    while not Path(hiding.log).exists() or not Path(hiding.log).read_text():
        runtime.wait(0.05)

    runtime.kill(hiding.token)
    (ended,) = runtime.wait(20)

    assert (ended.status, Path(hiding.log).read_text()) == (143, "***\n")


def test_many_processes_with_hidden_texts_at_once(runtime: Runtime, command: MakeCommand) -> None:
    """Each has a way to its own log, and none is left behind."""
    hiding = [
        command(*shell('i=0; while [ $i -lt 500 ]; do echo "$i $T"; i=$((i+1)); done'), T=f"secret-{number}")
        for number in range(10)
    ]
    for number, each in enumerate(hiding):
        runtime.start(each._replace(hidden=(f"secret-{number}".encode(),)))
    ended: list[Ended] = []
    while len(ended) < len(hiding):
        ended += runtime.wait(20)

    for each in hiding:
        assert Path(each.log).read_text() == "".join(f"{number} ***\n" for number in range(500))
    assert not list(Path(hiding[0].log).parent.glob(".said-*"))

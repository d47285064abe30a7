"""Logs that grow too long."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens_engine.trying.clip import clip

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench

MARKER = re.compile(r"^\[kitchen: (\d+) bytes were cut out here; `log_limit` is (\d+)\]$", re.MULTILINE)


def lines(first: int, last: int) -> str:
    """Numbered lines of eight bytes."""
    return "".join(f"{number:07}\n" for number in range(first, last))


def test_the_beginning_and_the_end_are_kept(tmp_path: Path) -> None:
    """In whole lines; a line between says how much is missing, however often it is cut."""
    log = tmp_path / "log.txt"
    log.write_text(lines(0, 1000))

    assert clip(str(log), 800)
    with log.open("a") as file:
        file.write(lines(1000, 2000))
    assert clip(str(log), 800)
    text = log.read_text()

    found = MARKER.findall(text)
    assert len(found) == 1
    assert text.startswith(lines(0, 25) + "[kitchen: ")
    assert text.endswith(lines(1990, 2000))
    kept = len(MARKER.sub("", text).replace("\n\n", "\n"))
    assert int(found[0][0]) + kept == 2000 * 8
    assert log.stat().st_size <= 800


def test_a_log_within_its_limit_is_left_alone(tmp_path: Path) -> None:
    """And so is what is no plain file."""
    log, link, pipe = tmp_path / "log.txt", tmp_path / "link", tmp_path
    log.write_text(lines(0, 100))
    link.symlink_to(log)

    assert not clip(str(log), 800)
    assert not clip(str(link), 1)
    assert not clip(str(pipe), 1)
    assert not clip(str(tmp_path / "none"), 1)
    assert log.read_text() == lines(0, 100)


def test_a_log_without_lines_is_cut_too(tmp_path: Path) -> None:
    """Where there is no end of a line, in the middle of it."""
    log = tmp_path / "log.txt"
    log.write_text("x" * 10_000)

    assert clip(str(log), 1000)

    assert log.stat().st_size <= 1000
    assert MARKER.search(log.read_text())


def test_a_node_that_floods_its_log_is_cut_while_it_runs(bench: Bench) -> None:
    """Its last line is still the reason of its failure."""
    bench.recipe("""
        [nodes.n]
        run = '''
        yes "all work and no play" | head -c 3000000
        sleep 1.5
        wc -c < "$HOME/log.txt" > $KITCHEN_DATA/size
        yes "all work and no play" | head -c 3000000
        echo; echo "the reason" >&2; exit 4
        '''
    """)

    node = bench.run(log_limit=100_000).nodes[0]

    assert node.why == "exit status 4: the reason"
    assert int((bench.root / "data/size").read_text()) <= 100_000
    assert node.log is not None
    assert Path(node.log).stat().st_size <= 100_000
    assert len(MARKER.findall(bench.log(node))) == 1

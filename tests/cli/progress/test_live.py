"""The live view: what stays, what is painted anew, in as much room as there is."""

from __future__ import annotations

import threading
import time

import pytest

from kitchens.cli.progress.live import LiveScreen
from kitchens.cli.progress.painter import Painter
from kitchens.cli.progress.picture import ASCII, picture
from kitchens.cli.progress.remaining import NOTHING_KNOWN, Usual, outlook, without_groups
from kitchens.cli.progress.state import RunProgress
from kitchens.drawing.words import width
from kitchens_engine.ports import Event
from tests.cli.progress.terminal import Terminal


def event(kind: str, node: str | None = None, **detail: object) -> Event:
    """Something that happened in the one run of these tests."""
    return Event(kind, "R", node, detail)


def progress(total: int, *events: Event, now: float = 0.0) -> RunProgress:
    """The facts after these events, all at the same moment."""
    made = RunProgress("R", now, event("run-started", recipe="shop", total=total))
    for one in events:
        made.hear(one, now)
    return made


def shown(facts: RunProgress, usual: Usual = NOTHING_KNOWN, now: float = 0.0, **room: int) -> list[str]:
    """The view as one reads it."""
    lines = picture([(facts, usual)], now, room.get("columns", 80), room.get("rows", 24))
    return ["".join(span.text for span in line) for line in lines]


def test_the_view_shows_what_runs_and_how_far_the_run_is() -> None:
    """Nested nodes under their recipe, attempts, counts."""
    facts = progress(
        8,
        event("node-started", "get", attempt=1, attempts=1),
        event("node-ended", "get", status="passed"),
        event("node-started", "report"),
        event("node-started", "report/draw", attempt=2, attempts=3),
        event("test-ended", "get", status="failed"),
        event("node-retried", "load", delay=5.0),
    )
    assert shown(facts, now=65) == [
        "  ◌ report  1 min 5 s",
        "    ▸ draw                  attempt 2 of 3  1 min 5 s",
        "    … 1 waiting to be tried again",
        "  ━━━━────────────────────────  1 of 8 nodes  12 %  1 min 5 s",
        "  shop: 1 passed, 1 running  1 test failed",
    ]


def test_what_fans_out_stands_around_its_instances() -> None:
    """As a nested recipe around its nodes."""
    facts = progress(
        3, *(event("node-started", path) for path in ("load", "load[0]", "load[1]", "load[1]/get"))
    )
    assert [line.strip() for line in shown(facts)[:4]] == [
        "◌ load  0 s",
        "▸ load[0]               0 s",
        "◌ load[1]  0 s",
        "▸ get                 0 s",
    ]


def test_events_of_unknown_kinds_change_nothing() -> None:
    """Whoever adds one need not change the view."""
    facts = progress(1, event("node-teleported", "a", where="moon"), event("node-started", None))
    assert shown(facts)[-1] == "  shop: 0 running"


def test_a_nested_recipe_that_is_tried_again_counts_its_nodes_once() -> None:
    """They end twice, and are as many as before."""
    twice = [
        one
        for status in ("failed", "passed")
        for one in (event("node-started", "in/a"), event("node-ended", "in/a", status=status))
    ]
    facts = progress(2, *twice)
    assert (facts.total, facts.counts["failed"], facts.counts["passed"]) == (2, 0, 1)


def test_nodes_that_come_to_be_during_the_run_raise_the_total() -> None:
    """A fan-out is known only then."""
    facts = progress(1, *(event("node-ended", f"each[{n}]", status="passed") for n in range(5)))
    assert facts.total == 5


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 10), (20, 5), (80, 3), (200, 60)])
def test_the_view_fits_however_much_runs(columns: int, rows: int) -> None:
    """Ten thousand nodes at once, in a low and narrow terminal."""
    many = [event("node-started", f"group-{n % 7}/{'node' * 20}-{n}") for n in range(10_000)]
    lines = shown(progress(10_000, *many), columns=columns, rows=rows)
    assert len(lines) < rows
    assert max(map(width, lines)) < columns
    assert any("running" in line for line in lines) or columns < 40


def test_a_narrow_terminal_keeps_the_words_beside_the_bar() -> None:
    """The bar gives way first."""
    assert shown(progress(8), columns=42)[0] == "  ──────  0 of 8 nodes  0 %  0 s"


def test_a_picture_costs_little_however_large_the_run_is() -> None:
    """Ten a second of ten thousand nodes must not be felt."""
    facts = progress(10_000, *(event("node-ended", f"n{n}", status="passed") for n in range(9_000)))
    usual = Usual(100.0, {f"n{n}": 0.01 for n in range(10_000)})
    began = time.process_time()
    for _ in range(10):
        shown(facts, usual, 5.0)
    assert (time.process_time() - began) / 10 < 0.02


def test_the_time_that_remains_is_learned_from_earlier_runs() -> None:
    """Done work over all work, at the pace of this run."""
    facts = progress(2, event("node-ended", "a", status="passed"))
    usual = Usual(100.0, {"a": 25.0, "b": 75.0})
    assert outlook(facts, usual, now=25.0) == (0.25, 75.0)
    assert outlook(facts, usual, now=50.0) == (0.25, 150.0)
    assert outlook(facts, NOTHING_KNOWN, now=50.0) == (0.5, None)


def test_what_was_kept_says_nothing_about_the_pace() -> None:
    """A run that is taken up again is not faster for it."""
    facts = progress(
        3, event("node-kept", "a", status="passed"), event("node-ended", "b", status="passed"), now=0.0
    )
    usual = Usual(100.0, {"a": 50.0, "b": 25.0, "c": 25.0})
    assert outlook(facts, usual, now=25.0) == (0.75, 25.0)


def test_a_nested_recipe_has_no_time_of_its_own() -> None:
    """It is that of its nodes."""
    assert without_groups({"a": 1.0, "in": 3.0, "in/x": 2.0, "in/y": 1.0}) == {
        "a": 1.0,
        "in/x": 2.0,
        "in/y": 1.0,
    }


def test_the_view_can_be_ascii() -> None:
    """For a terminal that knows no more."""
    lines = picture([(progress(9, event("node-started", "a")), NOTHING_KNOWN)], 0.0, 80, 24, ASCII)
    assert all(span.text.isascii() for line in lines for span in line)


def test_lines_stay_above_what_is_painted_anew() -> None:
    """Nothing of the old rows is left."""
    terminal = Terminal()
    painter = Painter(terminal, lambda: (80, 24))
    painter.paint([], [("one", 3), ("two", 3)])
    painter.paint(["stays"], [("three", 5)])
    assert terminal.rows == ["stays", "three", ""]
    painter.paint([], [])
    assert terminal.rows == ["stays", ""]


def test_a_terminal_that_became_narrower_keeps_no_scraps() -> None:
    """Its old rows take more room now."""
    terminal = Terminal(40)
    painter = Painter(terminal, lambda: (terminal.columns, 24))
    painter.paint(["kept"], [("x" * 38, 38), ("y" * 38, 38)])
    terminal.resize(15)
    painter.paint([], [("small", 5)])
    assert terminal.rows == ["kept", "small", ""]


def test_a_terminal_that_is_gone_ends_the_view_only() -> None:
    """Nobody hears of it."""

    class Gone(Terminal):
        def write(self, text: str) -> int:
            raise OSError(5, "gone")

    painter = Painter(Gone(), lambda: (80, 24))
    painter.paint([], [("one", 3)])
    painter.paint([], [("two", 3)])


def live(terminal: Terminal) -> LiveScreen:
    """A live view without colours, of which nobody knows how long it takes."""
    return LiveScreen(terminal, lambda run: NOTHING_KNOWN, colour=False, size=lambda: (80, 24))


def test_of_a_small_run_every_node_stays_as_a_line() -> None:
    """And the view goes with the run."""
    terminal = Terminal()
    screen = live(terminal)
    screen(event("run-started", total=2))
    screen(event("node-ended", "a", status="passed", seconds=0.1))
    screen.paint()
    assert any("1 of 2 nodes" in row for row in terminal.rows)
    screen(event("node-ended", "b", status="failed", why="exit status 1"))
    screen(event("run-ended", status="failed"))
    screen.close()
    assert terminal.rows == ["run R", "  passed a  0.1 s", "  failed b  exit status 1", ""]


def test_of_a_large_run_only_trouble_stays() -> None:
    """With the counts at its end, and in few writes however many nodes there were."""
    terminal = Terminal()
    screen = live(terminal)
    screen(event("run-started", total=10_000))
    for n in range(10_000):
        screen(event("node-started", f"n{n}"))
        screen(event("node-ended", f"n{n}", status="failed" if n == 500 else "passed"))
    screen(event("run-ended", status="failed"))
    screen.close()
    assert terminal.rows == ["run R", "  failed n500", "  1 failed, 9,999 passed", ""]
    assert terminal.writes < 50


def test_a_terminal_that_stands_still_holds_nobody_up() -> None:
    """^S stops the view, not the run."""
    goes_on = threading.Event()

    class Stopped(Terminal):
        def write(self, text: str) -> int:
            assert goes_on.wait(20)
            return super().write(text)

    terminal = Stopped()
    screen = live(terminal)
    screen(event("note", text="before"))
    screen(event("run-started", total=1))
    time.sleep(0.3)
    screen(event("node-ended", "a", status="passed"))
    screen(event("run-ended", status="passed"))
    goes_on.set()
    screen.close()
    assert terminal.rows == ["note: before", "run R", "  passed a", ""]

"""Plain lines: one a node, or one for many."""

from __future__ import annotations

import io

from kitchens.cli.progress.choose import screen
from kitchens.cli.progress.plain import QUIET, TROUBLE, PlainScreen
from kitchens.cli.progress.remaining import NOTHING_KNOWN
from kitchens_engine.ports import Event


def ended(node: str, status: str = "passed") -> Event:
    """The end of a node."""
    return Event("node-ended", "R", node, {"status": status})


def test_a_few_nodes_are_a_line_each() -> None:
    """And an event of an unknown kind is none."""
    stream = io.StringIO()
    plain = PlainScreen(stream, clock=lambda: 0.0)
    for event in (ended("a"), ended("b", "failed"), Event("node-teleported", "R", "c", {})):
        plain(event)
    plain.close()
    assert stream.getvalue() == "  passed a\n  failed b\n"


def test_hundreds_a_second_are_counted() -> None:
    """What failed is still named, and the next second begins anew."""
    stream = io.StringIO()
    now = [0.0]
    plain = PlainScreen(stream, clock=lambda: now[0])
    for n in range(500):
        plain(ended(f"n{n}", "skipped" if n % 2 else "passed"))
    plain(ended("bad", "failed"))
    now[0] = 1.5
    plain(ended("last"))
    plain.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == QUIET + 3
    assert lines[QUIET:] == ["  failed bad", "  … 240 skipped, 240 passed more", "  passed last"]


def test_thousands_of_failures_do_not_flood_the_log() -> None:
    """The first are named, the others counted before the run's end is said."""
    stream = io.StringIO()
    plain = PlainScreen(stream, clock=lambda: 0.0)
    for n in range(5000):
        plain(ended(f"n{n}", "failed"))
    plain(Event("run-ended", "R", None, {"status": "failed"}))
    plain.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == TROUBLE + 1
    assert lines[-1] == f"  … {5000 - TROUBLE:,} failed more"


def test_a_stream_that_is_no_terminal_gets_plain_lines() -> None:
    """A file, a pipe."""
    assert isinstance(screen(io.StringIO(), lambda run: NOTHING_KNOWN), PlainScreen)

"""The words and marks that every drawing shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kitchens.drawing.graph import Step

#: One mark a status, so that no picture needs its colours to be read.
MARKS = {
    "passed": "✓",
    "warned": "!",
    "failed": "✗",
    "skipped": "↷",
    "cancelled": "⊘",
    "interrupted": "⊘",
    "running": "▸",
    "waiting": "◌",
    "logged": "i",
}
PLAIN = "●"
LEFT_OUT = "○"

#: In which order the parts of a count are said.
_ORDER = ("failed", "cancelled", "warned", "running", "waiting", "skipped", "passed")


def mark(step: Step) -> str:
    """The sign of a node's status; of what it is where nothing ran."""
    if step.status is not None:
        return MARKS.get(step.status, PLAIN)
    return LEFT_OUT if step.left_out else PLAIN


def label(step: Step) -> list[str]:
    """What stands in a node's box, line by line: its name, facts, and when it runs."""
    sign = f"{mark(step)} " if step.status or step.left_out else ""
    facts = [kind(step), took(step.seconds), inside(step), tests(step)]
    lines = [f"{sign}{visible(step.name)}", " · ".join(fact for fact in facts if fact)]
    return lines if step.when is None else [*lines, f"when {visible(step.when)}"]


def kind(step: Step) -> str:
    """What a node is: its action, and of which recipe under which variation."""
    of = f" {visible(step.of)}" if step.of else ""
    variation = f" ({visible(step.variation)})" if step.variation else ""
    return f"{step.kind}{of}{variation}"


def inside(step: Step) -> str:
    """How many nodes a node holds, and how they ended where that says more than its own status."""
    if not step.size:
        return ""
    nodes = f"{step.size:,} node{'' if step.size == 1 else 's'}"
    if not step.counts or set(step.counts) == {step.status}:
        return nodes
    return f"{nodes}: {counted(step.counts)}"


def counted(counts: Mapping[str, int]) -> str:
    """`2 failed, 7 passed`: the worst first."""
    known = [status for status in _ORDER if counts.get(status)]
    others = sorted(status for status in counts if status not in _ORDER and counts[status])
    return ", ".join(f"{counts[status]:,} {status}" for status in (*known, *others))


def tests(step: Step) -> str:
    """`3 tests`, or with a run behind it what did not pass: `1 of 3 tests failed`."""
    number = len(step.tests)
    if not number:
        return ""
    noun = f"{number} test{'' if number == 1 else 's'}"
    for status in ("failed", "warned"):
        wrong = sum(1 for test in step.tests if test.status == status)
        if wrong:
            return f"{wrong} of {noun} {status}"
    return noun


def took(seconds: float | None) -> str:
    """A duration in a few characters: `0.4 s`, `2 min 5 s`, `3 h 10 min`."""
    if seconds is None:
        return ""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def visible(text: str) -> str:
    """The text on one line, with a stand-in for every character that a terminal or XML would not show."""
    return "".join(
        letter if letter.isprintable() else " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )


def width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(letter) for letter in text)


def cut(text: str, columns: int, end: str = "…") -> str:
    """The beginning of the text that fits into so many columns, with a sign where it was cut."""
    if width(text) <= columns:
        return text
    room, kept = columns - width(end), []
    for letter in text:
        room -= _columns(letter)
        if room < 0:
            break
        kept.append(letter)
    return "".join(kept) + end if columns >= width(end) else ""


def _columns(letter: str) -> int:
    import unicodedata  # a megabyte of tables, which ASCII does without

    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1

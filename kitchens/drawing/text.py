"""A graph as lines for a terminal: rails on the left, beside them what each node is and came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from kitchens.drawing import rails, words
from kitchens.drawing.graph import Graph, Step
from kitchens.drawing.spans import Line, Span, fitted
from kitchens_engine.tuples import NamedTuple

#: From so many nodes on, those that are alike share a row, and the lines below the rows are left out.
CROWD = 60

#: So many alike make a row of their own.
_ALIKE = 4
_WIDEST_NAME = 40
#: How many rows of a crowd an eye follows a rail.
_LONGEST = 24
_ASCII_MARKS = str.maketrans(
    {
        "✓": "P",
        "✗": "F",
        "↷": "S",
        "⊘": "C",
        "▸": "R",
        "◌": ".",
        "●": "o",
        "○": ".",
        "…": "~",
        "┊": ":",
        "·": "-",
    }
)


def lines(graph: Graph, columns: int | None, *, ascii_only: bool = False) -> Iterator[Line]:
    """The lines, none wider than `columns` (None: as wide as they are)."""
    crowded = sum(1 for _ in graph.walk()) > CROWD
    for line in _graph(graph, columns or 200, crowded, ""):
        yield fitted(_in_ascii(line) if ascii_only else line, columns)


class _Row(NamedTuple):
    """A row to be drawn: one node, or several alike under the name of the first."""

    step: Step
    others: tuple[Step, ...] = ()


class _Frame(NamedTuple):
    """What the rows of one graph share: what stands left of them, how wide rails and names are, and how full it is."""

    indent: str
    rails: int
    names: int
    columns: int
    crowded: bool


def _graph(graph: Graph, columns: int, crowded: bool, indent: str) -> Iterator[Line]:
    shown = _alike(graph.steps) if crowded else {step.name: _Row(step) for step in graph.steps}
    stands_for = {one.name: name for name, row in shown.items() for one in (row.step, *row.others)}
    needs = {
        name: tuple(dict.fromkeys(stands_for[other] for other in row.step.needs))
        for name, row in shown.items()
    }
    found = rails.rows(needs, max(2, min(12, columns // 8)), _LONGEST if crowded else None)
    widest = max((len(row.before) + 1 + len(row.after) for row in found), default=0)
    names = max((words.width(_name(row)) for row in shown.values()), default=0)
    frame = _Frame(indent, widest, min(names, _WIDEST_NAME), columns, crowded)
    for row in found:
        yield _head(row, shown[row.name], frame)
        yield from _below(row, shown[row.name], frame)


def _head(row: rails.Row, shown: _Row, frame: _Frame) -> Line:
    """The row itself: rails, mark, name, facts."""
    step = shown.step
    tone = step.status or ("faint" if step.left_out else "")
    name = words.cut(_name(shown), frame.names)
    pad = " " * (frame.rails - len(row.before) - 1 - len(row.after))
    return (
        Span(f"{frame.indent}{row.before}", "faint"),
        Span(words.mark(step), tone),
        Span(f"{row.after}{pad}  ", "faint"),
        Span(name, "faint" if step.left_out else "name"),
        Span(" " * (frame.names - words.width(name) + 2)),
        *_facts(row, shown, frame.crowded),
    )


def _below(row: rails.Row, shown: _Row, frame: _Frame) -> Iterator[Line]:
    """What stands below it: remarks while there is room, tests that did not pass, the graph that it holds."""
    step = shown.step
    margin = f"{frame.indent}{row.below.rstrip().ljust(frame.rails)}"
    if not frame.crowded:
        yield from ((Span(margin, "faint"), Span(f"    {text}", "faint")) for text in _remarks(step))
    for test in step.tests:
        if test.status in ("failed", "warned"):
            yield (
                Span(margin, "faint"),
                Span(f"    {words.MARKS[test.status]} {test.status}", test.status),
                Span(f"  test: {words.visible(test.name)}"),
            )
    if step.inside is not None:
        yield from _graph(step.inside, frame.columns, frame.crowded, f"{margin}  ┊ ")


def _facts(row: rails.Row, shown: _Row, crowded: bool) -> Iterator[Span]:
    """What stands behind the name."""
    step = shown.step
    yield Span(words.kind(step))
    if step.status is not None:
        yield Span(f"  {step.status}", step.status)
    if step.seconds is not None and not shown.others:
        yield Span(f"  {words.took(step.seconds)}")
    if step.attempts > 1 and not shown.others:
        yield Span(f"  attempt {step.attempts}", "warned")
    if size := words.inside(step):
        yield Span(f"  {size}", "faint")
    if (crowded or shown.others) and (tests := words.tests(step)):
        yield Span(f"  {tests}", "faint")
    if crowded and step.when is not None:
        yield Span("  when …", "faint")
    if step.left_out:
        yield Span("  not in this variation", "faint")
    if step.why and step.status not in (None, "passed"):
        yield Span(f"  {words.visible(step.why)}", "faint")
    if row.unrailed:
        yield Span(f"  needs {_listed(row.unrailed)}", "faint")


def _remarks(step: Step) -> Iterator[str]:
    """What stands below a node while there is room."""
    if step.when is not None:
        yield f"when {words.visible(step.when)}"
    if step.marks:
        yield ", ".join(step.marks)
    if step.tests:
        yield f"{words.tests(step)}: {' · '.join(words.visible(test.name) for test in step.tests)}"


def _alike(steps: Sequence[Step]) -> Mapping[str, _Row]:
    """The rows of a crowd: nodes that differ by name only, in a row together, under the first one's name."""
    following: dict[str, list[str]] = {}
    for step in steps:
        for other in step.needs:
            following.setdefault(other, []).append(step.name)

    def likeness(step: Step) -> tuple[object, ...]:
        after = tuple(following.get(step.name, ()))
        return step.needs, after, words.kind(step), step.status, step.left_out, step.when, len(step.tests)

    # A node that is open, or whose test did not pass, is looked at by itself.
    plain = {
        step.name: likeness(step)
        for step in steps
        if step.inside is None and not any(test.status in ("failed", "warned") for test in step.tests)
    }
    crowds = Counter(plain.values())
    found: dict[object, _Row] = {}
    for step in steps:
        key = plain.get(step.name)
        if key is None or crowds[key] < _ALIKE:
            found[step.name] = _Row(step)
        elif key in found:
            found[key] = found[key]._replace(others=(*found[key].others, step))
        else:
            found[key] = _Row(step)
    return {row.step.name: row for row in found.values()}


def _name(row: _Row) -> str:
    if not row.others:
        return words.visible(row.step.name)
    first, last = words.visible(row.step.name), words.visible(row.others[-1].name)
    return f"{1 + len(row.others)} × {first} … {last}"


def _listed(names: Sequence[str], most: int = 3) -> str:
    more = f" +{len(names) - most}" if len(names) > most else ""
    return f"{', '.join(words.visible(name) for name in names[:most])}{more}"


def _in_ascii(line: Line) -> Line:
    return tuple(
        span._replace(text=rails.in_ascii(span.text).translate(_ASCII_MARKS).replace("×", "x"))
        for span in line
    )

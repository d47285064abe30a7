"""The live view: what runs now, how far the run is, in as many rows as there are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kitchens.cli.progress.remaining import Usual, outlook
from kitchens.cli.progress.state import Running, RunProgress, groups_of
from kitchens.drawing.spans import Line, Span, fitted
from kitchens.drawing.words import counted, cut, visible, width
from kitchens_engine.tuples import NamedTuple

#: Rows of running nodes at most, however high the terminal is.
_MOST = 16
#: The bar, in a terminal that has room for it and the words beside it.
_BAR, _LEAST_BAR, _WORDS = 28, 6, 52
#: The column of the clocks, from where the names begin.
_NAMES = 24


class Signs(NamedTuple):
    """The letters of the view."""

    runs: str
    waits: str
    full: str
    empty: str
    more: str


PRETTY = Signs("▸", "◌", "━", "─", "…")
ASCII = Signs(">", ".", "#", "-", "~")


def picture(
    runs: Sequence[tuple[RunProgress, Usual]], now: float, columns: int, rows: int, signs: Signs = PRETTY
) -> list[Line]:
    """The rows of the view, never more than fit; runs beside each other share them."""
    if not runs or rows < 3:
        return []
    each = max(3, (rows - 1) // len(runs))
    views = [_View(progress, usual, now, columns, signs) for progress, usual in runs]
    lines = [
        line for view in views for line in (*view.nodes(min(_MOST, each - 2)), view.bar(), view.counts())
    ]
    return [fitted(line, columns - 1, signs.more) for line in lines[: rows - 1]]


class _View(NamedTuple):
    """One run at one moment."""

    progress: RunProgress
    usual: Usual
    now: float
    columns: int
    signs: Signs

    def bar(self) -> Line:
        """How far the run is, and how long it will still take."""
        progress = self.progress
        share, remaining = outlook(progress, self.usual, self.now)
        size = max(_LEAST_BAR, min(_BAR, self.columns - _WORDS))
        full = round(share * size)
        done = f"{len(progress.ended):,} of {progress.total:,} nodes  {int(100 * share)} %"
        left = f"  about {clock(remaining)} left" if remaining is not None and remaining >= 1 else ""
        return (
            Span("  "),
            Span(self.signs.full * full, "running"),
            Span(self.signs.empty * (size - full), "faint"),
            Span(f"  {done}  {clock(self.now - progress.began)}"),
            Span(left, "name"),
        )

    def counts(self) -> Line:
        """How the nodes ended, and how many run."""
        progress = self.progress
        failed = progress.tests["failed"]
        tests = f"  {failed:,} test{'' if failed == 1 else 's'} failed" if failed else ""
        ended = counted({status: number for status, number in progress.counts.items() if number})
        return (
            Span(f"  {progress.recipe}: " if progress.recipe else "  ", "faint"),
            Span(", ".join(part for part in (ended, f"{len(self.leaves()):,} running") if part)),
            Span(tests, "failed"),
        )

    def leaves(self) -> list[str]:
        """The running nodes that hold no others, the longest first."""
        return [path for path in self.progress.running if path not in self.progress.groups]

    def nodes(self, most: int) -> Iterator[Line]:
        """The running nodes in so many rows, each under the recipes and fan-outs around it."""
        leaves = self.leaves()
        retrying = len(self.progress.retrying)
        if not leaves and not retrying and 0 < self.progress.total <= len(self.progress.ended):
            yield Span(f"  {self.signs.runs} ", "running"), Span("finishing: functional tests, records")
        room = most - bool(retrying)
        named: set[str] = set()
        for place, path in enumerate(leaves):
            rows = [*self._around(path, named), self._node(path)]
            others = len(leaves) - place - 1
            if len(rows) + bool(others) > room:
                yield self._rest(others + 1, retrying)
                return
            yield from rows
            room -= len(rows)
        if retrying:
            yield self._rest(0, retrying)

    def _rest(self, running: int, retrying: int) -> Line:
        said = [f"{running:,} more running"] if running else []
        said += [f"{retrying:,} waiting to be tried again"] if retrying else []
        return (Span(f"    {self.signs.more} {', '.join(said)}", "faint"),)

    def _around(self, path: str, named: set[str]) -> Iterator[Line]:
        """A row for each node around this one that has none yet."""
        for depth, group in enumerate(groups_of(path)):
            if group in named:
                continue
            named.add(group)
            running = self.progress.running.get(group)
            since = "" if running is None else f"  {_attempt(running)}{clock(self.now - running.since)}"
            yield (
                Span(f"  {'  ' * depth}{self.signs.waits} "),
                Span(visible(group.rpartition("/")[2]), "name"),
                Span(since, "faint"),
            )

    def _node(self, path: str) -> Line:
        running = self.progress.running[path]
        indent = "  " * len(groups_of(path))
        label = cut(
            f"{indent}{visible(path.rpartition('/')[2])}", max(12, self.columns - 44), self.signs.more
        )
        usually = self.usual.steps.get(path, 0.0)
        took = self.now - running.since
        late = usually > 0 and took > 2 * usually + 1
        return (
            Span(f"  {indent}{self.signs.runs} ", "running"),
            Span(label.removeprefix(indent)),
            Span(" " * max(1, _NAMES - width(label))),
            Span(_attempt(running), "warned"),
            Span(clock(took), "warned" if late else ""),
            Span(f"  usually {clock(usually)}" if usually >= 1 else "", "faint"),
        )


def _attempt(running: Running) -> str:
    if running.attempt < 2:
        return ""
    of = f" of {running.of}" if running.of >= running.attempt else ""
    return f"attempt {running.attempt}{of}  "


def clock(seconds: float) -> str:
    """A running clock, in whole seconds: `7 s`, `2 min 5 s`, `3 h 10 min`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"

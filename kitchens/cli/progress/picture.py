"""The live view: what runs now, how far the run is, in as many rows as there are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kitchens.cli.progress.remaining import Usual, outlook
from kitchens.cli.progress.state import Running, RunProgress, groups_of
from kitchens.drawing.spans import Line, Span, fitted
from kitchens.drawing.words import counted, cut, visible, width

#: Rows of running nodes at most, however high the terminal is.
_MOST = 16
#: The bar, in a terminal that has room for it and the words beside it.
_BAR, _LEAST_BAR, _WORDS = 28, 6, 52


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
    lines = [line for progress, usual in runs for line in _run(progress, usual, now, columns, each, signs)]
    return [fitted(line, columns - 1, signs.more) for line in lines[: rows - 1]]


def _run(
    progress: RunProgress, usual: Usual, now: float, columns: int, rows: int, signs: Signs
) -> Iterator[Line]:
    yield from _nodes(progress, usual, now, columns, min(_MOST, rows - 2), signs)
    share, remaining = outlook(progress, usual, now)
    bar = max(_LEAST_BAR, min(_BAR, columns - _WORDS))
    full = round(share * bar)
    left = f"  about {clock(remaining)} left" if remaining is not None and remaining >= 1 else ""
    yield (
        Span("  "),
        Span(signs.full * full, "running"),
        Span(signs.empty * (bar - full), "faint"),
        Span(
            f"  {len(progress.ended):,} of {progress.total:,} nodes  {int(100 * share)} %  {clock(now - progress.began)}"
        ),
        Span(left, "name"),
    )
    yield _counts(progress)


def _counts(progress: RunProgress) -> Line:
    failed = progress.tests["failed"]
    tests = f"  {failed:,} test{'' if failed == 1 else 's'} failed" if failed else ""
    ended = counted({status: number for status, number in progress.counts.items() if number})
    running = f"{_leaves(progress):,} running"
    return (
        Span(f"  {progress.recipe}: " if progress.recipe else "  ", "faint"),
        Span(", ".join(part for part in (ended, running) if part)),
        Span(tests, "failed"),
    )


def _leaves(progress: RunProgress) -> int:
    return sum(1 for path in progress.running if path not in progress.groups)


def _nodes(
    progress: RunProgress, usual: Usual, now: float, columns: int, most: int, signs: Signs
) -> Iterator[Line]:
    """The running nodes, the longest first, each under the nested recipe that it belongs to."""
    leaves = [path for path in progress.running if path not in progress.groups]
    if not leaves and not progress.retrying:
        if progress.total and len(progress.ended) >= progress.total:
            yield (Span(f"  {signs.runs} ", "running"), Span("finishing: functional tests, records"))
        return
    shown: list[Line] = []
    named: set[str] = set()
    widest = max(12, columns - 44)
    count = 0
    for path in leaves:
        rows = [
            *_headings(path, progress, now, named, signs),
            _leaf(path, progress.running[path], usual, now, widest, signs),
        ]
        if len(shown) + len(rows) > most - (1 if count + 1 < len(leaves) else 0):
            break
        shown += rows
        count += 1
    yield from shown
    waiting = len(progress.retrying)
    rest = [f"{len(leaves) - count:,} more running"] if count < len(leaves) else []
    rest += [f"{waiting:,} waiting to be tried again"] if waiting else []
    if rest and len(shown) < most:
        yield (Span(f"    {signs.more} {', '.join(rest)}", "faint"),)


def _headings(path: str, progress: RunProgress, now: float, named: set[str], signs: Signs) -> Iterator[Line]:
    """A row for each nested recipe around the node that has none yet."""
    for depth, above in enumerate(groups_of(path)):
        if above in named:
            continue
        named.add(above)
        running = progress.running.get(above)
        since = "" if running is None else f"  {_attempt(running)}{clock(now - running.since)}"
        yield (
            Span(f"  {'  ' * depth}{signs.waits} "),
            Span(visible(above.rpartition("/")[2]), "name"),
            Span(since, "faint"),
        )


def _leaf(path: str, running: Running, usual: Usual, now: float, widest: int, signs: Signs) -> Line:
    indent = "  " * len(groups_of(path))
    label = cut(f"{indent}{visible(path.rpartition('/')[2])}", widest, signs.more)
    known = usual.steps.get(path)
    often = f"  usually {clock(known)}" if known is not None and known >= 1 else ""
    took = now - running.since
    late = known is not None and took > 2 * known + 1
    return (
        Span(f"  {indent}{signs.runs} ", "running"),
        Span(label.removeprefix(indent)),
        Span(" " * max(1, 24 - width(label))),
        Span(f"{_attempt(running)}", "warned"),
        Span(clock(took), "warned" if late else ""),
        Span(often, "faint"),
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

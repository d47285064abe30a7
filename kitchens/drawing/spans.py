"""Lines of a terminal as pieces with a tone; what a tone looks like is decided where they are shown."""

from __future__ import annotations

from collections.abc import Iterable

from kitchens.drawing.words import cut, width
from kitchens_engine.tuples import NamedTuple


class Span(NamedTuple):
    """A piece of a line. `tone` is a status, `name`, `faint` or empty."""

    text: str
    tone: str = ""


Line = tuple[Span, ...]


def fitted(line: Iterable[Span], columns: int | None, more: str = "…") -> Line:
    """The line without what does not fit into so many columns (None: all fits); nothing ends in blanks."""
    kept: list[Span] = []
    room = columns if columns is not None else 10**9
    for span in line:
        size = width(span.text)
        if size > room:
            kept.append(span._replace(text=cut(span.text, room, more)))
            break
        room -= size
        kept.append(span)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = kept[-1]._replace(text=kept[-1].text.rstrip())
    return tuple(kept)

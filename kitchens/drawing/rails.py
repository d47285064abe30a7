"""One row per node, with the edges as rails on its left, in the manner of `git log --graph`.

    ✓      ingest       A rail begins at a node and goes on until the last one that needs
    ├─✓    weather      it. `─┼─` meets a rail, `─│─` passes behind one.
    ✓ │    clean
    ✓─╯    join

A node has a rail of its own while there is room, and unless it would be longer than anybody
follows; the needs of a node that have none are left to the caller to name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kitchens_engine.tuples import NamedTuple

_ASCII = str.maketrans({"│": "|", "─": "-", "├": "+", "┤": "+", "┼": "+", "┴": "+", "╰": "`", "╯": "'"})


class Row(NamedTuple):
    """One node. Its mark goes between `before` and `after`; `below` are the rails that go on under the row.

    `unrailed` are the needs that no rail shows.
    """

    name: str
    before: str
    after: str
    below: str
    unrailed: tuple[str, ...]


def in_ascii(rails: str) -> str:
    """The same rails for a terminal that knows ASCII only."""
    return rails.translate(_ASCII)


def rows(needs: Mapping[str, Sequence[str]], widest: int, longest: int | None = None) -> list[Row]:
    """The rows in an order that respects every edge, near its rails.

    At most `widest` rails lie side by side, and none is longer than `longest` rows.
    """
    order = ordered(needs)
    place = {name: number for number, name in enumerate(order)}
    wanted = dict.fromkeys(order, 0)
    last = dict(place)
    for name, needed in needs.items():
        for other in needed:
            wanted[other] += 1
            last[other] = max(last[other], place[name])
    if longest is not None:
        wanted |= {name: 0 for name in order if last[name] - place[name] > longest}
    rails: list[str | None] = []
    return [_row(name, needs[name], wanted, rails, widest) for name in order]


def ordered(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """The nodes, each after all that it needs, and as soon after the last of them as can be: few rails at a time."""
    waiting = {name: len(needed) for name, needed in needs.items()}
    following: dict[str, list[str]] = {}
    for name, needed in needs.items():
        for other in needed:
            following.setdefault(other, []).append(name)
    free = [name for name in reversed(list(needs)) if not waiting[name]]
    found = []
    while free:
        name = free.pop()
        found.append(name)
        for other in reversed(following.get(name, ())):
            waiting[other] -= 1
            if not waiting[other]:
                free.append(other)
    return found


def _row(
    name: str, needed: Sequence[str], wanted: dict[str, int], rails: list[str | None], widest: int
) -> Row:
    """The row of the next node; moves `rails` and `wanted` on."""
    meets = [place for place, source in enumerate(rails) if source in needed]
    unrailed = tuple(other for other in needed if other not in rails)
    for other in needed:
        wanted[other] -= 1
    ends = [place for place in meets if not wanted[rails[place] or ""]]
    own = ends[0] if ends else _free(rails, meets)
    cells = _cells(rails, meets, ends, own)
    for place in ends:
        rails[place] = None
    if wanted[name] and own < widest:
        rails.extend([None] * (own + 1 - len(rails)))
        rails[own] = name
    while rails and rails[-1] is None:
        rails.pop()
    below = "".join("│ " if source else "  " for source in rails)
    return Row(name, cells[: 2 * own], cells[2 * own + 1 :].rstrip(), below, unrailed)


def _free(rails: Sequence[str | None], meets: Sequence[int]) -> int:
    """The free place nearest to the rails that the node meets; without any the first."""
    free = [place for place, source in enumerate(rails) if source is None] + [len(rails)]
    return min(free, key=lambda place: abs(place - meets[0])) if meets else free[0]


def _cells(rails: Sequence[str | None], meets: Sequence[int], ends: Sequence[int], own: int) -> str:
    low, high = min([own, *meets]), max([own, *meets])
    drawn = []
    for place in range(max(len(rails), own + 1)):
        if place == own:
            cell = "●"
        elif place in meets:
            cell = _join(ending=place in ends, first=place == low, last=place == high)
        elif place < len(rails) and rails[place]:
            cell = "│"
        else:
            cell = "─" if low < place < high else " "
        drawn.append(cell + ("─" if low <= place < high else " "))
    return "".join(drawn)


def _join(*, ending: bool, first: bool, last: bool) -> str:
    if first:
        return "╰" if ending else "├"
    if last:
        return "╯" if ending else "┤"
    return "┴" if ending else "┼"

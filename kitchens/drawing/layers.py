"""Which layer a node lies in, and in which order within it, so that few edges cross."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

#: How often the order is combed through from both sides.
_COMBINGS = 6
#: More bends than this are not worth the tidiness: edges then go straight.
_MOST_BENDS = 20_000

#: A place in a layer: a node's name, or a bend of the edge between two nodes in the layer of that number.
Item = str | tuple[str, str, int]


def layers_of(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The length of the longest way to each node. `needs` names every node after all that it needs."""
    found: dict[str, int] = {}
    for name, needed in needs.items():
        found[name] = max((found[other] + 1 for other in needed), default=0)
    return found


def chains(needs: Mapping[str, Sequence[str]], layer: Mapping[str, int]) -> dict[tuple[str, str], list[Item]]:
    """Each edge, source first, as the places that it passes: one in every layer from its source to its target."""
    bends = sum(layer[name] - layer[other] - 1 for name, needed in needs.items() for other in needed)
    if bends > _MOST_BENDS:
        return {(other, name): [other, name] for name, needed in needs.items() for other in needed}
    return {
        (other, name): [
            other,
            *((other, name, number) for number in range(layer[other] + 1, layer[name])),
            name,
        ]
        for name, needed in needs.items()
        for other in needed
    }


def arranged(layer: Mapping[str, int], paths: Iterable[Sequence[Item]]) -> list[list[Item]]:
    """The layers, each in the order of its barycentres: the best of several combings."""
    items: list[list[Item]] = [[] for _ in range(1 + max(layer.values(), default=-1))]
    for name, number in layer.items():
        items[number].append(name)
    before: dict[Item, list[Item]] = {}
    after: dict[Item, list[Item]] = {}
    for path in paths:
        for number, (one, other) in enumerate(pairwise(path)):
            after.setdefault(one, []).append(other)
            before.setdefault(other, []).append(one)
            if number:
                items[one[2]].append(one)  # type: ignore[index]
    best, fewest = items, crossings(items, after)
    for _ in range(_COMBINGS):
        if not fewest:
            break
        items = _combed(_combed(items, before), after, backwards=True)
        now = crossings(items, after)
        if now < fewest:
            best, fewest = items, now
    return best


def crossings(items: Sequence[Sequence[Item]], after: Mapping[Item, Sequence[Item]]) -> int:
    """How many pairs of edges between neighbouring layers cross."""
    total = 0
    for left, right in pairwise(items):
        place = {item: number for number, item in enumerate(right)}
        seen: list[int] = []
        for item in left:
            ends = sorted(place[other] for other in after.get(item, ()) if other in place)
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _combed(
    items: Sequence[Sequence[Item]], near: Mapping[Item, Sequence[Item]], *, backwards: bool = False
) -> list[list[Item]]:
    """Every layer ordered by where its neighbours lie in the one before; those without keep their place."""
    done: list[list[Item]] = []
    place: dict[Item, float] = {}
    for layer in reversed(items) if backwards else items:
        size = max(len(layer) - 1, 1)
        own = {item: number / size for number, item in enumerate(layer)}
        wish = {
            item: sum(found) / len(found)
            if (found := [place[other] for other in near.get(item, ()) if other in place])
            else own[item]
            for item in layer
        }
        ordered = sorted(layer, key=wish.__getitem__)
        place = {item: number / size for number, item in enumerate(ordered)}
        done.append(ordered)
    return done[::-1] if backwards else done

"""Every fault and every doubt about a cookbook's recipes, at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from kitchens_engine.checking import contracts, expressions, functional, pointless, unreached
from kitchens_engine.checking.statements import Statements
from kitchens_engine.checking.subject import Subject, subjects
from kitchens_engine.errors import Fault
from kitchens_engine.language.check import check, read_all
from kitchens_engine.language.shelf import Shelf
from kitchens_engine.toml.shape import in_order

_LOOKS: tuple[Callable[[Subject], Iterator[Fault]], ...] = (
    contracts.faults,
    expressions.faults,
    pointless.faults,
    unreached.faults,
    functional.faults,
)


def inspect(
    shelf: Shelf,
    names: Iterable[str] | None = None,
    *,
    connections: Mapping[str, str | None] | None = None,
    pools: Collection[str] | None = None,
) -> tuple[Fault, ...]:
    """What `check` finds, and what only a closer look tells. Severities are `error`, `warning` and `note`.

    `connections` are the URLs of the connections, by name, as far as they are known; the rest is as in `check`.
    """
    chosen = None if names is None else list(names)
    found = [*check(shelf, chosen, connections=connections, pools=pools)]
    statements = Statements(connections or {})
    for subject in subjects(shelf, iter(read_all(shelf, chosen))):
        for spot in subject.spots:
            found += statements.faults_of(subject, spot)
            found += expressions.faults_of(subject, spot)
        for look in _LOOKS:
            found += look(subject)
    return in_order(found)

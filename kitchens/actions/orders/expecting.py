"""What a run will probably take, from the last ones of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from statistics import median

from kitchens.actions.house import House
from kitchens_engine.errors import KitchensError
from kitchens_engine.tuples import NamedTuple


class Took(NamedTuple):
    """Medians in seconds: of whole runs that passed (None: there is none), and of each node by its path."""

    whole: float | None
    nodes: Mapping[str, float]


def expected(house: House, run: str) -> Took:
    """What the last runs of the same recipe, variation and kitchen took. Nothing where the records do not answer:
    a forecast is no reason for an error."""
    from kitchens.actions.orders.runs import records_of

    try:
        with closing(records_of(house)) as records:
            whole, nodes = records.durations_before(run)
    except (KitchensError, OSError):
        return Took(None, {})
    return Took(median(whole) if whole else None, {path: median(seconds) for path, seconds in nodes.items()})

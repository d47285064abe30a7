"""Tables in layers: they merge deeply, and a layer that writes `{ "=" = { … } }` replaces what lies below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: A table with this key alone stands for its value, and nothing from the levels below.
REPLACE = "="


def replacement(value: Any) -> Mapping[str, Any] | None:
    """The table that `value` puts in the place of what lies below, or None when it merges with that."""
    if isinstance(value, Mapping) and len(value) == 1 and isinstance(inner := value.get(REPLACE), Mapping):
        return inner
    return None


def replaces(layer: Mapping[str, Any]) -> bool:
    """Whether something in the layer replaces what lies below."""
    return any(
        isinstance(value, Mapping) and (replacement(value) is not None or replaces(value))
        for value in layer.values()
    )


def merge(lower: Mapping[str, Any], higher: Mapping[str, Any]) -> dict[str, Any]:
    """Both layers as one: where both have a table they merge, else the higher wins. Any grouping gives the same.

    A replacement stays one, so that the layers may be merged from either end; `finished` ends that.
    """
    merged = dict(lower)
    for name, value in higher.items():
        merged[name] = _over(lower[name], value) if name in lower else value
    return merged


def finished(table: Mapping[str, Any]) -> dict[str, Any]:
    """The values once all layers are merged, in tables of the caller's own."""
    return {name: _finished(value) for name, value in table.items()}


def found(table: Mapping[str, Any], keys: Sequence[str]) -> tuple[bool, Any]:
    """Whether the layer says something at `keys`, and what: a replacement above says what is inside it, or nothing."""
    value: Any = table
    for key in keys:
        value = value if (inner := replacement(value)) is None else inner
        if not isinstance(value, Mapping) or key not in value:
            return False, None
        value = value[key]
    return True, value


def leaves(table: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that is no table, or an empty one, by its keys. Replacements are looked through."""
    for name, value in table.items():
        inner = value if (replaced := replacement(value)) is None else replaced
        if isinstance(inner, Mapping) and inner:
            yield from leaves(inner, (*above, name))
        else:
            yield (*above, name), inner


def _over(low: Any, high: Any) -> Any:
    if not isinstance(high, Mapping) or replacement(high) is not None:
        return high
    if not isinstance(low, Mapping):
        # What lies below the text or number that this table ends must not come back.
        return {REPLACE: high}
    inner = replacement(low)
    return merge(low, high) if inner is None else {REPLACE: merge(inner, high)}


def _finished(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    inner = replacement(value)
    return finished(value if inner is None else inner)

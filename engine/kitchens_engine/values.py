"""Values that JSON can carry, whatever they were before."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any


def settled(value: Any) -> Any:
    """What an expression gives piece by piece (`range(3)`, `names | map("upper")`, `table.keys()`) as a list; else the value."""
    return list(value) if isinstance(value, (Iterator, range, KeysView, ValuesView, ItemsView)) else value


def as_word(value: Any) -> str:
    """`value` as one word of a command, or as a variable of its environment: TOML's booleans, tables as JSON."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Mapping() | list() | tuple():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return str(value)


def json_safe(value: Any) -> Any:
    """`value` as JSON carries it: not-a-number and infinities as null, dates in ISO 8601, the rest as text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case Mapping():
            return {str(key): json_safe(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [json_safe(inner) for inner in value]
        case _:
            return str(value)


#: How deep lists and tables of others may lie in each other; whoever walks through values calls itself at each step.
_DEEPEST = 100
_HALF_A_LETTER = re.compile(r"\\u[dD][89a-fA-F]")


def from_outside(text: str) -> Any:
    """The value of JSON that somebody else wrote. ValueError for what is none, and for what could not be written again.

    That is: not-a-number and infinities, also as numbers too large for a float, and nesting without end. Half a
    letter (a lone surrogate) becomes U+FFFD, because no file takes it.
    """
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if text.count("[") + text.count("{") > _DEEPEST and _depth(value) > _DEEPEST:
        raise ValueError("nested too deeply")
    if _HALF_A_LETTER.search(text):
        whole = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass")
        return json.loads(whole.decode("utf-16", "replace"))
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, (dict, list))]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


#: Marks a value that JSON has no type for.
_TYPED = "$type"
_TABLE = "table"
_MOMENTS = {kind.__name__: kind for kind in (datetime.datetime, datetime.date, datetime.time)}


def typed_json(value: Any) -> str:
    """`value`, made of TOML's types, as JSON from which `json_typed` makes the very same value."""
    return json.dumps(with_types(value), ensure_ascii=False)


def json_typed(text: str) -> Any:
    """What `typed_json` was given."""
    return json.loads(text, object_hook=_from_types)


def with_types(value: Any) -> Any:
    """`value` as JSON carries it, dates and times under the mark `$type`; what is of no type of TOML's as text."""
    match value:
        case datetime.datetime() | datetime.date() | datetime.time():
            return {_TYPED: type(value).__name__, "value": value.isoformat()}
        case Mapping() if _TYPED in value:  # somebody's own key, which is no mark
            return {_TYPED: _TABLE, "value": [[str(key), with_types(inner)] for key, inner in value.items()]}
        case Mapping():
            return {str(key): with_types(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [with_types(inner) for inner in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def _from_types(found: dict[str, Any]) -> Any:
    match found:
        case {"$type": "table", "value": list(pairs)}:
            return dict(pairs)
        case {"$type": str(name), "value": str(text)} if name in _MOMENTS:
            return _MOMENTS[name].fromisoformat(text)
    return found


_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def in_words(size: int) -> str:
    """Bytes as people say them: `10 GiB`."""
    for unit, name in _UNITS:
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"

"""The types of values: TOML's own names, and `list` and `any`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

TYPES = (
    "string",
    "integer",
    "float",
    "boolean",
    "datetime",
    "date",
    "time",
    "list",
    "table",
    "any",
)

#: A value of each type that says nothing. `any` has none.
EMPTY_VALUES: Mapping[str, Any] = {
    "string": "",
    "integer": 0,
    "float": 0.0,
    "boolean": False,
    "datetime": datetime.min.replace(tzinfo=UTC),
    "date": date.min,
    "time": time.min,
    "list": [],
    "table": {},
}

_DAY, _CLOCK = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
_MOMENTS: Mapping[str, tuple[Any, re.Pattern[str]]] = {
    "date": (date, re.compile(_DAY)),
    "time": (time, re.compile(_CLOCK)),
    "datetime": (datetime, re.compile(rf"{_DAY}[T ]{_CLOCK}(?:Z|[+-]\d\d:?\d\d)?")),
}

#: What the same types are called elsewhere.
ELSEWHERE = {
    "str": "string",
    "text": "string",
    "int": "integer",
    "bigint": "integer",
    "double": "float",
    "number": "float",
    "bool": "boolean",
    "timestamp": "datetime",
    "array": "list",
    "dict": "table",
    "object": "table",
}


#: The names of the classes that nearly every value has.
_NAMES: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "float",
    list: "list",
    dict: "table",
    type(None): "null",
}


def type_name(value: Any) -> str:
    """The name of the type of a value that came from TOML or JSON; `null` for None."""
    if (name := _NAMES.get(type(value))) is not None:
        return name
    # A boolean is an int, and a datetime a date: the narrower ones come first.
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case float():
            return "float"
        case datetime():
            return "datetime"
        case date():
            return "date"
        case time():
            return "time"
        case Mapping():
            return "table"
        case _:
            return "list"


def is_a(value: Any, name: str) -> bool:
    """Whether `value` may stand where the type `name` is asked for: an integer will do for a float."""
    actual = type_name(value)
    return name in ("any", actual) or (name == "float" and actual == "integer")


def as_moment(value: Any, name: str) -> Any:
    """Text in ISO 8601 as the date or time that the type `name` asks for, because JSON has none; else the value itself."""
    if not isinstance(value, str) or name not in _MOMENTS:
        return value
    kind, shape = _MOMENTS[name]
    try:
        return kind.fromisoformat(value) if shape.fullmatch(value) else value
    except ValueError:
        return value


def with_article(name: str) -> str:
    """`a string`, `an integer`."""
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"

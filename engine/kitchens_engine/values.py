"""Values that JSON can carry, whatever they were before."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any


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

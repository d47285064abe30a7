"""Durations as people write them: `500ms`, `10s`, `5m`, `2h`, `1d`, or a number of seconds."""

from __future__ import annotations

import math
import re

_TEXT = r"(\d+(?:\.\d+)?)\s*(ms|[smhd])"
#: The same in the words of JSON Schema.
SCHEMA = {"pattern": r"^\s*\d+(?:\.\d+)?\s*(?:ms|[smhd])\s*$", "minimum": 0}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(value: str | float) -> float:
    """How many seconds `value` is; numbers are seconds already.

    Raises `ValueError` with a sentence when it is no duration.
    """
    if isinstance(value, str):
        found = re.fullmatch(_TEXT, value.strip())
        if found is None and (bare := value.strip()).isdecimal():
            raise ValueError(f"`{bare}` has no unit; write `{bare}s`, `{bare}m`, `{bare}h` or `{bare}d`")
        if found is None:
            raise ValueError(
                f"`{value}` is no duration; write `10s`, `5m`, `2h`, `1d` or a number of seconds"
            )
        return float(found[1]) * _SECONDS[found[2]]
    if isinstance(value, bool) or not math.isfinite(value) or value < 0:
        raise ValueError(f"`{value}` is no duration; write `10s`, `5m`, `2h`, `1d` or a number of seconds")
    return float(value)

"""Writes the TOML of a registration: sorted, so that equal values are equal bytes. `tomllib` reads it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def document(values: Mapping[str, Any]) -> bytes:
    """A TOML document of `values`. Keys whose value is None are left out."""
    return "\n".join(_table((), values)).strip().encode() + b"\n"


def inline(value: Any) -> str:
    """One value as TOML writes it behind its key."""
    return _value(value)


def _table(above: tuple[str, ...], values: Mapping[str, Any]) -> list[str]:
    present = {key: value for key, value in sorted(values.items()) if value is not None}
    tables = {key: value for key, value in present.items() if isinstance(value, Mapping)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in present.items() if key not in tables]
    for key, value in tables.items():
        name = (*above, key)
        lines += ["", f"[{'.'.join(map(_key, name))}]", *_table(name, value)]
    return lines


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(value) if math.isfinite(value) else str(value)
        case str():
            return _text(value)
        case datetime():
            # An offset of its own would say the same moment in other bytes.
            return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
        case date() | time():
            return value.isoformat()
        case Mapping():
            pairs = (f"{_key(key)} = {_value(each)}" for key, each in sorted(value.items()))
            return "{ " + ", ".join(pairs) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _text(value: str) -> str:
    # JSON's escapes are TOML's too; only DEL is bare in JSON and refused in TOML.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

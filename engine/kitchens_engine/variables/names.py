"""Dotted names of variables, as TOML writes keys: `year`, `schema.raw`, `"odd name".raw`."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\\\x00-\x08\n-\x1f\x7f]*"|'[^'\x00-\x08\n-\x1f\x7f]*')"""

#: A dotted name; spaces around it and around dots do not count.
DOTTED = rf"\s*{_KEY}(?:\s*\.\s*{_KEY})*\s*"


def split(name: str) -> tuple[str, ...]:
    """The keys of a dotted name that matches `DOTTED`."""
    keys: list[str] = []
    table: Any = tomllib.loads(f"{name} = 0")
    while isinstance(table, dict):
        key, table = next(iter(table.items()))
        keys.append(key)
    return tuple(keys)


def plain(name: str) -> bool:
    """Whether it is one key, written without quotes."""
    return re.fullmatch(r"[A-Za-z0-9_-]+", name) is not None

"""Dotted names of variables, as TOML writes keys: `year`, `schema.raw`, `"odd name".raw`.

Letters of any language need no quotes here, which they do in TOML.
"""

from __future__ import annotations

import re

_KEY = r"""(?:[\w-]+|"[^"\\\x00-\x08\n-\x1f\x7f]*"|'[^'\x00-\x08\n-\x1f\x7f]*')"""

#: A dotted name; spaces around it and around dots do not count.
DOTTED = rf"\s*{_KEY}(?:\s*\.\s*{_KEY})*\s*"


def split(name: str) -> tuple[str, ...]:
    """The keys of a dotted name that matches `DOTTED`."""
    return tuple(key[1:-1] if key[0] in "\"'" else key for key in re.findall(_KEY, name))


def plain(name: str) -> bool:
    """Whether it is one key, written without quotes."""
    return re.fullmatch(r"[\w-]+", name) is not None

"""References to the vault, as recipes and settings write them: `vault:flights/token`.

A reference is a whole value, or stands in the password's place of a URL:
`postgresql://app:vault:warehouse/password@warehouse:5432/app`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kitchens_engine.recipe import Node

PREFIX = "vault:"
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*"
_WHOLE = rf"{PREFIX}({_NAME})"
_IN_URL = rf"(?s)([A-Za-z][A-Za-z0-9+.-]*://[^:/@\s]*:){PREFIX}({_NAME})(@.*)"
_MEANT = rf"(?:[A-Za-z][A-Za-z0-9+.-]*://[^/@\s]*:)?{PREFIX}"


def is_name(text: str) -> bool:
    """Whether the vault can hold something under this name, such as `flights/token`."""
    return re.fullmatch(_NAME, text) is not None


def reference(text: str) -> str | None:
    """The name in the vault that the text refers to, or None when it refers to none."""
    if PREFIX not in text:
        return None
    if found := re.fullmatch(_WHOLE, text):
        return found[1]
    if found := re.fullmatch(_IN_URL, text):
        return found[2]
    return None


def filled(text: str, value: Callable[[str], str]) -> str:
    """The text with `value` of its name in the reference's place: as it is, or quoted as a URL's password."""
    if found := re.fullmatch(_WHOLE, text):
        return value(found[1])
    if found := re.fullmatch(_IN_URL, text):
        from urllib.parse import quote

        return f"{found[1]}{quote(value(found[2]), safe='')}{found[3]}"
    return text


def admit(text: object) -> object:
    """A value that may be a reference. Raises `ValueError` for one that was meant to be, and is none."""
    # The value is not repeated: a URL may hold a password in clear beside it.
    if isinstance(text, str) and re.match(_MEANT, text) and reference(text) is None:
        raise ValueError("this is no reference to the vault; write one such as `vault:flights/token`")
    return text


def references(node: Node) -> dict[str, str]:
    """The variables of the node's environment that come from the vault, with the text of each."""
    found = {name: text for name, text in node.env.items() if reference(text) is not None}
    return {**found, **node.secrets}

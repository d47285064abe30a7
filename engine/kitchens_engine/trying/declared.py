"""What a node gives, held to the outputs that it declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitchens_engine.errors import InvalidInput
from kitchens_engine.recipe import Node
from kitchens_engine.toml.types import as_moment, is_a, type_name, with_article
from kitchens_engine.values import as_word

#: How much of a value a sentence shows.
_SHOWN = 80
_HINTS = {
    "boolean": "write `true` or `false`",
    "list": "write it as JSON, such as `[1, 2]`",
    "table": 'write it as JSON, such as `{"a": 1}`',
    "date": "write it as in `2026-01-31`",
    "datetime": "write it as in `2026-01-31T06:30:00Z`",
    "time": "write it as in `06:30:00`",
}


def hold(node: Node, outputs: Mapping[str, Any]) -> None:
    """Raise `InvalidInput` for the first declared output that is not there, or is of another type.

    Dates and times are text in JSON: such text will do.
    """
    for name, wanted in (node.outputs or {}).items():
        if name not in outputs:
            declared = with_article(wanted)
            raise InvalidInput(f"node `{node.name}` gave no output `{name}`, which it declares as {declared}")
        value = outputs[name]
        if is_a(as_moment(value, wanted), wanted):
            continue
        got = "null" if value is None else f"{with_article(type_name(value))}: `{_short(value)}`"
        declared = f"{with_article(wanted)} by its declaration"
        message = f"node `{node.name}`: output `{name}` is {declared}, and got {got}"
        hint = _HINTS.get(wanted) if isinstance(value, str) else None
        raise InvalidInput(f"{message}; {hint}" if hint else message)


def _short(value: Any) -> str:
    text = " ".join(as_word(value).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"

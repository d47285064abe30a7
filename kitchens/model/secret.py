"""A secret by its name: everything about it but its value."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kitchens_engine.errors import InvalidInput
from kitchens_engine.language.secrets import PREFIX, is_name
from kitchens_engine.outcome import timestamp
from kitchens_engine.ports import DEFAULT
from kitchens_engine.redaction import SHORTEST
from kitchens_engine.tuples import NamedTuple

#: An environment variable can carry about twice as much.
LONGEST = 64 * 1024


class Secret(NamedTuple):
    """Which secret: its name such as `flights/token`, the scope that sees it, and the kitchen that it is for (None: all)."""

    name: str
    scope: str = DEFAULT
    kitchen: str | None = None

    def document(self, when: datetime | None) -> dict[str, Any]:
        """As `--json` shows it; `when` it was set, where that is known."""
        return {"name": self.name, "scope": self.scope, "kitchen": self.kitchen, "when": timestamp(when)}


def parse_name(text: str) -> str:
    """The name, also from a whole reference `vault:flights/token`. Raises `InvalidInput`."""
    name = text.removeprefix(PREFIX)
    if not is_name(name):
        raise InvalidInput(
            f"`{name}` cannot name a secret",
            "use letters, digits, `_`, `-` and `.`, in parts with `/` between, such as `flights/token`",
        )
    return name


def parse_value(data: bytes) -> str:
    """The value, without the line's end behind a single line. Raises `InvalidInput`, which does not repeat it."""
    try:
        value = data.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(
            "the value is not UTF-8 text, so no environment variable can carry it",
            "store it as base64, and decode it in the node",
        ) from None
    if value.count("\n") <= 1:
        value = value.removesuffix("\n").removesuffix("\r")
    if "\0" in value:
        raise InvalidInput("the value holds a zero byte, so no environment variable can carry it")
    if not value.strip():
        raise InvalidInput("the value is empty", "give it on standard input, or with `--from-file`")
    if len(value.strip()) < SHORTEST:
        raise InvalidInput(
            f"the value is shorter than {SHORTEST} characters: it stands in every log by chance, so it cannot be hidden"
        )
    if len(data) > LONGEST:
        raise InvalidInput(
            f"the value is longer than {LONGEST // 1024} KiB: no environment variable carries it"
        )
    return value

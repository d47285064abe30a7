"""Moments as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kitchens_engine.durations import seconds
from kitchens_engine.errors import InvalidInput


def moment(text: str, now: datetime) -> datetime:
    """The moment that `text` names: so long before `now` (`2h`, `7d`), a date, or a time of RFC 3339; UTC unless it says.

    Raises `InvalidInput`.
    """
    try:
        return now - timedelta(seconds=seconds(text))
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"`{text}` is no moment"
        raise InvalidInput(message, "write `2h`, `7d`, `2026-03-01` or `2026-03-01T06:00:00Z`") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

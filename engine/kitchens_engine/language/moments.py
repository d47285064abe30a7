"""Moments and times of the day as people write them: `2026-01-31T06:30:00Z`, `06:30`."""

from __future__ import annotations

from datetime import datetime, time


def moment(text: str) -> datetime | time:
    """The moment, or the time of the day, that a text names. Raises `ValueError` with a sentence."""
    for kind in (time, datetime):
        try:
            return kind.fromisoformat(text.strip())
        except ValueError:
            continue
    raise ValueError(f"`{text}` is no time; write `2026-01-31T06:30:00Z` or `06:30`")

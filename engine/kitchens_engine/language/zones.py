"""Time zones by their names."""

from __future__ import annotations


def time_zone(value: str) -> object:
    """Accept the name of a time zone. Raises `ValueError` with a sentence; a machine that has no time zones at all
    cannot judge, and accepts every name."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        return value
    raise ValueError(f"there is no time zone `{value}`; write one such as `Europe/Berlin`")

"""Dates in templates, as filters. The only clock is `run.started`: what a template says, it says again on a resume.

Values are dates, moments, and text that is one of them in ISO 8601, such as `run.started`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from jinja2.filters import do_format

from kitchens_engine.toml.nearest import did_you_mean

UNITS = ("minute", "hour", "day", "week", "month", "quarter", "year")

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?")


def as_date(value: Any, zone_name: str | None = None) -> date:
    """The filter and function `date`: the day of a moment, in a time zone (else in the moment's own)."""
    moment: date = _read(value)
    if not isinstance(moment, datetime):
        return moment
    return (moment if zone_name is None else in_zone(moment, zone_name)).date()


def in_zone(value: Any, zone_name: str) -> datetime:
    """The filter `zone`: the same moment by the clocks of a time zone; a date is its midnight there."""
    moment = _read(value)
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time(), _zone(zone_name))
    if moment.tzinfo is None:
        return moment.replace(tzinfo=_zone(zone_name))
    return moment.astimezone(_zone(zone_name))


def start_of(value: Any, unit: str) -> Any:
    """The filter `start_of`: the first day of the week (a Monday), month, quarter or year, or the start of a day, hour, minute."""
    moment = _read(value)
    _hold_unit(unit)
    first = _first_day(moment, unit)
    if not isinstance(moment, datetime):
        if unit in ("minute", "hour"):
            raise ValueError(f"a date has no {unit}")
        return first
    clock = {"minute": time(moment.hour, moment.minute), "hour": time(moment.hour)}.get(unit, time())
    return datetime.combine(first, clock, moment.tzinfo)


def end_of(value: Any, unit: str) -> date:
    """The filter `end_of`: the last day of the week, month, quarter or year."""
    if unit in UNITS[:2]:
        raise ValueError(
            f"`end_of` gives a day; there is none at the end of {'an' if unit[0] in 'ah' else 'a'} {unit}"
        )
    first = start_of(as_date(value), unit)
    after = {"day": (1, 0), "week": (7, 0), "month": (0, 1), "quarter": (0, 3), "year": (0, 12)}[unit]
    following: date = _moved(_moved(first, days=after[0]), months=after[1])
    return following - timedelta(days=1)


def formatted(value: Any, *arguments: Any, **named: Any) -> str:
    """The filter `format`: a date or moment by `strftime`'s codes; other text as printf does, as in Jinja2."""
    if not _is_date(value):
        return do_format(value, *arguments, **named)
    if len(arguments) != 1 or named or not isinstance(arguments[0], str):
        raise ValueError('`format` takes one text, such as `format("%Y-%m")`')
    pattern = arguments[0]
    if re.search(r"(?:^|[^%])(?:%%)*%s", pattern):
        raise ValueError("`%s` would depend on this machine's time zone")
    return str(_read(value).strftime(pattern))


def wrong_argument(name: str, arguments: list[Any]) -> tuple[str, str | None] | None:
    """What is wrong with the constant arguments of one of these filters, with the nearest right one; None if nothing is."""
    if not arguments or not isinstance(first := arguments[0], str):
        return None
    if name in ("start_of", "end_of") and first not in UNITS:
        return f"`{name}` knows no `{first}`", did_you_mean(first, UNITS)
    if name in ("date", "zone"):
        try:
            _zone(first)
        except ValueError as error:
            return str(error), _near_zone(first)
    return None


def _shift(unit: str) -> Callable[[Any, int], Any]:
    def moved(value: Any, count: int) -> Any:
        if isinstance(count, bool) or not isinstance(count, int):
            raise ValueError(f"`{unit}` takes a whole number, not `{count}`")
        return _moved(_read(value), **{unit: count})

    return moved


def _moved(moment: Any, *, months: int = 0, years: int = 0, **units: int) -> Any:
    """Days and longer by the calendar, so that a clock that is put forward changes no time of day."""
    moment = _by_months(moment, months + 12 * years)
    if not isinstance(moment, datetime):
        if {"hours", "minutes"} & units.keys():
            raise ValueError("a date has no hours; `zone` makes a moment of it")
        return moment + timedelta(**units)
    if moment.tzinfo is None or not {"hours", "minutes"} & units.keys():
        return moment + timedelta(**units)
    return (moment.astimezone(UTC) + timedelta(**units)).astimezone(moment.tzinfo)


def _by_months(moment: Any, months: int) -> Any:
    if not months:
        return moment
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    # The 31st of a shorter month is its last day.
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def _first_day(moment: date, unit: str) -> date:
    day = moment.date() if isinstance(moment, datetime) else moment
    match unit:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case "year":
            return day.replace(month=1, day=1)
    return day


def _hold_unit(unit: str) -> None:
    if unit not in UNITS:
        near = did_you_mean(str(unit), UNITS)
        raise ValueError(f"there is no unit `{unit}`" + (f"; {near.rstrip('?')}" if near else ""))


def _is_date(value: Any) -> bool:
    return isinstance(value, date) or (isinstance(value, str) and _ISO.fullmatch(value) is not None)


def _read(value: Any) -> Any:
    if isinstance(value, date):
        return value
    if _is_date(value):
        return datetime.fromisoformat(value) if len(value) > len("2026-01-01") else date.fromisoformat(value)
    raise ValueError(f"`{value}` is no date; write one such as `2026-01-31`")


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone `{name}`") from None


def _near_zone(name: str) -> str | None:
    from zoneinfo import available_timezones

    return did_you_mean(name, available_timezones())


FILTERS: Mapping[str, Callable[..., Any]] = {
    "date": as_date,
    "zone": in_zone,
    "start_of": start_of,
    "end_of": end_of,
    "format": formatted,
    **{unit: _shift(unit) for unit in ("minutes", "hours", "days", "weeks", "months", "years")},
}

#: What those of them take that do nothing without.
EXAMPLES: Mapping[str, str] = {
    "zone": '"Europe/Berlin"',
    **dict.fromkeys(("start_of", "end_of"), '"month"'),
    "format": '"%Y-%m"',
    **dict.fromkeys(("minutes", "hours", "days", "weeks", "months", "years"), "-1"),
}

#: Of dates that came from a template's context: what would read this machine's clock or zone.
CLOCKS = frozenset({"today", "now", "utcnow", "fromtimestamp", "utcfromtimestamp", "timestamp", "astimezone"})

"""Freeze windows: times in which nothing lands in a kitchen. Every one of them ends by itself, because the file that
holds it is in the frozen kitchen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple, TypeAlias

from kitchens_engine.errors import EnvironmentFailure
from kitchens_engine.toml.nearest import did_you_mean

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

#: A whole day, in minutes.
_DAY = 24 * 60

#: Years of which every day is a moment in every time zone.
_YEARS = range(1970, 9990)

#: From one window into the next so many times, and there is no end of it.
_MANY = 500

_CLOCK = r"(?:([A-Za-z]+)\s+)?(\d{1,2}):(\d{2})"
_DATE = r"\d{4}-\d{2}-\d{2}(?:[T ].*)?"


class Clock(NamedTuple):
    """A time of the day in minutes (24:00 too), on a day of the week (0 is Monday) or, with None, on every day."""

    weekday: int | None
    minute: int


#: A date, a moment, or what comes again.
Moment: TypeAlias = date | datetime | Clock


class Freeze(NamedTuple):
    """Nothing lands from `start` on and before `end`; a date at the end is over when the day is. What has no time zone
    of its own is in `zone`."""

    start: Moment
    end: Moment
    zone: str = "UTC"
    reason: str | None = None

    @property
    def recurring(self) -> bool:
        """Whether it comes again, each day or each week."""
        return isinstance(self.start, Clock)

    def until(self, now: datetime) -> datetime | None:
        """When it ends, by the clocks of its time zone, if it holds at `now`."""
        zone = _zone(self.zone)
        for start, end in self._around(now, zone):
            # In UTC: two times of one zone are compared by their clocks, which summer time turns back.
            if start.astimezone(UTC) <= now < end.astimezone(UTC):
                return end
        return None

    def _around(self, now: datetime, zone: tzinfo) -> Iterable[tuple[datetime, datetime]]:
        """The windows that may hold at `now`."""
        if not isinstance(self.start, Clock) or not isinstance(self.end, Clock):
            return [(_moment(self.start, zone), _moment(_after(self.end), zone))]
        today = now.astimezone(zone).date()
        length = self.end.minute - self.start.minute
        if self.start.weekday is None or self.end.weekday is None:
            days, back, cycle = int(length <= 0), 0, 1
        else:
            days = (self.end.weekday - self.start.weekday) % 7 or (7 if length <= 0 else 0)
            back, cycle = (today.weekday() - self.start.weekday) % 7, 7
        first = today - timedelta(days=back)
        return [
            (_at(day, self.start.minute, zone), _at(day + timedelta(days=days), self.end.minute, zone))
            for day in (first, first - timedelta(days=cycle))
        ]


def frozen(windows: Sequence[Freeze], now: datetime) -> tuple[Freeze, datetime | None] | None:
    """The window that holds at `now` and lasts longest, and when the last of those ends that follow it without a gap;
    None for the end when there is none in sight."""
    holding = [(end, window) for window in windows if (end := window.until(now)) is not None]
    if not holding:
        return None
    end, window = max(holding, key=lambda pair: pair[0].astimezone(UTC))
    for _ in range(_MANY):
        later = [found for each in windows if (found := each.until(end.astimezone(UTC))) is not None]
        if not later:
            return window, end
        end = max(later, key=lambda moment: moment.astimezone(UTC))
    return window, None


def read_moment(value: Any) -> Moment:
    """What a file says: a TOML date or time, or text such as `2026-12-24`, `fri 16:00` and `22:00`. Raises
    `ValueError` with a sentence."""
    if isinstance(value, str):
        value = _from_text(value.strip())
    if isinstance(value, date) and value.year not in _YEARS:
        raise ValueError(f"the year {value.year} is none in which a window can end")
    if isinstance(value, time):
        return Clock(None, value.hour * 60 + value.minute)
    found: Moment = value
    return found


def read_freeze(table: Mapping[str, Any]) -> Freeze:
    """The window in a table whose parts were accepted. Raises `ValueError` for two ends that make no window."""
    start, end = read_moment(table["from"]), read_moment(table["to"])
    window = Freeze(start, end, table.get("timezone", "UTC"), table.get("reason"))
    if _kind(start) != _kind(end):
        raise ValueError(
            "`from` and `to` are of different kinds; write two dates, two times of day, or both with a day"
        )
    if isinstance(start, Clock):
        if start == end:
            raise ValueError("it ends when it begins, so it would never end")
        return window
    zone = UTC
    if _moment(start, zone) >= _moment(_after(end), zone):
        raise ValueError("it ends before it begins")
    return window


def never_ends(windows: Iterable[Freeze]) -> bool:
    """Whether what comes again leaves no moment at which anything could land."""
    recurring = [window for window in windows if window.recurring]
    try:
        found = frozen(recurring, datetime(2026, 1, 5, 12, tzinfo=UTC))
    except EnvironmentFailure:
        # Without time zones this machine cannot judge.
        return False
    return found is not None and found[1] is None


def _kind(moment: Moment) -> str:
    if not isinstance(moment, Clock):
        return "once"
    return "daily" if moment.weekday is None else "weekly"


def _from_text(text: str) -> Any:
    if re.fullmatch(_DATE, text):
        try:
            return datetime.fromisoformat(text) if len(text) > 10 else date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"`{text}` is no date") from None
    found = re.fullmatch(_CLOCK, text)
    if found is None:
        raise ValueError(f"`{text}` is no time; write one such as `2026-12-24`, `fri 16:00` or `22:00`")
    minute = int(found[2]) * 60 + int(found[3])
    if minute > _DAY or int(found[3]) > 59:
        raise ValueError(f"`{found[2]}:{found[3]}` is no time of the day")
    return Clock(None if found[1] is None else _weekday(found[1]), minute)


def _weekday(word: str) -> int:
    for place, day in enumerate(DAYS):
        if word.lower() in (day, day[:3]):
            return place
    hint = did_you_mean(word, DAYS)
    raise ValueError(f"`{word}` is no day of the week" + (f"; {hint}" if hint else ""))


def _after(end: Moment) -> Moment:
    """The first moment that is no longer in it: a date at the end counts as a whole."""
    whole = isinstance(end, date) and not isinstance(end, datetime)
    return end + timedelta(days=1) if whole and isinstance(end, date) else end


def _moment(value: Moment, zone: tzinfo) -> datetime:
    assert not isinstance(value, Clock)
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), zone)
    return value if value.tzinfo is not None else value.replace(tzinfo=zone)


def _at(day: date, minute: int, zone: tzinfo) -> datetime:
    # By the clock of that day, whatever summer time does to it.
    return datetime.combine(day + timedelta(days=minute // _DAY), time(*divmod(minute % _DAY, 60)), zone)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise EnvironmentFailure(
            f"this machine does not know the time zone `{name}`, so nobody can tell what is frozen",
            "install the system's `tzdata`",
            code="time-zone",
        ) from error

"""Schedules as cron writes them: minute, hour, day of month, month and day of week."""

from __future__ import annotations

import re

from kitchens_engine.tuples import NamedTuple

SHORT = ("hourly", "daily", "weekly", "monthly", "yearly")
#: The same in the words of JSON Schema, as far as a pattern goes.
PATTERN = rf"@(?:{'|'.join(SHORT)})|(?:[\d*/,A-Za-z-]+\s+){{4}}[\d*/,A-Za-z-]+"

_STEP = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d+))?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        """A number, or the name of a month or day. ValueError with a sentence."""
        if text.lower() in self.words:
            return self.words.index(text.lower()) + self.low
        if not text.isdecimal() or not self.low <= int(text) <= self.high:
            raise ValueError(f"`{text}` is no {self.name}; they go from {self.low} to {self.high}")
        return int(text)


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _DAYS),
)


def schedule(text: str) -> str:
    """The text, when it is a schedule. ValueError with a sentence when it is none."""
    if not re.fullmatch(PATTERN, text):
        raise ValueError(
            f"`{text}` is no schedule; write minute, hour, day of month, month and day of week, such as `0 6 * * *`"
        )
    if not text.startswith("@"):
        for field, part in zip(_FIELDS, text.split(), strict=True):
            for each in part.split(","):
                _hold(field, each)
    return text


def _hold(field: _Field, part: str) -> None:
    found = _STEP.fullmatch(part)
    if found is None:
        raise ValueError(f"`{part}` is no {field.name}")
    star, first, last, step = found.groups()
    if star is None:
        begin = field.number(first)
        end = begin if last is None else field.number(last)
        if end < begin and not (field.high == 7 and end == 0):  # a week may end with its Sunday
            raise ValueError(f"`{part}` ends before it begins")
    if step is not None and int(step) == 0:
        raise ValueError(f"`{part}` has no step; write one such as `*/5`")

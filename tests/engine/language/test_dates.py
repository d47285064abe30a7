"""Dates in templates: from the run's one clock, and from nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from kitchens_engine.errors import InvalidInput
from kitchens_engine.templating import template

CONTEXT = {
    "run": {"started": "2026-03-29T00:30:00.000Z"},
    "day": date(2024, 1, 31),
    "moment": datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC),
    "text": "2024-02-29",
    "word": "soon",
    "n": 3,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ run.started | date }}", date(2026, 3, 29)),
        ("{{ run.started | date('America/New_York') }}", date(2026, 3, 28)),
        ("{{ run.started | date | days(-1) }}", date(2026, 3, 28)),
        ("{{ date(text) | weeks(1) }}", date(2024, 3, 7)),
        ("{{ date('2024-12-31') | days(1) }}", date(2025, 1, 1)),
        ("{{ day | months(1) }}", date(2024, 2, 29)),
        ("{{ day | months(-2) }}", date(2023, 11, 30)),
        ("{{ text | years(1) }}", date(2025, 2, 28)),
        ("{{ day | start_of('month') }}", date(2024, 1, 1)),
        ("{{ day | start_of('week') }}", date(2024, 1, 29)),
        ("{{ text | start_of('quarter') }}", date(2024, 1, 1)),
        ("{{ text | end_of('month') }}", date(2024, 2, 29)),
        ("{{ text | end_of('quarter') }}", date(2024, 3, 31)),
        ("{{ moment | end_of('year') }}", date(2024, 12, 31)),
        ("{{ moment | start_of('hour') }}", datetime(2024, 2, 29, 12, tzinfo=UTC)),
        ("{{ moment | start_of('year') }}", datetime(2024, 1, 1, tzinfo=UTC)),
        ("{{ moment | hours(12) | format('%d.%m. %H:%M') }}", "01.03. 00:34"),
        ("{{ run.started | zone('Europe/Berlin') | format('%H:%M %Z') }}", "01:30 CET"),
        ("{{ run.started | zone('Europe/Berlin') | hours(1) | format('%H:%M %Z') }}", "03:30 CEST"),
        ("{{ day | zone('Europe/Berlin') | days(61) | format('%H:%M %Z') }}", "00:00 CEST"),
        ("{{ (date('2024-03-01') - day).days }}", 30),
        ("{{ run.started | date > day }}", True),
        ("from {{ day | start_of('year') }}", "from 2024-01-01"),
        ("{{ '%s-%03d' | format('a', n) }}", "a-003"),
    ],
)  # fmt: skip
def test_a_date_is_told_from_another(text: str, value: object) -> None:
    """Days and longer go by the calendar, hours by the clock; a whole template keeps its type."""
    assert template.render(text, CONTEXT) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ word | date }}", "`soon` is no date; write one such as `2026-01-31`"),
        ("{{ day | days('x') }}", "`days` takes a whole number, not `x`"),
        ("{{ day | hours(1) }}", "a date has no hours; `zone` makes a moment of it"),
        ("{{ day | start_of(word) }}", "there is no unit `soon`"),
        ("{{ day | zone(word) }}", "there is no time zone `soon`"),
        ("{{ day | zone('../../etc/passwd') }}", "there is no time zone `../../etc/passwd`"),
        ("{{ moment | format('%s') }}", "`%s` would depend on this machine's time zone"),
        ("{{ day | days(999999999) }}", "date value out of range"),
        ("{{ day.today() }}", "access to attribute 'today' of 'date' object is unsafe."),
        ("{{ moment.now() }}", "access to attribute 'now' of 'datetime' object is unsafe."),
    ],
)  # fmt: skip
def test_what_is_no_date_is_one_sentence(text: str, why: str) -> None:
    """Nothing reads this machine's clock, and nothing takes its memory."""
    with pytest.raises(InvalidInput) as raised:
        template.render(text, CONTEXT)

    assert raised.value.message.startswith(why)


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("run.started | start_of('mnoth')", "`start_of` knows no `mnoth`", "did you mean `month`?"),
        ("run.started | zone('Europe/Berln')", "there is no time zone `Europe/Berln`", "did you mean `Europe/Berlin`?"),
        ("run.started | dates", "there is no filter `dates`", "did you mean `date`?"),
        ("now() | date", "there is no `now` in templates", "a run has one clock: `run.started`"),
    ],
)  # fmt: skip
def test_a_wrong_unit_or_zone_is_found_without_a_run(
    faults: Callable[..., list[Any]], expression: str, message: str, hint: str
) -> None:
    """By `recipe check`."""
    (fault,) = faults(f'[nodes.a]\nrun = "echo {{{{ {expression} }}}}"\n')

    assert (fault.message, fault.hint) == (message, hint)

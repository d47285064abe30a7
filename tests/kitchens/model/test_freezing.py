"""Freeze windows: when they hold, and when they end."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from kitchens.model.cookbook import Policy, parse_cookbook
from kitchens.model.freezing import Freeze, frozen

COOKBOOK = '[cookbook]\nname = "x"\n[kitchens.production]\n'


def policy(text: str) -> Policy:
    """The policy of production whose `freeze` is this."""
    cookbook, faults = parse_cookbook(f"{COOKBOOK}freeze = {text}".encode())
    assert cookbook is not None, faults
    return cookbook.policy("production")


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "now", "end"),
    [
        ("from = 2026-12-20, to = 2027-01-03", "2026-12-19T23:59", None),
        ("from = 2026-12-20, to = 2027-01-03", "2026-12-20T00:00", "2027-01-04T00:00"),
        ("from = 2026-12-20, to = 2027-01-03", "2027-01-03T23:59", "2027-01-04T00:00"),
        ("from = 2026-12-20, to = 2027-01-03", "2027-01-04T00:00", None),
        ("from = 2026-12-20T18:00:00+01:00, to = 2026-12-21", "2026-12-20T17:00", "2026-12-22T00:00"),
        (
            "from = 2026-12-20, to = 2026-12-20, timezone = 'Europe/Berlin'",
            "2026-12-19T23:00",
            "2026-12-20T23:00",
        ),
        ("from = '2026-12-20', to = '2026-12-20 12:00'", "2026-12-20T11:00", "2026-12-20T12:00"),
        ("from = 22:00:00, to = 06:00:00", "2026-03-03T05:59", "2026-03-03T06:00"),
        ("from = '22:00', to = '06:00'", "2026-03-03T23:00", "2026-03-04T06:00"),
        ("from = '22:00', to = '06:00'", "2026-03-03T12:00", None),
        ("from = '12:00', to = '24:00'", "2026-03-03T23:59", "2026-03-04T00:00"),
        ("from = 'fri 16:00', to = 'mon 08:00'", "2026-11-20T15:59", None),
        ("from = 'fri 16:00', to = 'mon 08:00'", "2026-11-20T16:00", "2026-11-23T08:00"),
        ("from = 'Friday 16:00', to = 'Monday 08:00'", "2026-11-23T07:59", "2026-11-23T08:00"),
        ("from = 'fri 16:00', to = 'fri 15:00'", "2026-11-20T15:30", None),
        ("from = 'fri 16:00', to = 'fri 15:00'", "2026-11-20T14:30", "2026-11-20T15:00"),
        # Berlin leaves summer time in that night: 06:00 there is an hour later in UTC than the day before.
        ("from = '22:00', to = '06:00', timezone = 'Europe/Berlin'", "2026-10-24T20:30", "2026-10-25T05:00"),
    ],
)
def test_a_window_holds_and_ends(window: str, now: str, end: str | None) -> None:
    """Dates count as whole days; clocks are those of the time zone."""
    found = frozen(policy(f"[{{ {window} }}]").freeze, at(now))
    until = found[1] if found else None
    assert (until and until.astimezone(UTC)) == (end and at(end))


def test_windows_without_a_gap_end_together() -> None:
    """Whoever is refused learns when something can land, not when the next window begins."""
    both = "[{ from = 'fri 16:00', to = 'sat 00:00' }, { from = 'sat 00:00', to = 'mon 08:00', reason = 'rest' }]"
    found = frozen(policy(both).freeze, at("2026-11-20T17:00"))
    assert found is not None
    assert found[1] == at("2026-11-23T08:00")


def test_any_moment_is_in_a_weekly_window_or_in_its_complement() -> None:
    """One of them holds at each hour of two weeks, never both."""
    window = policy("[{ from = 'wed 13:00', to = 'sun 02:00', timezone = 'Asia/Kolkata' }]").freeze[0]
    rest = Freeze(window.end, window.start, window.zone)
    for hour in range(14 * 24):
        now = datetime(2026, 3, 20 + hour // 24 if hour < 12 * 24 else 31, hour % 24, 31, tzinfo=UTC)
        assert (window.until(now) is None) != (rest.until(now) is None)


def test_python_values_are_what_toml_has() -> None:
    """Dates, times and moments, with or without a zone."""
    window = policy("[{ from = 2026-12-20, to = 2026-12-21T10:00:00Z, reason = 'party' }]").freeze[0]
    assert window == Freeze(date(2026, 12, 20), at("2026-12-21T10:00"), "UTC", "party")
    assert policy("[{ from = 10:00:00, to = 11:30:00 }]").freeze[0].end == (None, 11 * 60 + 30)


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("[{ from = 2026-12-20 }]", "freeze[0]", "`kitchens.production.freeze[0]` lacks `to`"),
        ("[{ form = 2026-12-20, to = 2026-12-21 }]", "freeze[0].form", "unknown key `form` in `kitchens.production.freeze[0]`"),
        ("[{ from = 'frday 16:00', to = 'mon 08:00' }]", "freeze[0].from", "`kitchens.production.freeze[0].from`: `frday` is no day of the week; did you mean `friday`?"),
        ("[{ from = '25:00', to = '08:00' }]", "freeze[0].from", "`kitchens.production.freeze[0].from`: `25:00` is no time of the day"),
        ("[{ from = 'soon', to = '08:00' }]", "freeze[0].from", "`kitchens.production.freeze[0].from`: `soon` is no time; write one such as `2026-12-24`, `fri 16:00` or `22:00`"),
        ("[{ from = 2026-12-20, to = '08:00' }]", "freeze[0].to", "`kitchens.production.freeze[0]`: `from` and `to` are of different kinds; write two dates, two times of day, or both with a day"),
        ("[{ from = 2026-12-20, to = 2026-12-19 }]", "freeze[0].to", "`kitchens.production.freeze[0]`: it ends before it begins"),
        ("[{ from = 2026-12-20, to = 9999-12-31 }]", "freeze[0].to", "`kitchens.production.freeze[0].to`: the year 9999 is none in which a window can end"),
        ("[{ from = 'fri 16:00', to = 'fri 16:00' }]", "freeze[0].to", "`kitchens.production.freeze[0]`: it ends when it begins, so it would never end"),
        ("[{ from = '00:00', to = '24:00' }]", "freeze", "the freeze windows of `production` leave no moment at which anything could land"),
        ("[{ from = 'mon 00:00', to = 'thu 24:00' }, { from = 'fri 00:00', to = 'sun 24:00' }]", "freeze", "the freeze windows of `production` leave no moment at which anything could land"),
        ("[{ from = '01:00', to = '02:00', timezone = 'Europe/Berln' }]", "freeze[0].timezone", "`kitchens.production.freeze[0].timezone`: there is no time zone `Europe/Berln`; write one such as `Europe/Berlin`"),
        ("true", "freeze", "`kitchens.production.freeze` must be a list, not a boolean"),
    ],
)  # fmt: skip
def test_a_window_that_cannot_be_is_a_fault_at_its_place(text: str, key: str, message: str) -> None:
    """With the key, and the nearest right spelling."""
    _, faults = parse_cookbook(f"{COOKBOOK}freeze = {text}".encode())
    assert [(fault.line, fault.key, fault.message) for fault in faults] == [
        (4, f"kitchens.production.{key}", message)
    ]

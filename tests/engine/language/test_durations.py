"""Durations as people write them."""

from __future__ import annotations

import pytest

from kitchens_engine.durations import seconds


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("10s", 10),
        ("5m", 300),
        ("2h", 7200),
        ("1d", 86400),
        ("0.5s", 0.5),
        ("250ms", 0.25),
        (7, 7),
        (1.5, 1.5),
        (0, 0),
    ],
)
def test_durations_are_seconds(value: str | float, expected: float) -> None:
    """Units are seconds, minutes, hours and days; a number is seconds already."""
    assert seconds(value) == expected


@pytest.mark.parametrize("value", ["", "5 minutes", "-1s", "1h30m", -1, float("nan"), float("inf"), True])
def test_anything_else_is_refused_with_an_example(value: str | float) -> None:
    """What is no duration gets a sentence that shows one."""
    with pytest.raises(ValueError, match="write `10s`"):
        seconds(value)


def test_a_number_in_quotes_lacks_its_unit() -> None:
    """On the command line everything is text: a number of seconds cannot be meant for sure."""
    with pytest.raises(ValueError, match="`10` has no unit; write `10s`, `10m`, `10h` or `10d`"):
        seconds("10")

"""The rules of tests: does a measured value hold, and how a limit reads. Pure."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from kitchens_engine.values import json_safe

_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "above": operator.gt,
    "below": operator.lt,
    "at_least": operator.ge,
    "at_most": operator.le,
}

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")

_WORDS = {
    "equals": "equals",
    "not_equals": "not",
    "above": "above",
    "below": "below",
    "at_least": "at least",
    "at_most": "at most",
    "matches": "matches",
}


def holds(rule: str, value: Any, limit: Any) -> bool:
    """Whether `value` keeps to `rule` with `limit`. Nothing measured (None) never does.

    Numbers compare with numbers and text with text (dates are text in ISO 8601, which orders
    them). Moments compare as moments, in whichever zones they are written; what names none is
    in UTC. A value of another kind than the limit does not hold. `between` includes both ends;
    `matches` searches the value as text for a regular expression.
    """
    value, limit = json_safe(value), json_safe(limit)
    if value is None:
        return False
    match rule:
        case "equals":
            return _ordered(operator.eq, value, limit)
        case "not_equals":
            return _ordered(operator.ne, value, limit)
        case "between":
            low, high = limit
            return _ordered(operator.ge, value, low) and _ordered(operator.le, value, high)
        case "matches":
            return re.search(limit, str(value)) is not None
        case _:
            return _ordered(_ORDERED[rule], value, limit)


def limits(rule: str, limit: Any) -> Any:
    """The limit in words, such as `at most 0.25`; None where nothing is judged."""
    limit = json_safe(limit)
    match rule:
        case "control":
            return None
        case "between":
            low, high = limit
            return f"between {shown(low)} and {shown(high)}"
        case _:
            return f"{_WORDS[rule]} {shown(limit)}"


def _ordered(compare: Callable[[Any, Any], bool], value: Any, limit: Any) -> bool:
    if isinstance(value, str) and isinstance(limit, str) and "T" in value[10:11] + limit[10:11]:
        moments = _moment(value), _moment(limit)
        if None not in moments:
            value, limit = moments
    try:
        return bool(compare(value, limit))
    except TypeError:
        return False


def _moment(text: str) -> datetime | None:
    """A moment in ISO 8601, or the midnight with which a day begins; None for any other text."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def shown(value: Any) -> str:
    """The value as recipes write it."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case "":
            return '""'
        case Mapping() | list() | tuple():
            return json.dumps(json_safe(value), ensure_ascii=False)
        case _:
            return str(value)

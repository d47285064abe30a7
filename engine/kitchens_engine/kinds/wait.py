"""`wait`: until a time has come, a file lies there and grows no more, a row is there, or a URL answers.

It has no slot. Times are the runner's own timers; files, URLs and rows of a `connection` are looked
for by one companion, however many wait; rows of the embedded database by a process that has the
database for as long as one query takes, so that whoever writes the row gets it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

from kitchens_engine import durations
from kitchens_engine.errors import InvalidInput
from kitchens_engine.kinds.work import Site, Work
from kitchens_engine.language.moments import moment
from kitchens_engine.recipe import Node
from kitchens_engine.state.scope import Scope

#: How often one looks, in seconds, where the recipe does not say.
EVERY = 2.0


def looks_into_database(node: Node) -> bool:
    """Whether it waits for a row of the embedded database."""
    return (
        node.action == "wait"
        and isinstance(node.body, Mapping)
        and "sql" in node.body
        and node.connection is None
    )


def seconds_left(node: Node, scope: Scope, started: datetime, since: datetime, now: datetime) -> float | None:
    """How long a wait for a time takes from `now`; None for one that waits for something else.

    A time of the day is the first of its kind since the run `started`, a pause counts `since` it began.
    Raises `InvalidInput`.
    """
    body = scope.render(node.name, node.body)
    try:
        if not isinstance(body, Mapping):
            # A clock that was set back is no reason to wait longer.
            gone = max(0.0, (now - since).total_seconds())
            return max(0.0, durations.seconds(body) - gone)
        if "until" in body:
            return max(0.0, (_moment(body["until"], body.get("timezone"), started) - now).total_seconds())
    except ValueError as error:
        raise InvalidInput(f"node `{node.name}`: {error}") from error
    return None


def every(node: Node) -> float:
    """The seconds between two looks."""
    return durations.seconds(node.body.get("every", EVERY))


def prepare(node: Node, scope: Scope, site: Site) -> Work:
    """What the worker is asked: to wait, or, for a row of the embedded database, to look once."""
    from kitchens_engine.kinds import sql

    body = scope.render(node.name, {key: value for key, value in node.body.items() if key != "sql"})
    query = sql.statement(node.name, node.body["sql"], scope) if "sql" in node.body else None
    if looks_into_database(node):
        return Work(site.call_worker("sql"), sql.request([str(query)], site))
    request = {
        "file": body.get("file"),
        "stable": durations.seconds(body.get("stable", 0)),
        "url": body.get("url"),
        "sql": query,
        "connection": node.connection if query is not None else None,
        "every": every(node),
    }
    return Work(site.call_worker("wait"), request, waits=True)


def is_met(result: Mapping[str, Any]) -> bool:
    """Whether what the worker answered ends the wait."""
    tests = result.get("tests")
    return bool(tests[0].get("value")) if tests else True


def _moment(value: Any, zone: str | None, started: datetime) -> datetime:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        there: tzinfo = ZoneInfo(zone) if zone else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone `{zone}`; write one such as `Europe/Berlin`") from error
    if isinstance(value, str):
        value = moment(value)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=there)
    if isinstance(value, time):
        there = value.tzinfo or there  # `06:30+02:00` says it itself
        local, clock = started.astimezone(there), value.replace(tzinfo=None)
        today = datetime.combine(local.date(), clock, there)
        return today if today >= local else datetime.combine(local.date() + timedelta(days=1), clock, there)
    raise ValueError(f"`{value}` is no time; write `2026-01-31T06:30:00Z` or `06:30`")

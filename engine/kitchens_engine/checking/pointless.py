"""Tests that can only pass, which guard nothing, and tests that can only fail."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from kitchens_engine.checking.subject import Subject
from kitchens_engine.errors import Fault
from kitchens_engine.language.build import build_test
from kitchens_engine.recipe import Node, Test, sql_file
from kitchens_engine.templating.template import has_markers
from kitchens_engine.testing import rules
from kitchens_engine.toml.positions import Path
from kitchens_engine.toml.types import with_article
from kitchens_engine.tuples import NamedTuple

_ORDERS = ("above", "below", "at_least", "at_most", "between")
_COUNT = re.compile(
    r"\s*select\s+count\s*\((?:[^()]|\([^()]*\))*\)\s*(?:as\s+\w+\s*)?\bfrom\b", re.IGNORECASE
)
#: With one of these a count may be something else, or there may be none.
_NOT_JUST_A_COUNT = re.compile(
    r"\b(?:group|having|union|except|intersect|limit|offset|qualify)\b|;\s*\S", re.IGNORECASE
)
_LITERAL = re.compile(r"\s*select\s+(?:(-?\d+(?:\.\d+)?)|'([^']*)')\s*;?\s*", re.IGNORECASE)
_LENGTH = re.compile(r"[\w.\[\]\"']+\s*\|\s*(?:length|count)")
#: Texts so unlike each other that a pattern that fits them all fits everything.
_PROBES = ("", " ", "x", "0", "-1.5", "é ✓", "Zz_9", "{[(", "a b c", "\\|/", "2013-01-31T06:00:00Z", "NULL")


class _Measure(NamedTuple):
    """What is known of a measure: its type, a value that never changes, where it comes from, that it counts something."""

    type: str | None = None
    constant: tuple[Any] | None = None
    chain: str | None = None
    counts: bool = False


def faults(subject: Subject) -> Iterator[Fault]:
    """A warning for each test that cannot fail, an error for each that cannot pass."""
    for node in subject.recipe.nodes.values():
        for index, table in enumerate(subject.values["nodes"][node.name].get("tests", ())):
            path: Path = ("nodes", node.name, "tests", index)
            if (test := build_test(subject.document, path, table)) is not None:
                yield from _of_test(subject, node, test, (*path, test.rule))


def _of_test(subject: Subject, node: Node, test: Test, path: Path) -> Iterator[Fault]:
    measure = _measure(subject, node, test)
    if why := _cannot_fail(subject, node, test, measure):
        yield subject.warning(path, f"test `{test.name}` cannot fail: {why}")
    elif why := _cannot_pass(subject, test, measure):
        yield subject.document.fault(path, f"test `{test.name}` cannot pass: {why}")


def _measure(subject: Subject, node: Node, test: Test) -> _Measure:
    text = str(test.expression)
    if test.measure == "output":
        counts = node.action == "sql" and text == "rows"
        kind = subject.type_of(("outputs", node.name, text))
        return _Measure(kind, None, f"outputs.{node.name}.{text}", counts)
    if test.measure == "value":
        worth = subject.worth(text, expression=True)
        inner = text.strip().removeprefix("{{").removesuffix("}}").strip()
        counts = bool(_LENGTH.fullmatch(inner)) or _counts(subject, worth.chain)
        constant = None if worth.problems else worth.constant
        return _Measure(worth.type, constant, worth.chain, counts)
    if test.measure == "sql" and not sql_file(text):
        if (found := _LITERAL.fullmatch(text)) and not has_markers(text):
            number, string = found.groups()
            value = string if number is None else float(number) if "." in number else int(number)
            return _Measure(constant=(value,))
        return _Measure(counts=bool(_COUNT.match(text)) and not _NOT_JUST_A_COUNT.search(text))
    return _Measure()


def _counts(subject: Subject, chain: str | None) -> bool:
    match (chain or "").split("."):
        case ["outputs", name, "rows"] if name in subject.recipe.nodes:
            return subject.recipe.nodes[name].action == "sql"
        case ["tests", _, _]:
            return True
    return False


def _cannot_fail(subject: Subject, node: Node, test: Test, measure: _Measure) -> str | None:
    if test.rule == "matches" and _fits_everything(str(test.limit)):
        return f"`{test.limit}` matches everything"
    if measure.constant and _is_literal(test) and rules.holds(test.rule, measure.constant[0], test.limit):
        return f"it always measures `{rules.shown(measure.constant[0])}`"
    if measure.counts and _admits_all_counts(test.rule, test.limit):
        return "a count is never below 0"
    same = test.rule in ("equals", "at_least", "at_most") and _is_itself(subject, test, measure)
    if same:
        return "it compares a value with itself"
    if test.rule == "not_equals" and (unlike := _unlike(subject, test, measure)):
        return unlike
    return None


def _cannot_pass(subject: Subject, test: Test, measure: _Measure) -> str | None:
    if measure.constant and _is_literal(test):
        if not rules.holds(test.rule, measure.constant[0], test.limit):
            return f"it always measures `{rules.shown(measure.constant[0])}`"
        return None
    if test.rule in ("not_equals", "above", "below") and _is_itself(subject, test, measure):
        return "it compares a value with itself"
    return _unlike(subject, test, measure)


def _is_literal(test: Test) -> bool:
    limits = test.limit if isinstance(test.limit, (tuple, list)) else (test.limit,)
    return test.rule != "control" and not any(
        isinstance(limit, str) and has_markers(limit) for limit in limits
    )


def _is_itself(subject: Subject, test: Test, measure: _Measure) -> bool:
    if measure.chain is None or not isinstance(test.limit, str) or not has_markers(test.limit):
        return False
    return subject.worth(test.limit).chain == measure.chain


def _admits_all_counts(rule: str, limit: Any) -> bool:
    low, high = limit if rule == "between" else (limit, math.inf)
    if not all(isinstance(each, (int, float)) for each in (low, high)):
        return False
    match rule:
        case "at_least" | "between":
            return bool(low <= 0 and high == math.inf)
        case "above" | "not_equals":
            return bool(low < 0)
    return False


def _fits_everything(pattern: str) -> bool:
    try:
        return all(re.search(pattern, probe) for probe in _PROBES)
    except re.error:
        return False  # told where the shape of the file is looked at


def _unlike(subject: Subject, test: Test, measure: _Measure) -> str | None:
    """How the measure and its limit are of types that never compare."""
    if measure.type is None or test.rule not in (*_ORDERS, "equals", "not_equals"):
        return None
    for limit in test.limit if test.rule == "between" else (test.limit,):
        kind = subject.type_of_value(limit)
        if kind is not None and _family(kind) != _family(measure.type):
            return f"it holds {with_article(measure.type)} against {with_article(kind)}"
    return None


def _family(kind: str) -> str:
    """What compares with each other in a rule, where dates are text."""
    if kind in ("integer", "float", "boolean"):
        return "number"
    return "text" if kind in ("string", "date", "datetime", "time") else kind

"""From a node's measured values to the records of its tests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kitchens_engine.errors import KitchensError
from kitchens_engine.outcome import Status, TestRecord
from kitchens_engine.recipe import Node, OnFailure, Test
from kitchens_engine.state.scope import Scope
from kitchens_engine.testing import rules
from kitchens_engine.tuples import NamedTuple
from kitchens_engine.values import json_safe

#: What is recorded of a measured value, and what is said of it, in letters; it is judged by all of it.
_RECORDED, _SAID = 65_536, 200
_FAILED = {OnFailure.STOP: Status.FAILED, OnFailure.WARN: Status.WARNED, OnFailure.LOG: Status.LOGGED}


class Measured(NamedTuple):
    """What a measure gave: a JSON-safe value, or why there is none."""

    value: Any = None
    error: str | None = None


def measure_here(test: Test, node: Node, scope: Scope, outputs: Mapping[str, Any]) -> Measured:
    """The measures that need no process: `output` and `value`."""
    expression = str(test.expression)
    if test.measure == "output":
        if expression not in outputs:
            return Measured(error=f"the node has no output `{expression}`")
        return Measured(json_safe(outputs[expression]))
    try:
        return Measured(json_safe(scope.evaluate(node.name, expression)))
    except KitchensError as error:
        return Measured(error=error.message)


def judge(test: Test, measured: Measured, node: Node, scope: Scope) -> TestRecord:
    """Hold a value to its rule. `control` is recorded only: there are no charts yet."""
    try:
        literal = test.rule in ("matches", "control")
        limit = test.limit if literal else scope.render(node.name, test.limit)
        limits = rules.limits(test.rule, limit)
        if test.rule == "control":
            return _record(test, Status.LOGGED, measured, limits)
        held = measured.error is None and rules.holds(test.rule, measured.value, limit)
    except KitchensError as error:
        return _record(test, _FAILED[test.fail], Measured(measured.value, error.message), None)
    except (re.error, TypeError, ValueError) as error:
        message = f"`{test.rule}` cannot be judged: {error}"
        return _record(test, _FAILED[test.fail], Measured(measured.value, message), None)
    return _record(test, Status.PASSED if held else _FAILED[test.fail], measured, limits)


def judge_all(
    node: Node, scope: Scope, outputs: Mapping[str, Any], measured: Mapping[int, Measured]
) -> tuple[TestRecord, ...]:
    """The node's tests in their order. `measured` holds what processes measured, by place."""
    return tuple(
        judge(test, measured.get(number) or measure_here(test, node, scope, outputs), node, scope)
        for number, test in enumerate(node.tests)
    )


def shortened(test: TestRecord) -> TestRecord:
    """A test as it is recorded: of a value that is no measure but a text without end, the beginning."""
    value = test.value
    if isinstance(value, (str, list, dict)) and len(text := rules.shown(value)) > _RECORDED:
        value = _beginning(text, _RECORDED)
    message = None if test.message is None else _beginning(test.message, _RECORDED)
    return test._replace(value=value, message=message)


def verdict(
    tests: Sequence[TestRecord], inside: tuple[Status, str | None] = (Status.PASSED, None)
) -> tuple[Status, str | None]:
    """The status of a node whose work passed, and why: its first red test, or the first that warned.

    `inside` is what the nodes inside it came to, if it has any.
    """
    for status in (Status.FAILED, Status.WARNED):
        for test in tests:
            if test.status is status:
                return status, _why(test)
    return inside


def blocked(node: Node, tests: Sequence[TestRecord]) -> frozenset[str] | None:
    """The only nodes that the failed tests keep from running; None when one of them blocks all that need the node."""
    failed = [test for test, record in zip(node.tests, tests, strict=True) if record.status is Status.FAILED]
    if any(test.blocks is None for test in failed):
        return None
    return frozenset(name for test in failed for name in test.blocks or ())


def _why(test: TestRecord) -> str:
    if test.message:
        return f"test `{test.name}`: {_beginning(test.message, _SAID)}"
    return f"test `{test.name}`: {_beginning(rules.shown(test.value), _SAID)}, limit: {test.limits}"


def _beginning(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def _record(test: Test, status: Status, measured: Measured, limits: Any) -> TestRecord:
    return TestRecord(test.name, status, measured.value, limits, str(test.fail), measured.error)

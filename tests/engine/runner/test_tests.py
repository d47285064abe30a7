"""Tests on nodes: measures, rules, and what a failing one does."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from kitchens_engine.testing import rules

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench


@pytest.mark.parametrize(
    ("rule", "limit", "good", "bad"),
    [
        ("equals", 0, [0, 0.0], [1, None, "0"]),
        ("equals", "x", ["x"], ["X", 1]),
        ("equals", True, [True], [False]),
        ("equals", date(2013, 1, 1), ["2013-01-01"], ["2013-01-02"]),
        ("not_equals", 0, [1, "0"], [0, None]),
        ("above", 5, [5.01, 6], [5, 4, None, "6"]),
        ("below", 5, [4.99], [5, 6, None]),
        ("at_least", 5, [5, 6], [4.99, None]),
        ("at_most", 5, [5, 4], [5.01, None, float("nan")]),
        ("at_least", date(2013, 1, 1), ["2013-01-01", "2013-02-01"], ["2012-12-31", 2013]),
        ("between", (1, 5), [1, 3, 5], [0.99, 5.01, None, "3"]),
        (
            "at_least",
            datetime(2020, 1, 2, tzinfo=UTC),
            ["2020-01-02T00:00:00", "2020-01-02T01:00:00+01:00"],
            ["2020-01-02T00:30:00+01:00"],
        ),
        (
            "equals",
            "2020-01-02T00:00:00Z",
            ["2020-01-02T00:00:00.000+00:00", "2020-01-02T02:00:00+02:00"],
            ["x"],
        ),
        ("above", date(2020, 1, 2), ["2020-01-02T00:00:00.5", "2020-01-03"], ["2020-01-02T00:00:00"]),
        ("at_most", "2020-01-02T00:00:60Z", ["2020-01-02T00:00:60Z"], ["2020-01-03T00:00:00Z"]),
        ("matches", "^[A-Z]{2}$", ["AA"], ["A", "AAA", None]),
        ("matches", "1", [12], [20]),
    ],
)
def test_rules(rule: str, limit: Any, good: list[Any], bad: list[Any]) -> None:
    """`between` includes both ends, `above` and `below` are strict, nothing measured never holds."""
    assert all(rules.holds(rule, value, limit) for value in good)
    assert not any(rules.holds(rule, value, limit) for value in bad)


def test_limits_read_as_words() -> None:
    """As they are shown beside the value."""
    assert rules.limits("at_most", 0.25) == "at most 0.25"
    assert rules.limits("between", (1, date(2013, 1, 1))) == "between 1 and 2013-01-01"
    assert rules.limits("equals", False) == "equals false"
    assert rules.limits("equals", ["ä", True]) == 'equals ["ä", true]'
    assert rules.limits("control", True) is None


def test_every_measure_reaches_its_rule(bench: Bench) -> None:
    """SQL on the node's connection, an output, an expression, a command."""
    bench.recipe("""
        [variables]
        most = 5
        [nodes.n]
        sql = "create table t as select range as x from range(5); select count(*) as total from t"
        [[nodes.n.tests]]
        name = "sql"
        sql = "select max(x) from t"
        equals = 4
        [[nodes.n.tests]]
        name = "sql that sees the outputs"
        sql = "select {{ outputs.n.total }} + count(*) from t"
        equals = 10
        [[nodes.n.tests]]
        name = "output"
        output = "total"
        at_most = "{{ variables.most }}"
        [[nodes.n.tests]]
        name = "value"
        value = "outputs.n.total * 2"
        above = 9
        [[nodes.n.tests]]
        name = "run"
        run = "echo not the value >&2; echo 12"
        between = [12, 13]
        [[nodes.n.tests]]
        name = "argv"
        run = ["printf", "AA"]
        matches = "^A+$"
    """)

    node = bench.nodes(bench.run())["n"]

    assert {test.name: (str(test.status), test.value) for test in node.tests} == {
        "sql": ("passed", 4),
        "sql that sees the outputs": ("passed", 10),
        "output": ("passed", 5),
        "value": ("passed", 10),
        "run": ("passed", 12),
        "argv": ("passed", "AA"),
    }
    assert "not the value" in bench.log(node)
    assert node.tests[2].limits == "at most 5"


@pytest.mark.parametrize(
    "measure",
    [
        'sql = "select null"',
        'sql = "select 1 where false"',
        'sql = "select nonsense"',
        'output = "nothing"',
        'value = "outputs.n.nothing"',
        'run = "echo 1; exit 3"',
        'run = "true"',
    ],
)
def test_no_value_fails_whatever_the_rule(bench: Bench, measure: str) -> None:
    """NULL, no row, or an error."""
    bench.recipe(f"""
        [nodes.n]
        run = "true"
        [[nodes.n.tests]]
        {measure}
        not_equals = 5
    """)

    assert bench.run().status == "failed"


def test_a_command_that_fails_is_not_blamed_with_the_words_of_another(bench: Bench) -> None:
    """The node's log holds what all its processes said."""
    bench.recipe("""
        [nodes.n]
        run = "echo all is well"
        [[nodes.n.tests]]
        name = "t"
        run = "exit 3"
        equals = 0
    """)

    assert bench.nodes(bench.run())["n"].tests[0].message == "exit status 3"


def test_stop_fails_warn_warns_and_log_only_records(bench: Bench) -> None:
    """A stopped node stops what needs it; a warned one does not."""
    bench.recipe("""
        [nodes.logs]
        run = "echo x=1 >> $KITCHEN_OUTPUT"
        tests = [{ name = "t", output = "x", equals = 2, fail = "log" }]
        [nodes.warns]
        needs = ["logs"]
        run = "echo x=1 >> $KITCHEN_OUTPUT"
        tests = [{ name = "t", output = "x", equals = 2, fail = "warn" }]
        [nodes.stops]
        needs = ["warns"]
        run = "echo x=1 >> $KITCHEN_OUTPUT"
        tests = [{ name = "t", output = "x", equals = 2 }]
        [nodes.after]
        needs = ["stops"]
        run = "true"
    """)

    record = bench.run()
    nodes = bench.nodes(record)

    assert bench.statuses(record) == {
        "logs": "passed",
        "warns": "warned",
        "stops": "failed",
        "after": "skipped",
    }
    assert [str(nodes[name].tests[0].status) for name in ("logs", "warns", "stops")] == [
        "logged",
        "warned",
        "failed",
    ]
    assert nodes["stops"].why == "test `t`: 1, limit: equals 2"
    assert nodes["stops"].outputs == {"x": 1}
    assert record.measures() == {"logs: t": 1, "warns: t": 1, "stops: t": 1}


def test_a_warning_is_the_runs_status(bench: Bench) -> None:
    """Done, and worth a look."""
    bench.recipe("""
        [nodes.n]
        run = "true"
        tests = [{ value = "1", equals = 2, fail = "warn" }]
    """)

    assert bench.run().status == "warned"


def test_control_is_recorded_and_not_judged(bench: Bench) -> None:
    """There are no charts yet."""
    bench.recipe("""
        [nodes.n]
        run = "true"
        tests = [{ name = "late", value = "0.3", control = true }]
    """)

    record = bench.run()

    assert record.status == "passed"
    assert [(str(test.status), test.value) for test in bench.nodes(record)["n"].tests] == [("logged", 0.3)]


def test_tests_do_not_run_when_the_work_failed(bench: Bench) -> None:
    """There is nothing to measure."""
    bench.recipe("""
        [nodes.n]
        run = "false"
        tests = [{ value = "1", equals = 1 }]
    """)

    assert bench.nodes(bench.run())["n"].tests == ()

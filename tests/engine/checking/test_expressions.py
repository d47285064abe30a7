"""Comparisons that cannot work, and conditions that never change."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kitchens_engine.errors import Fault

Said = Callable[..., list[str]]
Inspected = Callable[..., list[Fault]]

RECIPE = """\
[variables]
year = 2013
share = 0.5
name = "x"
on = true
day = 2013-01-01
list = [1]
deep = {{ inner = 1 }}
empty = {{}}
[nodes.a]
run = "x"
outputs = {{ rows = "integer", label = "string", files = "list", some = "any", day = "date" }}
[nodes.s]
sql = "select 1"
[nodes.f]
run = "x"
each = "variables.list"
outputs = {{ rows = "integer" }}
[nodes.b]
needs = ["a", "s", "f"]
noop = true
when = '''{}'''
[[nodes.a.tests]]
output = "rows"
above = 0
"""


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("variables.year > '2013'", "`variables.year` is an integer and `\"2013\"` is a string: they do not compare"),
        ("'a' <= variables.deep.inner", "`\"a\"` is a string and `variables.deep.inner` is an integer: they do not compare"),
        ("variables.name < variables.share", "`variables.name` is a string and `variables.share` is a float: they do not compare"),
        ("outputs.a.rows > outputs.a.label", "`outputs.a.rows` is an integer and `outputs.a.label` is a string: they do not compare"),
        ("outputs.s.rows >= 'x'", "`outputs.s.rows` is an integer and `\"x\"` is a string: they do not compare"),
        ("tests.a.warned > '0'", "`tests.a.warned` is an integer and `\"0\"` is a string: they do not compare"),
        ("variables.day > '2013-01-01'", "`variables.day` is a date and `\"2013-01-01\"` is a string: they do not compare"),
        ("outputs.a.files > 1", "`outputs.a.files` is a list and `1` is an integer: they do not compare"),
        ("outputs.a.files | length > 'x'", "`outputs.a.files | length` is an integer and `\"x\"` is a string: they do not compare"),
        ("kitchen.name > 1 or true", "`kitchen.name` is a string and `1` is an integer: they do not compare"),
        ("variables.year + variables.name > 1", "`variables.year` is an integer and `variables.name` is a string: `+` does not work between them"),
        ("variables.year | length > 1", "`variables.year` is an integer, which has no length"),
        ("variables.year == '2013'", "`variables.year` is an integer and `\"2013\"` is a string: they are never equal"),
    ],
)  # fmt: skip
def test_unlike_things_do_not_compare(inspected: Inspected, when: str, message: str) -> None:
    """What is declared or has a default has a type; with an order the run would fail, an equality never holds."""
    (fault,) = inspected(RECIPE.format(when))
    assert (fault.line, fault.key, fault.message) == (22, "nodes.b.when", message)
    assert fault.severity == ("warning" if "equal" in message else "error")


@pytest.mark.parametrize(
    "when",
    [
        "variables.year > 2012.5 and variables.on == 1",
        "variables.name == 'x' or variables.name in ['a', 1]",
        "outputs.a.some > 'x' and outputs.a.some > 1",
        "outputs.s.anything > 'x'",
        "outputs.f.rows[0] > 'x'",
        "outputs.a.day > '2013-01-01'",
        "variables.empty.key > 1",
        "variables.list[0] > 1",
        "variables.name * 2 == 'xx'",
        "(variables.name | int) > 1",
        "variables.name ~ variables.year == 'x2013'",
        "variation == none or variation == 'test'",
        "variables.year is defined and outputs.a.files",
    ],
)
def test_what_may_work_is_no_fault(said: Said, when: str) -> None:
    """Numbers compare with numbers; what only a run knows may be anything."""
    assert said(RECIPE.format(when)) == []


def test_text_that_is_a_number_is_what_was_meant(inspected: Inspected) -> None:
    """The hint says how to compare it."""
    hints = [
        fault.hint
        for when in ("variables.year > '2013'", "outputs.a.label > 3", "variables.name + 1 == 2")
        for fault in inspected(RECIPE.format(when))
    ]
    assert hints == [
        "did you mean `2013`?",
        "`outputs.a.label | int` makes a number of it",
        "`~` joins anything as text",
    ]


def test_templates_are_read_too(said: Said) -> None:
    """In commands, at their own line."""
    text = "[variables]\nname = 'x'\n[nodes.a]\nrun = '''true\necho {{ variables.name - 1 }}'''"
    assert said(text) == [
        "error 5: `variables.name` is a string and `1` is an integer: `-` does not work between them"
    ]


@pytest.mark.parametrize(
    ("when", "truth"),
    [
        ("1 > 2", False),
        ("true", True),
        ("not (1 == 1)", False),
        ("variables.year > 1 or 2 in [1, 2]", True),
        ("variables.on and 'a' == 'b'", False),
        ("{{ 2 * 3 == 6 }}", True),
    ],
)
def test_a_condition_that_never_changes_is_doubted(said: Said, when: str, truth: bool) -> None:
    """Whatever the names in it stand for."""
    expected = (
        "this condition is always true" if truth else "this condition is always false: node `b` never runs"
    )
    assert said(RECIPE.format(when)) == [f"warning 22: {expected}"]


@pytest.mark.parametrize(
    "when", ["variables.on", "variables.on and true", "9 ** 99999999 > 1", "'x' * 999999999"]
)
def test_a_condition_that_may_change_is_not(said: Said, when: str) -> None:
    """And nothing dear is computed to find out."""
    assert said(RECIPE.format(when)) == []


def test_nodes_behind_a_condition_that_is_never_met_are_named(said: Said) -> None:
    """Unless something else that they need runs, or they always do."""
    text = """\
    [nodes.off]
    noop = true
    when = false
    [nodes.behind]
    needs = ["off"]
    noop = true
    [nodes.further]
    needs = ["behind", "off"]
    noop = true
    [nodes.clean]
    needs = ["behind"]
    always = true
    noop = true
    [nodes.on]
    noop = true
    [nodes.joined]
    needs = ["off", "on"]
    noop = true
    """
    assert said(text) == [
        "warning 3: this condition is always false: node `off` never runs",
        "warning 5: node `behind` never runs, because nothing that it needs ever does",
        "warning 8: node `further` never runs, because nothing that it needs ever does",
    ]


FANNED = """\
[nodes.list]
run = "x"
outputs = {{ files = "list", count = "integer" }}
[nodes.f]
needs = ["list"]
each = "{each}"
run = "echo {{{{ each.index + 1 }}}}"
outputs = {{ rows = "integer" }}
tests = [{{ value = "outputs.f.rows > 1", equals = true }}]
[nodes.after]
needs = ["f"]
noop = true
when = "{when}"
"""


def test_others_see_lists_of_a_fanned_out_node(said: Said) -> None:
    """It sees its own outputs as each instance gives them."""
    assert said(FANNED.format(each="outputs.list.files", when="outputs.f.rows | sum > 1")) == []
    assert said(FANNED.format(each="outputs.list.files", when="outputs.f.rows > 1")) == [
        "error 13: `outputs.f.rows` is a list and `1` is an integer: they do not compare"
    ]


def test_each_goes_over_a_list(said: Said) -> None:
    """Where its type is known."""
    assert said(FANNED.format(each="outputs.list.count", when="tests.f.passed > 1")) == [
        "error 6: `each` goes over a list, and `outputs.list.count` is an integer"
    ]


def test_counts_of_tests_that_are_not_there_are_doubted(inspected: Callable[..., list[Fault]]) -> None:
    """Those inside a nested recipe are none of the node's own; of a node with a test nothing is said."""
    found = inspected(
        """\
        [nodes.plain]
        run = "x"
        [nodes.inside]
        recipe = "other"
        [nodes.tested]
        run = "x"
        outputs = { n = "integer" }
        [[nodes.tested.tests]]
        output = "n"
        equals = 1
        [nodes.last]
        needs = ["plain", "inside", "tested"]
        when = "tests.inside.warned == 0 and tests.tested.warned == 0"
        run = "echo {{ tests.plain.failed }}"
        """,
        {"recipes/other/recipe.toml": "[nodes.x]\nrun = 'x'\n"},
    )

    assert [(fault.severity, fault.line, fault.message, bool(fault.hint)) for fault in found] == [
        ("warning", 13, "`tests.inside.warned` is always 0: node `inside` has no tests", True),
        ("warning", 14, "`tests.plain.failed` is always 0: node `plain` has no tests", False),
    ]

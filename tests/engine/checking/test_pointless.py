"""Tests that can only pass, or only fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Said = Callable[..., list[str]]

RUN = "[variables]\nlist = [1]\nlow = 0\n[nodes.a]\nrun = 'x'\noutputs = {{ rows = 'integer', label = 'string' }}\n[[nodes.a.tests]]\nname = 't'\n{}"
SQL = "[nodes.a]\nsql = 'select 1'\n[[nodes.a.tests]]\nname = 't'\n{}"


@pytest.mark.parametrize(
    ("recipe", "test", "why"),
    [
        (RUN, "value = '{{ 1 }}'\nequals = 1", "it always measures `1`"),
        (RUN, "value = '2 > 1'\nequals = true", "it always measures `true`"),
        (RUN, "output = 'label'\nmatches = '.*'", "`.*` matches everything"),
        (RUN, "output = 'label'\nmatches = '^'", "`^` matches everything"),
        (RUN, "value = 'variables.list | length'\nat_least = 0", "a count is never below 0"),
        (RUN, "value = 'tests.a.passed'\nabove = -1", "a count is never below 0"),
        (RUN, "output = 'rows'\nequals = '{{ outputs.a.rows }}'", "it compares a value with itself"),
        (RUN, "value = 'outputs.a.rows'\nat_most = '{{ outputs.a.rows }}'", "it compares a value with itself"),
        (RUN, "output = 'rows'\nnot_equals = 'x'", "it holds an integer against a string"),
        (SQL, "sql = 'select count(*) from x where a = 1'\nat_least = 0", "a count is never below 0"),
        (SQL, "sql = 'SELECT count(distinct (a, b)) AS n FROM x'\nbetween = [0, inf]", "a count is never below 0"),
        (SQL, "output = 'rows'\nat_least = 0", "a count is never below 0"),
        (SQL, "sql = 'select 1'\nequals = 1", "it always measures `1`"),
    ],
)  # fmt: skip
def test_a_test_that_cannot_fail_is_doubted(said: Said, recipe: str, test: str, why: str) -> None:
    """It guards nothing: a warning at its rule."""
    found = [line for line in said(recipe.format(test)) if "`t`" in line]
    assert len(found) == 1
    assert found[0].startswith("warning")
    assert found[0].endswith(f"test `t` cannot fail: {why}")


@pytest.mark.parametrize(
    ("test", "why"),
    [
        ("output = 'rows'\nabove = 'x'", "it holds an integer against a string"),
        ("output = 'rows'\nbetween = ['a', 'b']", "it holds an integer against a string"),
        ("output = 'label'\nequals = 1", "it holds a string against an integer"),
        ("output = 'rows'\nequals = '{{ run.id }}'", "it holds an integer against a string"),
        ("output = 'rows'\nabove = '{{ outputs.a.rows }}'", "it compares a value with itself"),
        ("value = '1'\nequals = 2", "it always measures `1`"),
    ],
)
def test_a_test_that_cannot_pass_is_a_fault(said: Said, test: str, why: str) -> None:
    """It stops every run."""
    assert said(RUN.format(test))[0].split(": ", 1)[1] == f"test `t` cannot pass: {why}"


@pytest.mark.parametrize(
    ("recipe", "test"),
    [
        (RUN, "output = 'rows'\nat_least = 0"),
        (RUN, "output = 'rows'\nabove = 0.5"),
        (RUN, "output = 'rows'\nequals = '{{ variables.low }}'"),
        (RUN, "output = 'label'\nmatches = '^[a-z]*$'"),
        (RUN, "output = 'label'\nabove = 2013-01-01"),
        (RUN, "value = 'variables.low'\nequals = 0"),
        (RUN, "value = 'outputs.a.rows - outputs.a.rows'\nequals = 0"),
        (SQL, "sql = 'select count(*) from x'\nabove = 0"),
        (SQL, "sql = 'select count(*) - 3 from x'\nat_least = 0"),
        (SQL, "sql = 'select count(*) from x group by a'\nat_least = 0"),
        (SQL, "sql = 'select count(*) from x having count(*) > 3'\nat_least = 0"),
        (SQL, "sql = 'select min(a) from x'\nat_least = 0"),
        (SQL, "output = 'anything'\nabove = 'x'"),
    ],
)
def test_a_test_that_may_do_either_is_sound(said: Said, recipe: str, test: str) -> None:
    """What depends on data, variables or other values is left alone."""
    assert said(recipe.format(test)) == []


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("test_a.py", "def helper():\n    pass\n", "warning 1: there is no test in this file: pytest looks for functions called `test…`"),
        ("test_a.py", "\n\ndef test_(:\n", "warning 3: Python {} cannot read this file: invalid syntax"),
        ("checks.py", "def test_a():\n    pass\n", "warning 1: `recipes/r/tests` has no file that pytest looks into: their names are `test_*.py` or `*_test.py`"),
        ("test_a.py", "\x00", "warning 1: Python {} cannot read this file: source code string cannot contain null bytes"),
    ],
)  # fmt: skip
def test_functional_tests_in_which_there_is_no_test_are_doubted(
    said: Said, file: str, content: str, message: str
) -> None:
    """pytest would find nothing, and the run would pass."""
    import sys

    version = ".".join(str(part) for part in sys.version_info[:2])
    (found,) = said("[nodes.a]\nnoop = true", {f"recipes/r/tests/{file}": content})
    assert found == message.format(version) or "null bytes" in message


@pytest.mark.parametrize(
    "content",
    [
        "async def test_a(): pass",
        "class TestA:\n    def test_b(self): pass",
        "import unittest\nclass A(unittest.TestCase):\n    def runTest(self): pass",
        "from shared import test_all",
        "from shared import *",
        "'\\d'\ndef test(): pass",
    ],
)
def test_tests_in_any_of_their_forms_are_seen(said: Said, content: str) -> None:
    """Functions, methods, classes and imports."""
    files = {"recipes/r/tests/test_a.py": content, "recipes/r/tests/conftest.py": ""}
    assert said("[nodes.a]\nnoop = true", files) == []

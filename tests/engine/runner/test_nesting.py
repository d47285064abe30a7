"""Recipes and ingredients as nodes."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kitchens_engine.errors import InvalidInput

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench


def test_a_nested_recipe_has_its_own_variables_and_the_same_data(bench: Bench) -> None:
    """The node's over the kitchen's settings over the variation over its own."""
    bench.recipe(
        """
        [variables]
        own = 1
        varied = 1
        set = 1
        given = 1
        [variations.daily]
        variables = { varied = 2, set = 2, given = 2 }
        [nodes.render]
        run = "cat $KITCHEN_VARIABLES > $KITCHEN_DATA/seen; echo $KITCHEN_RECIPE $KITCHEN_VARIATION $KITCHEN_NODE"
        """,
        "inner",
    )
    bench.recipe("""
        [nodes.first]
        run = "echo n=4 >> $KITCHEN_OUTPUT"
        [nodes.report]
        needs = ["first"]
        recipe = "inner"
        variation = "daily"
        variables = { given = "{{ outputs.first.n }}" }
    """)

    record = bench.run(settings={"set": 3, "given": 3, "other": 1})
    nodes = bench.nodes(record)

    assert bench.statuses(record) == {"first": "passed", "report": "passed", "report/render": "passed"}
    assert json.loads((bench.root / "data/seen").read_text()) == {"own": 1, "varied": 2, "set": 3, "given": 4}
    assert bench.log(nodes["report/render"]) == "inner daily report/render\n"
    assert [node["name"] for node in record.document()["nodes"][1]["nodes"]] == ["render"]


def test_a_nested_failure_is_the_nodes_failure(bench: Bench) -> None:
    """And what needs the node is skipped."""
    bench.recipe('[nodes.x]\nrun = "false"\n[nodes.y]\nneeds = ["x"]\nrun = "true"', "inner")
    bench.recipe('[nodes.n]\nrecipe = "inner"\n[nodes.after]\nneeds = ["n"]\nrun = "true"')

    record = bench.run()

    assert bench.statuses(record) == {
        "n": "failed",
        "n/x": "failed",
        "n/y": "skipped",
        "after": "skipped",
    }
    assert bench.nodes(record)["n"].why == "`x` failed"
    assert [node.path for node in record.failures()] == ["n/x"]


def test_a_nested_warning_is_the_nodes_warning(bench: Bench) -> None:
    """Tests on the node itself are judged after its recipe ended."""
    bench.recipe(
        '[nodes.x]\nsql = "create table t as select 1 as x"\ntests = [{ value = "1", equals = 2, fail = "warn" }]',
        "inner",
    )
    bench.recipe(
        '[nodes.n]\nrecipe = "inner"\ntests = [{ name = "rows", sql = "select count(*) from t", equals = 1 }]'
    )

    record = bench.run()

    assert bench.statuses(record) == {"n": "warned", "n/x": "warned"}
    assert [test.value for test in bench.nodes(record)["n"].tests] == [1]


def test_a_nested_recipe_is_tried_again_as_a_whole(bench: Bench) -> None:
    """Its record is that of the last try; logs of earlier ones stay."""
    bench.recipe(
        '[nodes.x]\nrun = "test -e $KITCHEN_DATA/again || { touch $KITCHEN_DATA/again; exit 1; }"', "inner"
    )
    bench.recipe('[nodes.n]\nrecipe = "inner"\nretries = 1')

    order = bench.order()
    record = bench.carry_out(order)

    assert bench.statuses(record) == {"n": "passed", "n/x": "passed"}
    assert [path.name for path in sorted((order.folder / "nodes/n").glob("x.*"))] == ["x.1", "x.2"]
    assert bench.records.run(order.run).document() == record.document()


def test_a_timeout_of_a_nested_recipe_ends_all_of_it(bench: Bench) -> None:
    """What runs is killed, what waits never starts."""
    bench.recipe('[nodes.x]\nrun = "sleep 60"\n[nodes.y]\nneeds = ["x"]\nrun = "true"', "inner")
    bench.recipe('[nodes.n]\nrecipe = "inner"\ntimeout = 0.2')

    record = bench.run()

    assert record.status == "failed"
    assert bench.statuses(record) == {"n": "failed", "n/x": "cancelled", "n/y": "cancelled"}
    assert bench.nodes(record)["n"].why == "timed out after 0.2 s"


def test_an_ingredient_is_a_node_with_typed_inputs_and_outputs(bench: Bench) -> None:
    """Inside, it sees its inputs; outside, one sees its outputs only."""
    bench.write(
        "ingredients/count/recipe.toml",
        """
        [inputs]
        table = { type = "string" }
        most = { type = "integer", default = 10 }
        [outputs]
        rows = { type = "integer", value = "{{ outputs.count.n }}" }
        [nodes.count]
        sql = "select count(*) as n from {{ inputs.table }} where x < {{ inputs.most }}"
        """,
    )
    bench.recipe("""
        [nodes.made]
        sql = "create table t as select range as x from range(12)"
        [nodes.counted]
        needs = ["made"]
        ingredient = "count"
        inputs = { table = "t" }
        [nodes.after]
        needs = ["counted"]
        run = "echo {{ outputs.counted.rows }}"
    """)

    record = bench.run()
    nodes = bench.nodes(record)

    assert nodes["counted"].outputs == {"rows": 10}
    assert bench.log(nodes["after"]) == "10\n"
    assert nodes["counted/count"].status == "passed"


def test_an_input_of_a_wrong_type_fails_the_node(bench: Bench) -> None:
    """A template's value is known only when the node starts."""
    bench.write(
        "ingredients/i/recipe.toml",
        '[inputs]\nn = { type = "integer" }\n[nodes.x]\nrun = "echo {{ inputs.n }}"',
    )
    bench.recipe("""
        [nodes.a]
        run = "echo n=many >> $KITCHEN_OUTPUT"
        [nodes.i]
        needs = ["a"]
        ingredient = "i"
        inputs = { n = "{{ outputs.a.n }}" }
    """)

    why = bench.nodes(bench.run())["i"].why

    assert why == "node `i`: input `n` is an integer by its contract, and got a string: `many`"


def test_a_missing_input_is_refused(bench: Bench) -> None:
    """Before anything runs."""
    bench.write("ingredients/i/recipe.toml", '[inputs]\nn = { type = "integer" }\n[nodes.x]\nrun = "true"')
    bench.recipe('[nodes.i]\ningredient = "i"')

    with pytest.raises(InvalidInput, match="node `i` lacks input `n` of ingredient `i`"):
        bench.run()


def test_functional_tests_run_at_the_end_of_a_whole_run(bench: Bench) -> None:
    """Those of nested recipes too; a red one fails the run, with both sides of its comparison."""
    bench.recipe('[nodes.x]\nrun = "true"', "inner")
    bench.write("recipes/inner/tests/test_inner.py", "def test_inner():\n    pass")
    bench.recipe("""
        [variables]
        most = 3
        [variations.part]
        nodes = ["made"]
        [nodes.made]
        sql = "create or replace table t as select range as x from range(5)"
        [nodes.n]
        recipe = "inner"
    """)
    bench.write("recipes/r/beside.py", "WORD = 1")
    bench.write(
        "recipes/r/tests/test_r.py",
        """
        import os
        import pytest
        import beside

        def test_environment(database, data, variables):
            assert str(data) == os.environ["KITCHEN_DATA"]
            assert os.environ["KITCHEN_DATABASE"] == str(data / "kitchen.duckdb")
            assert database.execute("select count(*) from t").fetchone() == (5,)

        def test_most(database, variables):
            assert database.execute("select max(x) from t").fetchone()[0] <= variables["most"], "too many\\nreally"

        def test_raises():
            raise KeyError("carrier")

        @pytest.mark.skip(reason="not today")
        def test_skipped(): ...

        @pytest.mark.parametrize("n", [1, 2])
        def test_each(n):
            assert n
        """,
    )

    record = bench.run()
    tests = {test.name: test for test in record.tests}

    assert record.status == "failed"
    assert {name: str(test.status) for name, test in tests.items()} == {
        "tests/test_r.py::test_environment": "passed",
        "tests/test_r.py::test_most": "failed",
        "tests/test_r.py::test_raises": "failed",
        "tests/test_r.py::test_skipped": "logged",
        "tests/test_r.py::test_each[1]": "passed",
        "tests/test_r.py::test_each[2]": "passed",
        "tests/test_inner.py::test_inner": "passed",
    }
    most = tests["tests/test_r.py::test_most"]
    assert (most.value, most.limits, most.message) == (4, "at most 3", "too many")
    assert tests["tests/test_r.py::test_raises"].message == "KeyError: 'carrier'"
    assert most.log is not None
    assert "really" in Path(most.log).read_text()
    assert tests["tests/test_inner.py::test_inner"].recipe == "inner"
    assert bench.records.run(record.run).document() == record.document()
    assert not list((bench.root / "cookbook").rglob("__pycache__"))

    assert bench.run(variation="part").tests == ()
    assert bench.run(nodes=("n",)).tests == ()


def test_functional_tests_meet_no_warnings_of_ours(bench: Bench) -> None:
    """Who makes warnings errors is not stopped by what gives them the data."""
    bench.recipe('[nodes.n]\nsql = "create table t as select 1"')
    bench.write(
        "recipes/r/tests/test_r.py",
        """
        import pytest

        pytestmark = pytest.mark.filterwarnings("error")

        def test_strict(database, data, variables):
            pass
        """,
    )

    record = bench.run()

    assert [(str(test.status), test.message) for test in record.tests] == [("passed", None)]
    log = record.tests[0].log
    assert log is not None
    assert "warning" not in Path(log).read_text()


def test_a_functional_test_that_asks_for_what_is_not_there_names_it(bench: Bench) -> None:
    """Such as `data_base`."""
    bench.recipe('[nodes.n]\nrun = "true"')
    bench.write("recipes/r/tests/test_r.py", "def test_x(data_base): pass")

    record = bench.run()

    assert [test.message for test in record.tests] == ["there is no fixture `data_base`"]


def test_functional_tests_wait_for_a_run_without_failures(bench: Bench) -> None:
    """After a failed node they would only repeat it."""
    bench.recipe('[nodes.n]\nrun = "false"')
    bench.write("recipes/r/tests/test_r.py", "def test_x(): assert False")

    assert bench.run().tests == ()


def test_functional_tests_that_cannot_be_collected_are_red(bench: Bench) -> None:
    """With the file and the reason."""
    bench.recipe('[nodes.n]\nrun = "true"')
    bench.write("recipes/r/tests/test_r.py", "import no_such_module")

    record = bench.run()

    assert record.status == "failed"
    assert [(test.name, test.message) for test in record.tests] == [
        ("tests/test_r.py", "ModuleNotFoundError: No module named 'no_such_module'")
    ]


def test_recipes_lie_two_hundred_deep(bench: Bench) -> None:
    """Deeper than a path of the file system can say, and than Python calls; one tree all the same."""
    names = [f"quite-a-long-name-for-a-recipe-{n}" for n in range(200)]
    for around, inner in pairwise(names):
        bench.recipe(f'[nodes.{inner}]\nrecipe = "{inner}"', around)
    bench.recipe('[nodes.leaf]\nrun = "echo $KITCHEN_NODE"', names[-1])

    record = bench.run(names[0])

    (*_, leaf) = record.walk()
    assert (record.status, leaf.path) == ("passed", "/".join([*names[1:], "leaf"]))
    assert bench.log(leaf) == f"{leaf.path}\n"
    assert bench.records.run(record.run).document() == record.document()


def test_a_run_has_one_clock_however_deep(bench: Bench) -> None:
    """`run.started` is the same moment in every nested recipe, and dates are told from it."""
    line = "echo {{ run.started }} {{ run.started | date | start_of('month') }}"
    bench.recipe(f'[nodes.a]\nrun = "{line}"', "inner")
    bench.recipe(f'[nodes.first]\nrun = "sleep 0.01; {line}"\n[nodes.n]\nneeds = ["first"]\nrecipe = "inner"')

    nodes = bench.nodes(bench.run())

    assert bench.log(nodes["first"]) == bench.log(nodes["n/a"]) == "2026-01-02T03:04:05.000Z 2026-01-01\n"


def test_no_comparison_hides_the_tests_after_it(bench: Bench) -> None:
    """Whatever was compared: a value without end, half a letter, something that does not want to be shown."""
    bench.write(
        "recipes/r/tests/test_odd.py",
        """
        class Shy:
            def __str__(self):
                raise RuntimeError("no")

        def test_deep():
            value = []
            for _ in range(5000):
                value = [value]
            assert value == 1

        def test_shy():
            assert 1 in [Shy()]

        def test_half():
            assert "\\ud800" == "x"

        def test_last():
            pass
        """,
    ).recipe("[nodes.n]\nnoop = true")

    record = bench.run()

    assert [str(test.status) for test in record.tests] == ["failed", "failed", "failed", "passed"]

"""A node fanned out over a list that is known only at run time."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from kitchens_engine.ports import Event

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench

LIST = """
    [nodes.list]
    run = "echo 'files=[\\"a\\", \\"b c\\", \\"d\\"]' >> $KITCHEN_OUTPUT"
"""


def test_a_node_runs_once_for_each_item(bench: Bench) -> None:
    """Its instances are children with stable paths, and what they give is collected in order."""
    bench.recipe(
        LIST
        + """
        [nodes.clean]
        needs = ["list"]
        each = "outputs.list.files"
        run = "echo name={{ each.item }}-{{ each.index }} >> $KITCHEN_OUTPUT; echo $KITCHEN_NODE $KITCHEN_EACH_INDEX $KITCHEN_EACH_ITEM"
        [nodes.join]
        needs = ["clean"]
        run = "echo 'all={{ outputs.clean.name | join('+') }}' >> $KITCHEN_OUTPUT"
    """
    )

    record = bench.run()
    nodes = bench.nodes(record)

    assert bench.statuses(record) == dict.fromkeys(
        ("list", "clean", "clean[0]", "clean[1]", "clean[2]", "join"), "passed"
    )
    assert nodes["clean"].outputs == {"name": ["a-0", "b c-1", "d-2"]}
    assert nodes["join"].outputs == {"all": "a-0+b c-1+d-2"}
    assert bench.log(nodes["clean[1]"]) == "clean[1] 1 b c\n"
    assert bench.records.run(record.run).document() == record.document()


def test_an_empty_list_passes_with_empty_outputs(bench: Bench) -> None:
    """Declared outputs are there, so that what comes next can read them."""
    bench.recipe("""
        [variables]
        files = []
        [nodes.clean]
        each = "variables.files"
        run = "false"
        outputs = { rows = "integer" }
        [nodes.join]
        needs = ["clean"]
        run = "test {{ outputs.clean.rows | length }} = 0"
    """)

    record = bench.run()

    assert bench.statuses(record) == {"clean": "passed", "join": "passed"}
    assert bench.nodes(record)["clean"].outputs == {"rows": []}


@pytest.mark.parametrize(
    ("each", "why"),
    [
        ("variables.text", "`each`: `variables.text` is a string, not a list"),
        ("variables.table", "`each`: `variables.table` is a table, not a list"),
        ("(variables.text ~ '').nope", "`each`: there is no `nope` (in `(variables.text ~ '').nope`)"),
    ],
)
def test_what_is_no_list_fails_with_a_sentence(bench: Bench, each: str, why: str) -> None:
    """And nothing runs."""
    bench.recipe(f"""
        [variables]
        text = "abc"
        table = {{ a = 1 }}
        [nodes.clean]
        each = "{each}"
        run = "true"
    """)

    node = bench.nodes(bench.run())["clean"]

    assert (str(node.status), node.why) == ("failed", why)
    assert node.nodes == ()


def test_each_takes_a_list_and_a_lazy_filter(bench: Bench) -> None:
    """A list may hold templates; `select` and `map` give lists."""
    bench.recipe("""
        [variables]
        n = 3
        [nodes.literal]
        each = ["x", "{{ variables.n }}"]
        run = "echo item={{ each.item }} >> $KITCHEN_OUTPUT"
        [nodes.lazy]
        each = "[1, 2, 3, 4] | select('even') | map('string')"
        run = "echo item='\\"{{ each.item }}\\"' >> $KITCHEN_OUTPUT"
    """)

    nodes = bench.nodes(bench.run())

    assert nodes["literal"].outputs == {"item": ["x", 3]}
    assert nodes["lazy"].outputs == {"item": ["2", "4"]}


def test_tests_are_judged_for_each_instance_and_counted_together(bench: Bench) -> None:
    """An instance sees its own outputs; the node is the fold of its instances."""
    bench.recipe("""
        [nodes.clean]
        each = [1, 5, 9]
        run = "echo rows={{ each.item }} >> $KITCHEN_OUTPUT"
        [[nodes.clean.tests]]
        name = "few"
        value = "outputs.clean.rows * 2"
        at_most = "{{ each.item + 4 }}"
        fail = "warn"
        [nodes.after]
        needs = ["clean"]
        when = "tests.clean.passed == 1 and tests.clean.warned == 2"
        run = "true"
    """)

    record = bench.run()
    nodes = bench.nodes(record)

    assert bench.statuses(record) == {
        "clean": "warned",
        "clean[0]": "passed",
        "clean[1]": "warned",
        "clean[2]": "warned",
        "after": "passed",
    }
    assert nodes["clean"].why == "`clean[1]`, `clean[2]` warned"
    assert [test.value for test in nodes["clean[2]"].tests] == [18]


def test_a_failed_instance_fails_the_node_and_the_others_run(bench: Bench) -> None:
    """Null stands where it gave nothing; retries are each instance's own."""
    bench.recipe("""
        [nodes.clean]
        each = ["a", "b", "c"]
        retries = 1
        run = "test {{ each.item }} != b; echo x={{ each.item }} >> $KITCHEN_OUTPUT"
        [nodes.after]
        needs = ["clean"]
        run = "true"
    """)

    record = bench.run()
    nodes = bench.nodes(record)

    assert (nodes["clean"].why, nodes["clean"].attempts) == ("`clean[1]` failed: exit status 1", 1)
    assert nodes["clean"].outputs == {"x": ["a", None, "c"]}
    assert [nodes[f"clean[{index}]"].attempts for index in range(3)] == [1, 2, 1]
    assert nodes["after"].why == "`clean` failed"


def test_parallel_limits_how_many_items_are_under_way(bench: Bench) -> None:
    """Whatever the node is: here a recipe of two nodes."""
    bench.recipe('[nodes.x]\nrun = "true"\n[nodes.y]\nneeds = ["x"]\nrun = "true"', "inner")
    bench.recipe('[nodes.n]\neach = "range(12) | list"\nparallel = 2\nrecipe = "inner"')
    most, now = 0, set[str]()

    def watch(event: Event) -> None:
        nonlocal most
        if event.node and event.node.endswith("]"):
            (now.add if event.kind == "node-started" else now.discard)(event.node)
            most = max(most, len(now))

    bench.observe = watch
    record = bench.run(jobs=6)

    assert record.status == "passed"
    assert len(list(record.walk())) == 1 + 12 * 3
    assert most == 2


def test_a_nested_recipe_and_an_ingredient_are_fanned_out(bench: Bench) -> None:
    """Each instance has variables, inputs and files of its own."""
    bench.write(
        "ingredients/double/recipe.toml",
        """
        [inputs]
        n = { type = "integer" }
        [outputs]
        twice = { type = "integer", value = "{{ outputs.x.v * 2 }}" }
        [nodes.x]
        run = "echo v={{ inputs.n }} >> $KITCHEN_OUTPUT; cat $KITCHEN_INPUTS; echo $KITCHEN_NODE"
        """,
    )
    bench.recipe("""
        [nodes.n]
        each = [3, 4]
        ingredient = "double"
        inputs = { n = "{{ each.item }}" }
        [nodes.sum]
        needs = ["n"]
        run = "echo sum={{ outputs.n.twice | sum }} >> $KITCHEN_OUTPUT"
    """)

    record = bench.run()
    nodes = bench.nodes(record)

    assert nodes["sum"].outputs == {"sum": 14}
    assert bench.log(nodes["n[1]/x"]) == '{"n": 4}n[1]/x\n'
    assert bench.records.run(record.run).document() == record.document()


def test_sql_is_fanned_out(bench: Bench) -> None:
    """Its rows are a list."""
    bench.recipe("""
        [nodes.load]
        each = ["a", "b"]
        sql = "create table {{ each.item }} as select * from range({{ each.index + 1 }})"
        tests = [{ sql = "select count(*) from {{ each.item }}", equals = "{{ each.index + 1 }}" }]
    """)

    node = bench.nodes(bench.run())["load"]

    assert (str(node.status), node.outputs["rows"]) == ("passed", [1, 2])


def test_a_cancelled_fan_starts_no_more_of_its_items(bench: Bench) -> None:
    """Those that wait for a place are cancelled too."""
    bench.recipe('[nodes.n]\neach = "range(50) | list"\nparallel = 2\nrun = "sleep 60"')
    stop = threading.Event()
    bench.observe = lambda event: (
        stop.set() if event.kind == "node-started" and event.node == "n[1]" else None
    )

    record = bench.run(stop=stop)

    assert record.status == "cancelled"
    assert set(bench.statuses(record).values()) == {"cancelled"}
    assert len(record.nodes[0].nodes) == 50


def test_a_fan_inside_a_recipe_that_is_tried_again_leaves_no_old_items(bench: Bench) -> None:
    """The second list is shorter than the first; and what was inside a nested recipe is skipped now."""
    bench.recipe('[nodes.y]\nrun = "true"\ntests = [{ value = "1", equals = 1 }]', "innermost")
    bench.recipe(
        """
        [nodes.count]
        run = "test -e $KITCHEN_DATA/again && echo n=1 >> $KITCHEN_OUTPUT || echo n=3 >> $KITCHEN_OUTPUT"
        [nodes.n]
        needs = ["count"]
        each = "range(outputs.count.n) | list"
        run = "true"
        tests = [{ value = "1", equals = 1 }]
        [nodes.m]
        needs = ["count"]
        when = "outputs.count.n == 3"
        recipe = "innermost"
        [nodes.x]
        needs = ["n", "m"]
        run = "test -e $KITCHEN_DATA/again || { touch $KITCHEN_DATA/again; exit 1; }"
    """,
        "inner",
    )
    bench.recipe('[nodes.r]\nrecipe = "inner"\nretries = 1')

    record = bench.run()

    assert bench.statuses(record) == {
        "r": "passed",
        "r/count": "passed",
        "r/n": "passed",
        "r/n[0]": "passed",
        "r/m": "skipped",
        "r/x": "passed",
    }
    assert bench.records.run(record.run).document() == record.document()


def test_items_of_any_type_reach_the_process(bench: Bench) -> None:
    """Tables and lists as JSON."""
    bench.recipe("""
        [nodes.n]
        each = [{ a = 1 }, [1, 2], true]
        run = "printenv KITCHEN_EACH_ITEM"
    """)

    nodes = bench.nodes(bench.run())

    assert [json.loads(bench.log(nodes[f"n[{index}]"])) for index in range(3)] == [{"a": 1}, [1, 2], True]

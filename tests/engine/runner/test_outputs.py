"""What a node writes as its outputs, and what it declared."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench


@pytest.mark.parametrize(
    ("written", "declared", "why"),
    [
        ("", "integer", "node `n` gave no output `x`, which it declares as an integer"),
        ("x=many", "integer", "output `x` is an integer by its declaration, and got a string: `many`"),
        ("x=null", "float", "output `x` is a float by its declaration, and got null"),
        ("x=True", "boolean", "got a string: `True`; write `true` or `false`"),
        ("x=2026-02-30", "date", "got a string: `2026-02-30`; write it as in `2026-01-31`"),
    ],
)
def test_a_node_is_held_to_the_outputs_that_it_declares(
    bench: Bench, written: str, declared: str, why: str
) -> None:
    """The sentence names the node, the output, its declared type and what came instead; the node may try again."""
    bench.recipe(f"""
        [nodes.n]
        run = 'printf "{written}" > "$KITCHEN_OUTPUT"'
        outputs = {{ x = "{declared}" }}
        retries = 1
        [nodes.after]
        needs = ["n"]
        noop = true
    """)

    nodes = bench.nodes(bench.run())

    assert nodes["n"].status == "failed"
    assert why in (nodes["n"].why or "")
    assert nodes["n"].attempts == 2
    assert nodes["after"].status == "skipped"


def test_declared_outputs_of_the_right_type_pass(bench: Bench) -> None:
    """An integer will do for a float, a date is text, and declared text is kept as it was written."""
    bench.write(
        "recipes/r/given",
        """\
        f=1
        d=2026-01-31
        m=2026-01-31T06:30:00Z
        version=1.10
        s="1"
        a=null
        more=[1]
        """,
    ).recipe("""
        [nodes.n]
        run = 'cp given "$KITCHEN_OUTPUT"'
        outputs = { f = "float", d = "date", m = "datetime", version = "string", s = "string", a = "any" }
    """)

    node = bench.nodes(bench.run())["n"]

    assert node.status == "passed", node.why
    assert node.outputs == {
        "f": 1,
        "d": "2026-01-31",
        "m": "2026-01-31T06:30:00Z",
        "version": "1.10",
        "s": "1",
        "a": None,
        "more": [1],
    }


def test_outputs_that_nobody_could_write_down_are_text(bench: Bench) -> None:
    """No number too large, no nesting without end and no half of a letter stops the run, and lines end with a line feed only."""
    deep = "[" * 5000 + "]" * 5000
    bench.write("recipes/r/given", f'x=1e999\ndeep={deep}\nhalf="\\ud800"\nline=a\u2028b=1\r\n').recipe("""
        [nodes.n]
        run = 'cp given "$KITCHEN_OUTPUT"'
        [[nodes.n.tests]]
        name = "half"
        output = "half"
        equals = "whole"
        fail = "warn"
    """)

    node = bench.nodes(bench.run())["n"]

    assert node.status == "warned"
    assert node.outputs == {"x": "1e999", "deep": deep, "half": "\ufffd", "line": "a\u2028b=1"}


def test_a_date_goes_through_outputs_to_where_a_date_is_wanted(bench: Bench) -> None:
    """JSON has no dates: what a node wrote as text arrives as one, and an ingredient's is one still when a run is resumed."""
    bench.write(
        "ingredients/day/recipe.toml",
        """
        [inputs]
        day = { type = "date" }
        [outputs]
        day = { type = "date", value = "{{ inputs.day }}" }
        [nodes.w]
        noop = true
        """,
    ).recipe("[variables]\nday = 2020-01-01\n[nodes.w]\nnoop = true", "inner").recipe("""
        [nodes.n]
        run = 'echo day=2026-01-31 > "$KITCHEN_OUTPUT"'
        [nodes.first]
        needs = ["n"]
        ingredient = "day"
        inputs = { day = "{{ outputs.n.day }}" }
        [nodes.second]
        needs = ["first"]
        ingredient = "day"
        inputs = { day = "{{ outputs.first.day }}" }
        [nodes.nested]
        needs = ["n"]
        recipe = "inner"
        variables = { day = "{{ outputs.n.day }}" }
    """)

    record = bench.run()
    nodes = bench.nodes(bench.records.run(record.run))

    assert record.status == "passed", record.failures()
    assert nodes["first"].outputs == nodes["second"].outputs == {"day": date(2026, 1, 31)}
    assert nodes["second"].document()["outputs"] == {"day": "2026-01-31"}


def test_a_column_called_rows_is_what_its_author_means(bench: Bench) -> None:
    """`select count(*) as rows` counts; without one it is how many rows came back."""
    bench.recipe("""
        [nodes.counted]
        sql = "select count(*) as rows from range(7)"
        [nodes.returned]
        sql = "select 5 as n from range(3)"
    """)

    nodes = bench.nodes(bench.run())

    assert nodes["counted"].outputs == {"rows": 7}
    assert nodes["returned"].outputs == {"rows": 3, "n": 5}


def test_an_ingredient_is_held_to_what_its_node_declares(bench: Bench) -> None:
    """As any other node."""
    bench.write(
        "ingredients/one/recipe.toml",
        "[outputs]\nn = { type = 'integer', value = 1 }\n[nodes.w]\nnoop = true\n",
    ).recipe("""
        [nodes.n]
        ingredient = "one"
        outputs = { n = "list" }
    """)

    assert "output `n` is a list by its declaration, and got an integer: `1`" in (
        bench.nodes(bench.run())["n"].why or ""
    )


def test_an_ingredients_date_may_be_text(bench: Bench) -> None:
    """Nodes give dates as text, and whoever reads the output may want one."""
    bench.write(
        "ingredients/day/recipe.toml",
        """
        [outputs]
        day = { type = "date", value = "{{ outputs.w.day }}", at_least = 2024-01-01 }
        [nodes.w]
        run = "echo day={{ inputs.day }} >> $KITCHEN_OUTPUT"
        outputs = { day = "string" }
        [inputs]
        day = { type = "string", default = "2024-02-29" }
        """,
    ).recipe("""
        [nodes.good]
        ingredient = "day"
        [nodes.early]
        ingredient = "day"
        inputs = { day = "2023-02-28" }
        [nodes.none]
        ingredient = "day"
        inputs = { day = "2024-02-30" }
    """)

    nodes = bench.nodes(bench.run())

    assert (nodes["good"].status, nodes["good"].outputs) == ("passed", {"day": "2024-02-29"})
    assert "output `day` must be at least 2024-01-01" in (nodes["early"].why or "")
    assert nodes["none"].status == "failed"


@pytest.mark.parametrize("made", ["mkdir -p", "mkfifo", "ln -s /etc/passwd"])
def test_what_is_no_plain_file_gives_no_outputs(bench: Bench, made: str) -> None:
    """It is the node's own doing: the machine has not failed, and what is declared is missing."""
    bench.recipe(f"""
        [variables]
        token = "hunter2"
        [constraints.token]
        hidden = true
        [nodes.a]
        run = "rm -f $KITCHEN_OUTPUT $KITCHEN_VARIABLES; {made} $KITCHEN_OUTPUT; {made} $KITCHEN_VARIABLES"
        [nodes.b]
        needs = ["a"]
        run = "rm -f $KITCHEN_OUTPUT; {made} $KITCHEN_OUTPUT"
        outputs = {{ x = "integer" }}
    """)

    nodes = bench.nodes(bench.run())

    assert (nodes["a"].status, nodes["a"].outputs) == ("passed", {})
    assert nodes["b"].why == "node `b` gave no output `x`, which it declares as an integer"


def test_what_is_large_is_no_output(bench: Bench) -> None:
    """Who reads a record has it in his memory. What no system takes as an argument is said before it is tried."""
    bench.recipe("""
        [nodes.a]
        run = "printf 'v=x%0199999d' 0 > $KITCHEN_OUTPUT"
        [nodes.b]
        needs = ["a"]
        run = "echo {{ outputs.a.v }}"
        [nodes.c]
        needs = ["a"]
        run = "true"
        env = { BIG = "{{ outputs.a.v }}" }
        [nodes.d]
        run = "printf 'v=%017000000d' 0 > $KITCHEN_OUTPUT"
    """)

    nodes = bench.nodes(bench.run())

    assert (nodes["a"].status, len(nodes["a"].outputs["v"])) == ("passed", 200_000)
    large = "and a system takes 128 KiB at most; hand it on in a file of the data folder"
    assert nodes["b"].why == f"node `b`: its command has a word of 195 KiB, {large}"
    assert nodes["c"].why == f"node `c`: its environment has `BIG` of 195 KiB, {large}"
    assert nodes["d"].why == (
        "node `d` gave outputs of 16.2 MiB, and 16 MiB is the most; what is large belongs into the data folder"
    )


def test_of_a_measure_without_end_the_beginning_is_recorded(bench: Bench) -> None:
    """It is judged by all of it; what is said of it fits a line."""
    bench.recipe("""
        [nodes.a]
        run = "true"
        tests = [{ name = "long", run = "printf 'x%099999d' 0", matches = "^x0{99}$", fail = "warn" }]
    """)

    (node,) = bench.run().nodes

    assert node.why == f"test `long`: x{'0' * 199}… (100000 characters), limit: matches ^x0{{99}}$"
    assert node.tests[0].value == f"x{'0' * 65_535}… (100000 characters)"

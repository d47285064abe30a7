"""What warnings and failures inside a recipe are outside of it, and what of a run is never recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kitchens_engine.errors import InvalidInput

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench

WARNS = """
[nodes.soft]
run = "echo n=1 >> $KITCHEN_OUTPUT"
[[nodes.soft.tests]]
name = "none"
output = "n"
equals = 0
fail = "warn"
"""
FAILS = '[nodes.hard]\nrun = "false"\n[nodes.fine]\nrun = "true"\n'


@pytest.mark.parametrize(
    ("inner", "policy", "status", "why"),
    [
        (WARNS, "", "warned", "`soft` warned"),
        (WARNS, 'warnings = "ignore"', "passed", "`soft` warned inside, which is ignored by its policy"),
        (FAILS, "", "failed", "`hard` failed"),
        (FAILS, 'failures = "warn"', "warned", "`hard` failed inside, which counts as a warning by its policy"),
        (FAILS, 'failures = "ignore"', "passed", "`hard` failed inside, which is ignored by its policy"),
    ],
)  # fmt: skip
def test_a_policy_says_what_counts_outside(
    bench: Bench, inner: str, policy: str, status: str, why: str
) -> None:
    """The record of the node says what its policy passed over; the nodes inside keep their own status."""
    bench.recipe(f"[policy]\n{policy}\n{inner}", "inner")
    bench.recipe('[nodes.n]\nrecipe = "inner"\n[nodes.after]\nneeds = ["n"]\nrun = "true"')

    record = bench.run()
    node = bench.nodes(record)["n"]

    assert (node.status, node.why, record.status) == (status, why, status)
    assert bench.statuses(record)["after"] == ("skipped" if status == "failed" else "passed")


def test_the_policy_of_the_node_stands_over_that_of_the_recipe(bench: Bench) -> None:
    """Whoever uses a recipe knows best what it is worth there."""
    bench.recipe(f'[policy]\nfailures = "ignore"\n{FAILS}', "inner")
    bench.recipe('[nodes.n]\nrecipe = "inner"\npolicy = { failures = "count" }')

    assert bench.statuses(bench.run())["n"] == "failed"


def test_an_ingredient_whose_failure_is_ignored_gives_the_outputs_that_it_has(bench: Bench) -> None:
    """An output that a failed node would have given is not there."""
    bench.write(
        "ingredients/i/recipe.toml",
        """
        [policy]
        failures = "ignore"
        [outputs]
        here = { type = "integer", value = "{{ outputs.fine.n }}" }
        gone = { type = "integer", value = "{{ outputs.hard.n }}" }
        [nodes.fine]
        run = "echo n=1 >> $KITCHEN_OUTPUT"
        [nodes.hard]
        run = "false"
        """,
    )
    bench.recipe('[nodes.x]\ningredient = "i"')

    assert dict(bench.nodes(bench.run())["x"].outputs) == {"here": 1}


def test_a_hidden_variable_reaches_its_nodes_and_no_record(bench: Bench) -> None:
    """Neither the run's record nor anything that is left in its folder holds it, at any depth."""
    bench.write(
        "ingredients/i/recipe.toml",
        """
        [inputs]
        key = { type = "string", hidden = true }
        [nodes.deep]
        run = 'echo "deep {{ inputs.key }}"; grep -q t-4711 "$KITCHEN_INPUTS"'
        """,
    )
    bench.recipe("""
        [variables]
        token = ""
        [constraints.token]
        hidden = true
        [nodes.use]
        run = '''
            test {{ variables.token }} = t-4711 && grep -q t-4711 "$KITCHEN_VARIABLES"
            echo "it is {{ variables.token }}"
            echo "said={{ variables.token }}" >> $KITCHEN_OUTPUT
        '''
        [nodes.nested]
        ingredient = "i"
        inputs = { key = "{{ variables.token }}" }
        [nodes.wrong]
        run = "echo {{ variables.token }} >&2; exit 3"
    """)

    record = bench.run(overrides=("token=t-4711",))
    files = [path for path in Path(record.folder).rglob("*") if path.is_file()]

    assert bench.statuses(record) == {
        "use": "passed",
        "nested": "passed",
        "nested/deep": "passed",
        "wrong": "failed",
    }
    assert record.variables == {"token": "***"}
    assert json.loads(Path(record.folder, "variables.json").read_text()) == {"token": "***"}
    assert bench.log(bench.nodes(record)["use"]) == "it is ***\n"
    assert "t-4711" not in repr(record) and "t-4711" not in repr(bench.events)
    assert [path for path in files if b"4711" in path.read_bytes()] == []
    assert b"4711" not in (bench.root / "records.sqlite").read_bytes()


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ("n = 9", "node `x`: input `n` must be at most 5, not `9`, by the contract of `i`"),
        ("n = '{{ 9 }}'", "node `x`: input `n` must be at most 5, not `9`, by the contract of `i`"),
        ("n = 1\nfixed = 2", "node `x`: input `fixed` is locked by its contract: it cannot be given"),
    ],
)
def test_the_inputs_of_an_ingredient_are_held_to_its_contract(bench: Bench, inputs: str, why: str) -> None:
    """Also where only the run knows the value."""
    bench.write(
        "ingredients/i/recipe.toml",
        """
        [inputs]
        n = { type = "integer", at_most = 5 }
        fixed = { type = "integer", default = 1, locked = true }
        maybe = { type = "string", required = false }
        [nodes.a]
        run = "echo {{ inputs.n }} {{ inputs.maybe }}"
        """,
    )
    bench.recipe(f'[nodes.x]\ningredient = "i"\n[nodes.x.inputs]\n{inputs}')

    record = bench.run()

    assert bench.nodes(record)["x"].why == why


def test_a_node_that_breaks_a_constraint_of_its_recipe_fails_with_both_places(bench: Bench) -> None:
    """The value was known only in the run."""
    bench.recipe("[variables]\nn = 1\n[constraints.n]\nat_most = 3\n[nodes.a]\nrun = 'true'\n", "inner")
    bench.recipe("[nodes.x]\nrecipe = 'inner'\nvariables = { n = '{{ 2 + 2 }}' }\n")

    why = bench.nodes(bench.run())["x"].why

    assert why == "node `x`: variable `n` must be at most 3, not `4` (recipes/inner/recipe.toml:3)"


def test_a_required_variable_is_missed_before_anything_runs(bench: Bench) -> None:
    """In a nested recipe too: the node that runs it must give it, or a level above."""
    bench.recipe(
        "[constraints.c]\ntype = 'string'\nrequired = true\n[nodes.a]\nrun = 'echo {{ variables.c }}'\n"
    )

    with pytest.raises(InvalidInput, match="requires variable `c`"):
        bench.run()

"""What must hold of a variable at every level, and who is told when it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from kitchens_engine.errors import InvalidInput
from kitchens_engine.language.check import check
from kitchens_engine.language.shelf import Shelf
from kitchens_engine.recipe import Recipe
from kitchens_engine.variables.constraints import masked
from kitchens_engine.variables.resolve import resolve

Parse = Callable[..., Recipe]
Lines = Callable[..., list[str]]

RECIPE = """
[variables]
sample = 1.0
region = "eu"
carriers = ["AA"]
token = ""
schema = { raw = "raw", mart = "mart" }

[constraints.sample]
at_least = 0.001
at_most = 1
[constraints.region]
locked = true
[constraints.carriers]
choices = ["AA", "UA", "DL"]
[constraints.token]
hidden = true
matches = "^$|^t-"
[constraints."schema.raw"]
matches = "^raw"
[constraints.customer]
type = "string"
required = true

[variations.one]
variables = { customer = "acme" }
[nodes.a]
run = "echo {{ variables.customer }} {{ variables.schema.mart }}"
"""


@pytest.mark.parametrize(
    ("settings", "overrides", "message", "line"),
    [
        ({"sample": 2.0}, (), "the kitchen's settings do not fit recipe `r`: variable `sample` must be at most 1, not `2.0`", 9),
        ({}, ("sample=0",), "variable `sample` must be at least 0.001, not `0.0`, and `--set` gives it", 9),
        ({"region": "us"}, (), "the kitchen's settings do not fit recipe `r`: variable `region` is locked: no level may change it", 12),
        ({}, ('carriers=["AA", "XX"]',), "variable `carriers` must be one of `AA`, `UA`, `DL`, not `XX`, and `--set` gives it", 14),
        ({}, ("schema.raw=mine",), "variable `schema.raw` must match `^raw`, not `mine`, and `--set` gives it", 19),
        ({}, ("token=t-1",), "variable `token` cannot be hidden: what is shorter than 4 characters stands in every log by chance, and `--set` gives it", 16),
        ({}, ("token=secret",), "variable `token` must match `^$|^t-`, and `--set` gives it", 16),
    ],
)  # fmt: skip
def test_a_level_that_breaks_a_constraint_is_named(
    parse: Parse, settings: Mapping[str, Any], overrides: tuple[str, ...], message: str, line: int
) -> None:
    """With the constraint's file and line; the value of a hidden one is not repeated."""
    with pytest.raises(InvalidInput) as raised:
        resolve(parse(RECIPE), "one", settings, overrides)

    error = raised.value
    assert (error.message, error.file, error.line) == (message, "recipes/r/recipe.toml", line)


def test_variables_have_names_in_any_language(parse: Parse) -> None:
    """TOML wants quotes around them; constraints and `--set` do not."""
    text = '[variables]\n"länder" = {"größe" = 1}\n[constraints."länder.größe"]\nat_most = 2\n[nodes.a]\nnoop = true'
    assert resolve(parse(text), None, {}, ["länder.größe=2"]) == {"länder": {"größe": 2}}
    with pytest.raises(InvalidInput, match="must be at most 2"):
        resolve(parse(text), None, {}, ['"länder"."größe"=3'])


def test_a_required_variable_must_be_given_by_some_level(parse: Parse) -> None:
    """The recipe itself gives it no value."""
    recipe = parse(RECIPE)

    with pytest.raises(InvalidInput, match="requires variable `customer`, and no level gives it") as raised:
        resolve(recipe, None, {})

    assert raised.value.line == 21
    assert resolve(recipe, "one", {})["customer"] == "acme"
    assert resolve(recipe, None, {}, ["customer=17"])["customer"] == "17"


def test_a_locked_variable_may_be_given_as_it_is(parse: Parse) -> None:
    """What changes nothing is no change."""
    assert resolve(parse(RECIPE), "one", {"region": "eu"})["region"] == "eu"


def test_a_hidden_value_is_masked_where_variables_are_shown(parse: Parse) -> None:
    """And only there."""
    recipe = parse(RECIPE)
    variables = resolve(recipe, "one", {}, ["token=t-123"])

    assert variables["token"] == "t-123"
    assert masked(recipe, variables) == variables | {"token": "***"}


@pytest.mark.parametrize(
    ("constraint", "line"),
    [
        ("[constraints.yeer]\nlocked = true", "recipe.toml:5:1 [constraints.yeer] no variable `yeer` is declared"),
        ("[constraints.other]\nrequired = true", "recipe.toml:5:1 [constraints.other] variable `other` has no default, so it needs `required = true` and a `type` of its own"),
        ("[constraints.year]\ntype = \"string\"", "recipe.toml:3:1 [variables.year] variable `year` must be a string, not an integer `2013`"),
        ("[constraints.year]\nat_most = 2000", "recipe.toml:3:1 [variables.year] variable `year` must be at most 2000, not `2013`"),
        ("[constraints.year]\nat_most = \"x\"", "recipe.toml:6:1 [constraints.year.at_most] variable `year` is an integer, and `x` is a string"),
        ("[constraints.year]\nchoices = [2013, \"x\"]", "recipe.toml:6:18 [constraints.year.choices[1]] variable `year` is an integer, and `x` is a string"),
        ("[constraints.year]\nmatches = \"2\"", "recipe.toml:6:1 [constraints.year.matches] variable `year` is an integer; only text matches a pattern"),
        ("[constraints.year]\npattern = \"2\"", "recipe.toml:6:1 [constraints.year.pattern] unknown key `pattern` in `constraints.year`"),
        ("[constraints.year]\nlocked = true\nrequired = true", "recipe.toml:6:1 [constraints.year.locked] variable `year` must be given, and is locked, so nobody can"),
        ("[constraints.year]\nlocked = true\n[variations.v]\nvariables = { year = 1 }", "recipe.toml:8:15 [variations.v.variables.year] variable `year` is locked: no level may change it"),
        ("[constraints.\"a b\"]\nlocked = true", "recipe.toml:5:1 [constraints.\"a b\"] `constraints.\"a b\"`: `a b` names no variable; write `name`, or `\"table.name\"` in quotes"),
    ],
)  # fmt: skip
def test_constraints_that_make_no_sense_are_faults(lines: Lines, constraint: str, line: str) -> None:
    """So are the values of the same file that they do not admit: found offline, in their own lines."""
    found = lines(f'\n[variables]\nyear = 2013\n\n{constraint}\n[nodes.a]\nrun = "true"\n')

    assert line in found


def test_a_range_that_holds_nothing_is_a_fault(lines: Lines) -> None:
    """As is a default that stands outside of it."""
    text = "[inputs]\nn = { type = 'integer', at_least = 3, at_most = 2 }\n[nodes.a]\nrun = 'true'\n"

    assert lines(text, folder="ingredients/i") == [
        "recipe.toml:2:39 [inputs.n.at_most] input `n`: nothing is at least 3 and at most 2"
    ]


def test_a_table_is_replaced_on_request(parse: Parse) -> None:
    """`{ "=" = … }` stands for itself alone; names that it adds are its own, and known ones keep their type."""
    recipe = parse("""
        [variables]
        columns = { dep = "int", arr = "int" }
        [variations.slim]
        variables.columns."=" = { dep = "text", late = "bool" }
        [nodes.a]
        run = "true"
    """)

    assert resolve(recipe, "slim", {})["columns"] == {"dep": "text", "late": "bool"}
    assert resolve(recipe, "slim", {"columns": {"dep": "date"}})["columns"] == {"dep": "date", "late": "bool"}
    assert resolve(recipe, None, {}, ['columns={"="={ x = 1 }}'])["columns"] == {"x": 1}
    with pytest.raises(InvalidInput, match=r"variable `columns.dep` is a string, not an integer"):
        resolve(recipe, None, {}, ['columns={"="={ dep = 1 }}'])


def test_what_a_replacement_takes_away_is_missed_where_it_is_read(lines: Lines) -> None:
    """The templates of the recipe are held to every variation that replaces a table."""
    text = """
        [variables]
        schema = { raw = "raw", mart = "mart" }
        [variations.slim]
        variables.schema."=" = { raw = "r" }
        [nodes.a]
        run = "echo {{ variables.schema.raw }} {{ variables.schema.mart }}"
    """

    (line,) = lines(text)

    assert line.startswith("recipe.toml:7:") and line.endswith(
        "`variables.schema.mart` is not there in variation `slim`, which replaces the table around it"
    )


def test_a_nested_recipe_holds_its_constraints_against_the_node(
    shelf: Callable[[Mapping[str, str]], Shelf],
) -> None:
    """The fault stands at the node, and names the constraint's file and line."""
    found = check(
        shelf(
            {
                "recipes/inner/recipe.toml": "[variables]\nn = 1\n[constraints.n]\nat_most = 3\n[nodes.a]\nrun = 'true'\n",
                "recipes/outer/recipe.toml": "[nodes.x]\nrecipe = 'inner'\nvariables = { n = 4 }\n",
            }
        )
    )

    assert [(each.file, each.line, each.message, each.hint) for each in found] == [
        (
            "recipes/outer/recipe.toml",
            3,
            "variable `n` must be at most 3, not `4` in recipe `inner`",
            "constrained in recipes/inner/recipe.toml:3",
        )
    ]

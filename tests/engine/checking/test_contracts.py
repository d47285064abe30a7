"""Types of what recipes and ingredients hand each other."""

from __future__ import annotations

from collections.abc import Callable

Said = Callable[..., list[str]]

SCORING = """\
[inputs]
table = { type = "string", default = "x" }
limit = { type = "float", default = 1 }
[outputs]
rows = { type = "integer", value = "{{ outputs.a.rows }}" }
[nodes.a]
run = "x"
outputs = { rows = "integer" }
"""


def test_values_that_a_template_gives_are_held_to_their_types(said: Said) -> None:
    """Of an ingredient's inputs, and of a nested recipe's variables at any depth."""
    text = """\
    [variables]
    year = 2013
    [nodes.a]
    ingredient = "scoring"
    inputs = { table = "{{ variables.year }}", limit = "{{ variables.year }}" }
    [nodes.b]
    needs = ["a"]
    recipe = "report"
    variables = { rows = "{{ outputs.a.rows }}", deep = { name = "{{ outputs.a.rows }}" } }
    [nodes.c]
    recipe = "report"
    variables = { rows = "{{ variables.year }} rows", deep = { name = "{{ variables.year }}!" } }
    [nodes.d]
    needs = ["a"]
    noop = true
    when = "outputs.a.rows > 'x'"
    """
    report = "[variables]\nrows = 1\ndeep = { name = 'x' }\n[nodes.a]\nnoop = true"
    files = {"ingredients/scoring/recipe.toml": SCORING, "recipes/report/recipe.toml": report}
    assert said(text, files) == [
        "error 5: node `a` gives input `table` of ingredient `scoring` an integer (`{{ variables.year }}`), and it wants a string",
        "error 9: variable `name` is a string in recipe `report`, and `{{ outputs.a.rows }}` is an integer",
        "error 12: variable `rows` is an integer in recipe `report`, and `{{ variables.year }} rows` is a string",
        """error 16: `outputs.a.rows` is an integer and `"x"` is a string: they do not compare""",
    ]


def test_a_contract_keeps_its_own_types(said: Said) -> None:
    """Values of outputs, and what a node says of the ingredient's outputs."""
    scoring = SCORING.replace('type = "integer", value', 'type = "list", value')
    text = "[nodes.a]\ningredient = 'scoring'\noutputs = { rows = 'string', rosw = 'list' }"
    assert said(text, {"ingredients/scoring/recipe.toml": scoring}) == [
        "error 5: output `rows` is a list, and its value is an integer",
        "error 3: output `rows` of ingredient `scoring` is a list, not a string",
        "error 3: ingredient `scoring` has no output `rosw`",
    ]


def test_a_fault_in_one_file_hides_none_in_another(said: Said) -> None:
    """Nor one in another part of the same file."""
    scoring = SCORING.replace('run = "x"', 'rnu = "x"')
    text = "nope = 1\n[nodes.a]\ningredient = 'scoring'\ninputs = { tabel = 'x' }\n[nodes.b]\nsql = 'slect 1'\nneeds = 'a'"
    assert said(text, {"ingredients/scoring/recipe.toml": scoring}) == [
        "error 7: unknown key `rnu` in `nodes.a`",
        "error 1: unknown key `nope`",
        "error 4: ingredient `scoring` has no input `tabel`",
        'error 6: this SQL does not parse: syntax error at or near "slect"',
        "error 7: `nodes.b.needs` must be a list, not a string",
    ]


def test_outputs_of_a_node_that_gives_none_are_a_doubt(said: Said) -> None:
    """A `noop` has nowhere to write them."""
    assert said("[nodes.a]\nnoop = true\noutputs = { rows = 'integer' }") == [
        "warning 3: node `a` declares outputs, and a `noop` gives none"
    ]

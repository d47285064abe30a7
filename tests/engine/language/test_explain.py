"""What is explained is what a run sees."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kitchens_engine.language.load import parse_recipe
from kitchens_engine.recipe import Variation
from kitchens_engine.toml.document import Document, read_document
from kitchens_engine.variables.explain import explain
from kitchens_engine.variables.layers import leaves
from kitchens_engine.variables.resolve import layers_of, resolve
from tests.engine.files import Files

TEXT = b"""[variables]
a = 1
table = { b = 1, deep = { c = 1 } }
open = {}

[variations.v]
[nodes.n]
noop = true
"""

_numbers = st.integers(2, 9)
_deep = st.fixed_dictionaries({}, optional={"c": _numbers})
_table = st.fixed_dictionaries({}, optional={"b": _numbers, "deep": _deep | _deep.map(lambda it: {"=": it})})
_layers = st.fixed_dictionaries(
    {},
    optional={
        "a": _numbers,
        "table": _table | _table.map(lambda it: {"=": it}),
        "open": st.dictionaries(st.sampled_from("xy"), _numbers, max_size=2),
    },
)


@settings(deadline=None)
@given(_layers, _layers, st.booleans())
def test_the_winner_is_the_value_of_the_run(varied: dict[str, Any], kept: dict[str, Any], gate: bool) -> None:
    """For every variable, whatever the levels say; and each level's value is its own."""
    recipe, _ = parse_recipe("r", "recipes/r", TEXT, Files({}))
    document = read_document(TEXT, "recipes/r/recipe.toml")
    assert recipe is not None and isinstance(document, Document)
    recipe = recipe._replace(variations={"v": Variation("v", varied)})

    explained = list(explain(recipe, "v", layers_of(recipe, "v", kept, gate=gate), document))

    assert {one.keys: one.value for one in explained} == dict(leaves(resolve(recipe, "v", kept, gate=gate)))
    for one in explained:
        assert one.problem is None
        assert not one.levels or one.value in ({}, one.levels[-1].value)
        assert [said.level for said in one.levels if said.level == one.winner] == [one.winner]

"""Variables in layers, each of its default's type."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitchens_engine.errors import InvalidInput
from kitchens_engine.recipe import Recipe, Variation
from kitchens_engine.variables.layers import finished, found, leaves, merge
from kitchens_engine.variables.resolve import parse_assignment, resolve

DEFAULTS: dict[str, Any] = {
    "year": 2013,
    "sample": 1.0,
    "name": "flights",
    "full": False,
    "since": dt.date(2013, 1, 1),
    "carriers": ["AA"],
    "schema": {"raw": "raw", "mart": "mart"},
    "free": {},
}
RECIPE = Recipe(
    name="delays",
    folder="recipes/delays",
    variables=DEFAULTS,
    variations={
        "test": Variation("test", variables={"sample": 0.01, "schema": {"raw": "test"}}),
        "full": Variation("full"),
    },
)


def test_the_highest_layer_wins_and_tables_merge_deeply() -> None:
    """Overrides stand over settings, settings over the variation, the variation over the recipe."""
    resolved = resolve(RECIPE, "test", {"schema": {"mart": "mine"}, "year": 2014}, ["year=2015"])
    assert resolved == DEFAULTS | {"year": 2015, "sample": 0.01, "schema": {"raw": "test", "mart": "mine"}}


def test_in_a_gate_the_variation_stands_over_the_settings() -> None:
    """A gate runs under its own variation, whatever the target's settings say."""
    settings = {"sample": 0.5, "year": 2014}
    resolved = resolve(RECIPE, "test", settings, gate=True)
    assert (resolved["sample"], resolved["year"]) == (0.01, 2014)


def test_defaults_are_not_changed_by_what_is_done_with_the_result() -> None:
    """The result is the caller's own, down to its tables."""
    resolve(RECIPE, None, {})["schema"]["raw"] = "changed"
    assert DEFAULTS["schema"]["raw"] == "raw"


def test_settings_of_other_recipes_are_passed_over() -> None:
    """A kitchen's settings are for all its recipes; one that does not declare a name does not see it."""
    assert resolve(RECIPE, None, {"else": 1, "schema": {"else": 1}}) == DEFAULTS


@pytest.mark.parametrize(
    ("text", "keys", "value"),
    [
        ("year=2014", ("year",), 2014),
        ("year = 2014", ("year",), 2014),
        ("sample=1", ("sample",), 1.0),
        ("name=2013", ("name",), "2013"),
        ("name=true", ("name",), "true"),
        ('name="quoted"', ("name",), "quoted"),
        ("name=", ("name",), ""),
        ("name=a = b", ("name",), "a = b"),
        ('name=x"\nyear = 1', ("name",), 'x"\nyear = 1'),
        ("full=true", ("full",), True),
        ("since=2014-02-03", ("since",), dt.date(2014, 2, 3)),
        ('carriers=["UA", "DL"]', ("carriers",), ["UA", "DL"]),
        ("schema.raw=mine", ("schema", "raw"), "mine"),
        ('"schema".raw=mine', ("schema", "raw"), "mine"),
        ('schema={ raw = "mine" }', ("schema",), {"raw": "mine"}),
        ("free.anything.at=all", ("free", "anything", "at"), "all"),
    ],
)
def test_an_assignment_has_the_type_of_its_default(text: str, keys: tuple[str, ...], value: object) -> None:
    """V is a TOML value, else a string; where the default is a string it stays one."""
    assert parse_assignment(text, DEFAULTS) == (keys, value)
    assert type(parse_assignment(text, DEFAULTS)[1]) is type(value)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("yaer=2014", "no variable `yaer` is declared", "did you mean `year`?"),
        ("schema.rwa=x", "no variable `schema.rwa` is declared", "did you mean `raw`?"),
        ("year=soon", "variable `year` is an integer, not a string (`soon`)", None),
        ("year=1.5", "variable `year` is an integer, not a float (`1.5`)", None),
        ("year=true", "variable `year` is an integer, not a boolean (`true`)", None),
        ("full=yes", "variable `full` is a boolean, not a string (`yes`)", None),
        (
            "since=2014-01-01 10:00:00",
            "variable `since` is a date, not a datetime (`2014-01-01 10:00:00`)",
            None,
        ),
        ("schema=x", "variable `schema` is a table, not a string (`x`)", None),
        ("year.x=1", "variable `year` is an integer, not a table (`{'x': 1}`)", None),
        ("year", "`year` assigns nothing", "write `name=value`, or `table.name=value`"),
        ("=1", "`=1` assigns nothing", "write `name=value`, or `table.name=value`"),
        (r'"\q"=1', r'`"\q"=1` assigns nothing', "write `name=value`, or `table.name=value`"),
        ("a..b=1", "`a..b=1` assigns nothing", "write `name=value`, or `table.name=value`"),
    ],
)
def test_a_wrong_assignment_is_one_sentence(text: str, message: str, hint: str | None) -> None:
    """Unknown names and wrong types say what was expected, with the nearest spelling."""
    with pytest.raises(InvalidInput) as raised:
        resolve(RECIPE, None, {}, [text])
    assert (raised.value.message, raised.value.hints) == (message, (hint,) if hint else ())


def test_an_unknown_variation_names_the_nearest() -> None:
    """So does an unknown variation."""
    with pytest.raises(InvalidInput, match="no variation `tset`") as raised:
        resolve(RECIPE, "tset", {})
    assert raised.value.hints == ("did you mean `test`?",)


def test_settings_of_a_wrong_type_are_refused() -> None:
    """A setting is held to the type of the variable that it sets."""
    with pytest.raises(
        InvalidInput, match="settings do not fit recipe `delays`: variable `year` is an integer"
    ):
        resolve(RECIPE, None, {"year": "soon"})


_tables = st.deferred(
    lambda: st.dictionaries(
        st.sampled_from("abc"),
        st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2) | _tables | _tables.map(_replacing),
        max_size=3,
    )
)


def _replacing(table: dict[str, Any]) -> dict[str, Any]:
    return {"=": table}


@settings(deadline=None)
@given(_tables, _tables, _tables)
def test_layering_is_associative(low: dict[str, Any], middle: dict[str, Any], high: dict[str, Any]) -> None:
    """Any layers may be merged in any grouping, whatever their types, replacements included."""
    assert merge(merge(low, middle), high) == merge(low, merge(middle, high))


@settings(deadline=None)
@given(_tables)
def test_an_empty_layer_changes_nothing(layer: dict[str, Any]) -> None:
    """The empty layer is the identity, above and below."""
    assert merge(layer, {}) == merge({}, layer) == layer


@settings(deadline=None)
@given(_tables, _tables)
def test_the_higher_layer_wins(low: dict[str, Any], high: dict[str, Any]) -> None:
    """Every value that the higher layer says is what comes out, and no mark of a replacement is left."""
    values = finished(merge(low, high))
    assert "=" not in repr(values)
    for keys, value in leaves(high):
        if value != {}:
            assert found(values, keys) == (True, value)

"""Keys are found where they stand."""

from __future__ import annotations

import tomllib
from typing import Any

import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kitchens_engine.toml.positions import Path, positions

TEXT = '''\
# a comment with [brackets]
top = 1
[nodes."a b".env]
X.y = { z = ["]", """
"quoted" """] } # = 2

[[nodes.c.tests]]
when = 1979-05-27 07:32:00
[[nodes.c.tests]]
  sql = \'\'\'
[not a table]
key = 1\'\'\'
'''


def test_every_kind_of_key_is_found() -> None:
    """Tables, dotted and quoted keys, inline tables, lists and lists of tables have line and column."""
    found = {path: (place.line, place.column) for path, place in positions(TEXT).items()}
    assert found[("top",)] == (2, 1)
    assert found[("nodes", "a b", "env")] == (3, 1)
    assert found[("nodes", "a b", "env", "X", "y", "z")] == (4, 9)
    assert found[("nodes", "a b", "env", "X", "y", "z", 1)] == (4, 19)
    assert found[("nodes", "c", "tests", 0, "when")] == (8, 1)
    assert found[("nodes", "c", "tests", 1)] == (9, 1)
    assert found[("nodes", "c", "tests", 1, "sql")] == (10, 3)


def test_text_of_several_lines_begins_after_the_break_that_toml_drops() -> None:
    """The first line of a text in three quotes may be the next line of the file."""
    assert positions(TEXT)[("nodes", "c", "tests", 1, "sql")].value_line == 11


def _paths(value: Any, path: Path = ()) -> set[Path]:
    found = {path} if path else set()
    if isinstance(value, dict):
        return found.union(*(_paths(inner, (*path, name)) for name, inner in value.items()))
    if isinstance(value, list):
        return found.union(*(_paths(inner, (*path, index)) for index, inner in enumerate(value)))
    return found


_text = st.text(st.sampled_from("ab \"'\\#[]{}=,.ü\n"), max_size=8)
_keys = st.sampled_from(["a", "b-c", "d e", "ü", 'q"', "1.2", "x\\y"])
_values = st.recursive(
    st.booleans() | st.integers(-9, 9) | _text | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(_keys, _values, max_size=4))
def test_no_key_of_any_document_is_missed_or_made_up(values: dict[str, Any]) -> None:
    """The scanner finds exactly the keys that `tomllib` finds, however the document is written."""
    text = tomlkit.dumps(values).replace("\r\n", "\n")
    assert set(positions(text)) == _paths(tomllib.loads(text))

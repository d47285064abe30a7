"""Whatever a file holds, reading it ends in a recipe or in faults, never in a traceback."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitchens.model.cookbook import parse_cookbook
from kitchens_engine.language.load import parse_recipe
from kitchens_engine.toml.positions import positions
from kitchens_engine.variables.resolve import parse_assignment

LINES = """\
requires = ["base"]
[variables]
year = 2013
schema = { raw = "raw" }
[variations.test]
nodes = ["+b"]
variables = { year = 1 }
schedule = "0 6 * * *"
[nodes.a]
run = "echo {{ variables.year }}"
run = ["a", "b"]
python = "a.py --x"
sql = "select {{ outputs.a.rows }}"
sql = "a.sql"
noop = true
recipe = "x"
ingredient = "y"
inputs = { x = 1 }
needs = ["a"]
when = "outputs.a.rows > 0"
env = { A = "1" }
timeout = "5m"
outputs = { rows = "integer" }
[[nodes.a.tests]]
output = "rows"
value = "outputs.a.rows"
between = [1, 2]
equals = "x"
control = true
[nodes.b]
tests = [{ output = "x", above = 1 }, 3]
''' multi
line''' = 1
x = {}
[[nodes]]
[inputs]
[outputs.x]
value = "{% for %}"
nodes = 3
= "
""".splitlines()


class Nothing:
    def read(self, path: str) -> bytes | None:
        return None

    def names(self, folder: str) -> Sequence[str]:
        return ()


_files = st.lists(
    st.sampled_from(LINES) | st.text(st.sampled_from("[]{}=\"'.,ab1 #\\\n-"), max_size=8), max_size=25
)


@settings(max_examples=400, deadline=None)
@given(_files.map("\n".join), st.sampled_from(["recipes/r", "ingredients/r"]))
def test_every_text_is_a_recipe_or_has_faults(text: str, folder: str) -> None:
    """Lines of recipes in any order, with any noise between them."""
    recipe, faults = parse_recipe("r", folder, text.encode(), Nothing())
    assert (recipe is None) == any(fault.severity == "error" for fault in faults)
    parse_cookbook(text.encode())
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = text.split("\n")
    found = positions(text)
    assert {(name,) for name in values} <= set(found)
    assert all(1 <= place.column <= len(lines[place.line - 1]) + 1 for place in found.values())


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_every_file_is_a_recipe_or_has_faults(content: bytes) -> None:
    """Bytes that are no text, too."""
    recipe, faults = parse_recipe("r", "recipes/r", content, Nothing())
    assert recipe is None
    assert faults


@pytest.mark.parametrize("value", ["[" * 5000, "9" * 5000, "1979-13-45", '"\\ud800"'])
def test_values_that_python_refuses_are_faults(value: str) -> None:
    """Too deep, too long, or no date."""
    recipe, (fault,) = parse_recipe("r", "recipes/r", f"a = {value}".encode(), Nothing())
    assert recipe is None
    assert fault.line == 1
    assert parse_assignment(f"name={value}", {"name": ""}) == (("name",), value)


@pytest.mark.parametrize("name", ["a" * 5000, "\\u0000", "/etc/passwd", ".."])
def test_names_that_no_file_can_have_are_missing_files(name: str, tmp_path: object) -> None:
    """A file system's refusal of a name is no failure of the environment."""
    from pathlib import Path

    from kitchens_engine.language.shelf import FolderSource

    source = FolderSource(Path(str(tmp_path)))
    recipe, faults = parse_recipe("r", "recipes/r", f'[nodes.a]\nsql = "{name}.sql"'.encode(), source)
    assert recipe is None
    assert len(faults) == 1

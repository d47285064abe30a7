"""A closer look at a large recipe costs in proportion."""

from __future__ import annotations

from kitchens_engine.checking.inspect import inspect
from kitchens_engine.language.shelf import Shelf
from tests.engine.files import Files
from tests.engine.language.test_speed import calls_of

NODES = """
[nodes.sql{0}]
needs = ["n{1}"]
sql = "create or replace table t{0} as select * from u where year = {{{{ variables.year }}}} and x > {0}"
[[nodes.sql{0}.tests]]
sql = "select count(*) from t{0}"
at_least = 0
[nodes.n{0}]
needs = ["sql{0}"]
run = "load --part {0} --year {{{{ variables.year }}}}"
outputs = {{ rows = "integer" }}
when = "{0} > {1} and variables.year > '{0}'"
[[nodes.n{0}.tests]]
output = "rows"
equals = "x"
[nodes.off{0}]
needs = ["n{0}"]
noop = true
when = "{0} > {0}"
[nodes.never{0}]
needs = ["off{0}"]
noop = true
"""


def test_twice_the_nodes_cost_twice_as_much() -> None:
    """Templates, SQL, tests and nodes that never run included."""

    def calls(count: int) -> int:
        text = "[variables]\nyear = 2013\n[nodes.n0]\nnoop = true\n"
        text += "".join(NODES.format(number, number - 1) for number in range(1, count + 1))
        shelf = Shelf(Files({"recipes/wide/recipe.toml": text.encode()}))
        found: list[object] = []
        made = calls_of(lambda: found.extend(inspect(shelf)))
        assert len(found) == 5 * count
        return made

    calls(5)  # whatever is imported late
    few, many = calls(120), calls(240)
    assert many < 2.1 * few
    assert many < 240 * len(NODES.split("noop")) * 2000

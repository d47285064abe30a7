"""A gate touches no database outside the kitchen."""

from __future__ import annotations

import pytest

from kitchens.gate.connections import gate_urls, refuse_leaving
from kitchens.model.cookbook import parse_cookbook
from kitchens_engine.errors import InvalidInput
from kitchens_engine.recipe import Node, Position, Recipe

RECIPE = Recipe("r", "recipes/r", nodes={"n": Node("n", "sql", "select 1", Position("f"), connection="c")})


@pytest.mark.parametrize(
    ("url", "more", "leaves"),
    [
        ("postgresql://app@warehouse:5432/app", "", True),
        ("postgresql://app@warehouse:5432/app", 'gate = { url = "sqlite://" }', False),
        ("postgresql://app@warehouse:5432/app", '[services.warehouse]\nimage = "postgres:17"', False),
        ("sqlite:////srv/shared.sqlite", "", True),
        ("sqlite:///{{ kitchen.data }}/own.sqlite", "", False),
        ("sqlite:///{{ kitchen.data }}/../shared.sqlite", "", True),
        ("sqlite://", "", False),
        ("mssql+pyodbc:///?odbc_connect=x", "", True),
        ("postgresql:///app", "", True),
    ],
)
def test_a_connection_that_leaves_the_kitchen_is_refused(url: str, more: str, leaves: bool) -> None:
    """Unless the cookbook says what a gate uses instead, or it leads to a service or into the data folder."""
    text = f'[cookbook]\nname = "c"\n[connections.c]\nurl = "{url}"\n{more}\n[connections.unused]\nurl = "x://y/z"\n'
    cookbook, faults = parse_cookbook(text.encode())
    assert cookbook is not None, faults

    if not leaves:
        refuse_leaving(cookbook, [RECIPE])
        return
    with pytest.raises(InvalidInput, match="connection `c` leaves the kitchen") as caught:
        refuse_leaving(cookbook, [RECIPE])
    assert caught.value.file == "kitchens.toml"


def test_a_gate_uses_what_the_cookbook_says_instead() -> None:
    """The URL of `gate` stands in for the connection's own."""
    text = b'[cookbook]\nname = "c"\n[connections.c]\nurl = "a://b/c"\ngate = { url = "sqlite://" }\n'
    cookbook, _ = parse_cookbook(text)
    assert cookbook is not None
    assert gate_urls(cookbook) == {"c": "sqlite://"}

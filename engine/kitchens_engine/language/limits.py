"""Tests that could not tell right from wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from kitchens_engine.errors import Fault
from kitchens_engine.recipe import Recipe, Test
from kitchens_engine.templating.template import has_markers
from kitchens_engine.toml.document import Document
from kitchens_engine.toml.positions import Path
from kitchens_engine.toml.types import type_name


def limit_faults(document: Document, recipe: Recipe, node: str, path: Path, test: Test) -> Iterator[Fault]:
    """What is wrong with the limits and the output of the test at `path`."""
    if why := _senseless(test.rule, test.limit):
        yield document.fault((*path, test.rule), f"test `{test.name}` {why}")
    declared = recipe.nodes[node].outputs
    if test.measure == "output" and declared is not None and recipe.nodes[node].action != "sql":
        from kitchens_engine.toml.nearest import did_you_mean

        name = str(test.expression)
        if name not in declared:
            message = f"test `{test.name}` measures output `{name}`, which node `{node}` does not declare"
            yield document.fault((*path, "output"), message, did_you_mean(name, declared))


def _senseless(rule: str, limit: Any) -> str | None:
    if isinstance(limit, float) and math.isnan(limit):
        return "compares with `nan`, to which nothing compares"
    if (rule, limit) in (("at_least", -math.inf), ("at_most", math.inf)):
        return "can not fail"
    if (rule, limit) in (("above", math.inf), ("below", -math.inf)):
        return "can not pass"
    return _senseless_pair(*limit) if rule == "between" else None


def _senseless_pair(low: Any, high: Any) -> str | None:
    if any(isinstance(limit, str) and has_markers(limit) for limit in (low, high)):
        return None
    if any(isinstance(limit, float) and math.isnan(limit) for limit in (low, high)):
        return "compares with `nan`, to which nothing compares"
    if {type_name(low), type_name(high)} not in ({"integer", "float"}, {type_name(low)}):
        return f"is between {low} and {high}, which do not compare"
    try:
        if low > high:
            return f"is between {low} and {high}, which nothing is; the lower limit comes first"
    except TypeError:
        return f"is between {low} and {high}, which do not compare"
    return "can not fail" if (low, high) == (-math.inf, math.inf) else None

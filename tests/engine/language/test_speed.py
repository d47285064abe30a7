"""Reading recipes costs next to nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from kitchens_engine.language.check import check
from kitchens_engine.language.shelf import Shelf


def calls_of(act: Callable[[], object]) -> int:
    """How many functions `act` calls: the same on a busy machine as on an idle one."""
    count = 0

    def called(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        act()
    finally:
        sys.setprofile(before)
    return count


def test_twice_the_nodes_cost_twice_as_much(shelf: Callable[[Mapping[str, str]], Shelf]) -> None:
    """Read and checked, a node is a handful of calls, however many there are."""

    def calls(nodes: int) -> int:
        text = "".join(
            f'[nodes.n{i}]\nrun = "true"\nneeds = ["n{max(i - 2, 0)}"]\n\n' for i in range(1, nodes)
        )
        fresh = shelf({"recipes/wide/recipe.toml": '[nodes.n0]\nrun = "true"\n' + text})
        found = []
        count = calls_of(lambda: found.append(check(fresh)))
        assert found == [()]
        return count

    calls(10)  # whatever is imported late
    few, many = calls(250), calls(500)
    assert many < 2.2 * few
    assert many < 500 * 250


def test_a_chain_of_any_length_is_walked(shelf: Callable[[Mapping[str, str]], Shelf]) -> None:
    """Neither circles nor outputs far upstream need Python's own stack."""
    nodes = ["[nodes.n0]\nrun = 'x'\noutputs = { x = 'integer' }\n"]
    nodes += [f"[nodes.n{i}]\nnoop = true\nneeds = ['n{i - 1}']\n" for i in range(1, 3000)]
    nodes += ["when = 'outputs.n0.x > 1'\n"]
    assert check(shelf({"recipes/chain/recipe.toml": "".join(nodes)})) == ()

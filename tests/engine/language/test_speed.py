"""Reading recipes costs next to nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from kitchens_engine.language.check import check
from kitchens_engine.language.shelf import Shelf


def test_five_hundred_nodes_are_read_and_checked_in_a_blink(
    shelf: Callable[[Mapping[str, str]], Shelf],
) -> None:
    """Well under 60 ms on an idle machine; the test leaves room for a busy one."""
    text = "".join(f'[nodes.n{i}]\nrun = "true"\nneeds = ["n{max(i - 2, 0)}"]\n\n' for i in range(1, 500))
    text = '[nodes.n0]\nrun = "true"\n' + text
    best = 1.0
    for _ in range(5):
        fresh = shelf({"recipes/wide/recipe.toml": text})
        started = time.perf_counter()
        assert check(fresh) == ()
        best = min(best, time.perf_counter() - started)
    assert best < 0.12


def test_a_chain_of_any_length_is_walked(shelf: Callable[[Mapping[str, str]], Shelf]) -> None:
    """Neither circles nor outputs far upstream need Python's own stack."""
    nodes = ["[nodes.n0]\nrun = 'x'\noutputs = { x = 'integer' }\n"]
    nodes += [f"[nodes.n{i}]\nnoop = true\nneeds = ['n{i - 1}']\n" for i in range(1, 3000)]
    nodes += ["when = 'outputs.n0.x > 1'\n"]
    assert check(shelf({"recipes/chain/recipe.toml": "".join(nodes)})) == ()

"""`kitchen queue`: many changes at once."""

from __future__ import annotations

from tests.cli.conftest import Desk


def test_simulate_compares_the_policies(empty: Desk) -> None:
    """It needs no cookbook; `--json` lists them."""
    means = empty.json("queue", "simulate", "--changes", "16", "--seeds", "5")
    assert [one["policy"] for one in means] == ["auto", "serial", "prefix", "best-first", "bors", "zuul"]
    assert set(means[0]) == {"policy", "workers", "bad", "changes", "makespan", "gates"}
    answer = empty.kitchen("queue", "simulate", "--changes", "4", "--seeds", "2", "--policy", "serial")
    assert "serial  4.0         4.0" in answer.out


def test_simulate_takes_any_likelihood(empty: Desk) -> None:
    """Also none bad, and all."""
    for bad in ("0", "1"):
        means = empty.json("queue", "simulate", "--changes", "8", "--seeds", "2", "--bad", bad)
        assert all(one["makespan"] > 0 for one in means)

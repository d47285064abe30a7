"""The queue played on paper."""

from __future__ import annotations

from kitchens.queue.rivals import bors, zuul
from kitchens.queue.simulation import simulate


def test_auto_needs_few_tests_and_little_time() -> None:
    """64 changes, 5 % of them bad, two workers: the promise of the documentation."""
    (auto,) = simulate(64, 2, 0.05, 200, ["auto"])
    assert auto.makespan <= 13.5
    assert auto.gates <= 25


def test_auto_is_never_far_from_the_best_policy() -> None:
    """With few workers or many, with few bad changes or many."""
    for workers, bad in ((1, 0.05), (2, 0.2), (4, 0.1), (16, 0.02), (16, 0.2)):
        means = {one.policy: one.makespan for one in simulate(32, workers, bad, 40)}
        assert means["auto"] <= 1.25 * min(means.values())


def test_a_simulation_can_be_repeated() -> None:
    """The same seeds are the same queues."""
    assert list(simulate(16, 2, 0.1, 5)) == list(simulate(16, 2, 0.1, 5))


def test_bors_bisects_a_red_batch() -> None:
    """Eight together, two fours, two twos, two ones."""
    assert bors([True, *[False] * 7], 2) == (7, 7)


def test_zuul_starts_anew_behind_a_red_change() -> None:
    """The second of four is red: its two followers are tested again."""
    assert zuul([False, True, False, False], 4) == (2, 6)

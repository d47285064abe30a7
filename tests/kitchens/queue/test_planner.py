"""The planner of the merge queue: from a snapshot to what to do."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from kitchens.queue.planner import POLICIES, plan
from kitchens.queue.simulation import play
from kitchens.queue.snapshot import Cancel, Candidate, Change, Drop, Land, Snapshot, Test


def queue(*names: str, touches: str = "recipe") -> tuple[Change, ...]:
    """Changes that depend on each other."""
    return tuple(Change(name, frozenset({touches})) for name in names)


@some.composite
def queues(draw: some.DrawFn) -> tuple[list[Change], set[str]]:
    """Any changes, each of any recipes, and which of them are bad."""
    touches = draw(some.lists(some.frozensets(some.sampled_from("abcdef"), max_size=2), max_size=14))
    bad = draw(some.lists(some.booleans(), min_size=len(touches), max_size=len(touches)))
    changes = [Change(f"change-{at}", each) for at, each in enumerate(touches)]
    return changes, {change.name for change, is_bad in zip(changes, bad, strict=True) if is_bad}


@settings(deadline=None, max_examples=150)
@given(queues(), some.sampled_from(POLICIES), some.integers(1, 9), some.integers(0, 99))
def test_every_change_ends_once_and_as_it_deserves(
    given_queue: tuple[list[Change], set[str]], policy: str, workers: int, seed: int
) -> None:
    """Each lands or is dropped exactly once: the good ones land, the bad ones do not, dependent ones in their order,
    whatever the policy and however long each gate takes."""
    changes, bad = given_queue
    chance = random.Random(seed)
    played = play(
        changes, lambda one: not bad.isdisjoint(one), workers, policy, lambda _: chance.uniform(1, 9)
    )
    names = [change.name for change in changes]
    assert sorted(played.landed + played.dropped) == sorted(names)
    assert set(played.dropped) == bad
    order = {name: at for at, name in enumerate(played.landed)}
    for at, later in enumerate(changes):
        for earlier in changes[:at]:
            if earlier.touches & later.touches and {earlier.name, later.name} <= set(order):
                assert order[earlier.name] < order[later.name]


@settings(deadline=None, max_examples=150)
@given(queues(), some.sampled_from(POLICIES), some.integers(1, 9))
def test_nothing_lands_untested(
    given_queue: tuple[list[Change], set[str]], policy: str, workers: int
) -> None:
    """What lands together was green together, on everything that it depends on and that landed before."""
    changes, bad = given_queue
    touches = {change.name: change.touches for change in changes}
    tested: set[frozenset[str]] = set()
    landed: list[str] = []
    snapshot, job = Snapshot(tuple(changes), {}, {}, workers), 0
    while snapshot.waiting:
        actions, snapshot = plan(snapshot, policy)
        for action in actions:
            if isinstance(action, Land):
                mine = frozenset().union(*(touches[name] for name in action.changes))
                below = {name for name in landed if touches[name] & mine}
                assert any({*action.changes} <= one and below & {*one} <= one for one in tested)
                landed += action.changes
            if isinstance(action, Test):
                job += 1
                snapshot = snapshot.started(str(job), action.candidate)
        assert len(snapshot.running) <= workers
        for running, candidate in list(snapshot.running.items()):
            green = bad.isdisjoint(candidate)
            tested |= {frozenset(candidate)} if green else set()
            snapshot = snapshot.ended(running, green=green)


@settings(deadline=None, max_examples=60)
@given(
    some.sets(some.tuples(some.integers(0, 9), some.integers(0, 9)), max_size=5), some.sampled_from(POLICIES)
)
def test_changes_that_are_bad_only_together(pairs: set[tuple[int, int]], policy: str) -> None:
    """Of two that do not go together one lands and one is dropped, and the queue comes to its end."""
    clashes = [{str(one), str(other)} for one, other in pairs if one != other]
    changes = queue(*map(str, range(10)))
    played = play(changes, lambda names: any(clash <= set(names) for clash in clashes), 3, policy)
    assert sorted(played.landed + played.dropped) == sorted(map(str, range(10)))
    assert not any(clash <= set(played.landed) for clash in clashes)


def test_the_longest_green_prefix_lands() -> None:
    """A longer red one says that the culprit is behind it."""
    verdicts = {("a",): True, ("a", "b"): True, ("a", "b", "c", "d"): False}
    actions, after = plan(Snapshot(queue("a", "b", "c", "d"), verdicts, {}, 1))
    assert actions == (Land(("a", "b")), Test(("c",)))
    assert dict(after.verdicts) == {("c", "d"): False}


def test_the_culprit_leaves_and_the_rest_goes_on() -> None:
    """Green without it, red with it."""
    verdicts = {("a",): True, ("a", "b"): False}
    actions, _ = plan(Snapshot(queue("a", "b", "c"), verdicts, {}, 1))
    assert actions == (Land(("a",)), Drop("b", ("b",)), Test(("c",)))


def test_what_stands_on_a_red_prefix_is_cancelled() -> None:
    """Its worker is free for something that can decide."""
    snapshot = Snapshot(queue("a", "b", "c"), {("a", "b"): False}, {"job": ("a", "b", "c")}, 1)
    actions, _ = plan(snapshot)
    assert actions == (Cancel("job"), Test(("a",)))


def test_independent_changes_do_not_wait_for_each_other() -> None:
    """They share no recipe: each is tested alone, and the second lands while the first is still under test."""
    changes = queue("a", touches="one") + queue("b", touches="two")
    actions, after = plan(Snapshot(changes, {}, {}, 2))
    assert actions == (Test(("a",)), Test(("b",)))
    actions, _ = plan(after.started("1", ("a",)).started("2", ("b",)).ended("2", green=True))
    assert actions == (Land(("b",)),)


@pytest.mark.parametrize("policy", POLICIES)
def test_an_empty_queue_wants_nothing(policy: str) -> None:
    """Nothing to do is no error."""
    assert plan(Snapshot((), {}, {}, 2), policy)[0] == ()


def test_a_long_queue_is_planned_at_once() -> None:
    """A thousand changes with many verdicts."""
    names = [f"change-{at}" for at in range(1000)]
    verdicts: dict[Candidate, bool] = {tuple(names[:length]): False for length in range(200, 1000, 100)}
    actions, _ = plan(Snapshot(queue(*names), verdicts, {}, 8))
    assert len(actions) == 8

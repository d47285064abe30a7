"""What two clones wrote becomes one: nothing is lost, whoever folds first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kitchens.model.kitchen import Attestation, Identity
from kitchens.store.attestations import REF, Attestations
from kitchens.store.folding import fold_attestations, fold_registration, merged, union
from kitchens.store.registrations import Registrations

from ..conftest import WHEN, WHO
from .test_registrations import landing, registration


def attestation(number: int) -> Attestation:
    """The n-th attestation of a series, each of a fingerprint that shares its first half with others."""
    return Attestation(
        fingerprint=f"{number % 2:02x}{number:062x}",
        recipe="delays",
        variation="test",
        commit="a" * 40,
        tree="b" * 40,
        runtime="process",
        toolchain="t",
        run=f"run-{number}",
        runner="kitchens",
        who=str(WHO),
        when=WHEN,
        retries=number % 3,
        flaky=("n",) if number % 3 else (),
    )


@pytest.fixture
def parted(repository):
    """Two tips of the attestations: numbers 0 to 9 are in both, 10 to 14 in the first, 15 to 19 in the second."""
    store = Attestations(repository)
    store.add([attestation(number) for number in range(10)], WHO, WHEN)
    base = repository.refs.read(REF)
    tips = []
    for numbers in (range(10, 15), range(15, 20)):
        repository.refs.move(REF, base, repository.refs.read(REF), "test")
        store.add([attestation(number) for number in numbers], WHO, WHEN)
        tips.append(repository.refs.read(REF))
    return tips


def nobody() -> Identity:
    """Taking what others wrote asks nobody for a name."""
    raise AssertionError


def test_attestations_of_both_are_there(repository, parted) -> None:
    """Folded in either order the tree is the same, and whoever holds all of the other's takes its commit."""
    one, other = parted
    assert union(repository, one, other) == union(repository, other, one)
    repository.refs.move(REF, one, other, "test")
    assert fold_attestations(repository, other, lambda: WHO, WHEN)
    assert not fold_attestations(repository, other, lambda: WHO, WHEN)
    found = Attestations(repository).find([attestation(number).fingerprint for number in range(20)])
    assert [len(each) for each in found.values()] == [1] * 20
    assert len(Attestations(repository).flaky("delays")) == 13
    both = repository.refs.read(REF)
    repository.refs.move(REF, other, both, "test")
    assert fold_attestations(repository, both, nobody, WHEN)
    assert repository.refs.read(REF) == both


def test_chains_that_parted_become_one(repository) -> None:
    """The shorter one is taken up; of two that parted both stay in the history, and the landings of both."""
    store = Registrations(repository)
    name = registration().name
    ref = f"refs/kitchens/{name}"
    first = store.write(registration(), None, "create", WHO, WHEN)
    ours = store.write(registration().with_landing(landing(1)), first, "merged", WHO, WHEN)
    theirs = store.draft(registration().with_settings({"year": 2014}), [first], "set", WHO, WHEN)
    assert not fold_registration(repository, name, first, nobody, WHEN)
    assert fold_registration(repository, name, theirs, lambda: WHO, WHEN)
    tip = repository.refs.read(ref)
    assert not fold_registration(repository, name, theirs, lambda: WHO, WHEN)
    repository.refs.move(ref, ours, tip, "test")
    assert fold_registration(repository, name, tip, nobody, WHEN)
    assert repository.refs.read(ref) == tip
    read = store.read(name)
    assert read is not None
    assert (read[0].settings, read[0].landing) == ({"year": 2014}, landing(1))
    assert len(store.history(name)) == 4


def test_settings_are_merged_one_by_one() -> None:
    """Each side's change stays; what both changed is as it was shared first; what one took back is gone."""
    base = registration(settings={"a": 1, "b": 1, "c": {"x": 1, "y": 1}, "d": 1})
    ours = base.with_settings({"a": 2, "b": 2, "c": {"x": 2, "y": 1}, "e": 5})
    theirs = base.with_settings({"a": 1, "b": 3, "c": {"x": 1, "y": 3}, "d": 1})
    assert merged(base, ours, theirs).settings == {"a": 2, "b": 3, "c": {"x": 2, "y": 3}, "e": 5}
    assert merged(base, theirs, ours).settings == {"a": 2, "b": 2, "c": {"x": 2, "y": 3}, "e": 5}


def test_a_kitchen_that_was_registered_twice_is_one() -> None:
    """The earlier owner, the baseline that was shared, the newest landing, and the settings of both."""
    late = WHEN + timedelta(days=1)
    ours = registration(settings={"a": 1, "b": 1}, baseline="1" * 40, landing=landing(2))
    theirs = registration(
        settings={"b": 2}, owner="Bob <b@x>", created=late, baseline="2" * 40, landing=landing(1)
    )
    both = merged(None, ours, theirs)
    assert (both.owner, both.created, both.baseline) == (str(WHO), WHEN, "2" * 40)
    assert both.landing == landing(2)
    assert both.settings == {"a": 1, "b": 2}

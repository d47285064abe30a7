"""Registrations: written with compare-and-swap, read in bulk, kept as an audit trail."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time, timedelta

import pytest

from kitchens.git.refs import Moved
from kitchens.model.kitchen import Landing, Registration
from kitchens.model.names import KitchenName
from kitchens.store.registrations import Registrations
from kitchens.store.toml import document
from kitchens_engine.errors import EnvironmentFailure

from ..conftest import WHEN, WHO

SETTINGS = {
    "year": 2013,
    "sample": 1e-10,
    "whole": 1e16,
    "on": True,
    "text": 'quote " back \\ new\nline \x7f \u00fc \U0001f373',
    "schema": {"raw": "raw", "odd key": {"x": [1, [2.5, "a"], {"y": False}]}},
    "day": date(2013, 1, 1),
    "at": time(6, 30),
    "moment": datetime(2013, 1, 1, 6, 30, 0, 123456, tzinfo=UTC),
    "empty": {},
    "none": [],
    "infinite": float("inf"),
}


def registration(name: str = "late-evenings", **changes: object) -> Registration:
    """A sandbox with settings."""
    made = Registration(KitchenName(name), KitchenName("dev"), False, str(WHO), WHEN, settings=SETTINGS)
    return made._replace(**changes)


def landing(number: int) -> Landing:
    """The n-th landing of a series."""
    recipes = (("delays", "f" * 64), ("reporting", "0" * 64))
    return Landing(
        "merged",
        f"{number:040x}",
        f"{number + 1:040x}",
        "x",
        str(WHO),
        WHEN + timedelta(hours=number),
        recipes,
    )


@pytest.fixture
def registrations(repository):
    """The registrations of a fresh repository."""
    return Registrations(repository)


def test_what_is_written_is_read(registrations, repository, checkout):
    """Every field and every kind of setting comes back as it was, in a repository that git calls sound."""
    full = registration(
        "a/b",
        expires=WHEN + timedelta(days=7),
        baseline="0" * 40,
        adopted=True,
        landing=landing(1),
        permanent=True,
    )
    oid = registrations.write(full, None, "created from `dev`", WHO, WHEN)
    assert registrations.read(KitchenName("a/b")) == (full, oid)
    assert checkout.git("log", "--format=%an %s", "refs/kitchens/a/b") == "Ada created from `dev`"
    assert checkout.sound()
    assert registrations.read(KitchenName("a")) is None


def test_toml_is_toml():
    """Equal values give equal bytes, and `tomllib` reads back what was meant."""
    assert tomllib.loads(document({"s": SETTINGS}).decode()) == {"s": SETTINGS}
    assert document({"b": 1, "a": 2}) == document({"a": 2, "b": 1})


def test_a_stale_write_is_refused(registrations, repository, checkout):
    """Who read an older registration, or none, cannot overwrite a newer one."""
    first = registrations.write(registration(), None, "created", WHO, WHEN)
    second = registrations.write(registration(settings={"a": 1}), first, "set a", WHO, WHEN)
    for old in (None, first):
        with pytest.raises(Moved):
            registrations.write(registration(settings={"a": 2}), old, "set a", WHO, WHEN)
    found = registrations.read(KitchenName("late-evenings"))
    assert found is not None
    assert (found[0].settings, found[1]) == ({"a": 1}, second)


def test_all_are_read_with_one_process(registrations, repository):
    """However many kitchens, one answers for the contents; of few, the refs are read as files."""
    for number in range(30):
        registrations.write(registration(f"k{number:02}"), None, "created", WHO, WHEN)
    repository.objects.close()
    before = repository.git.tally.calls
    found = registrations.all()
    assert list(found) == [f"k{number:02}" for number in range(30)]
    assert repository.git.tally.calls - before == 1


def test_landings_are_the_chain(registrations):
    """Landings come newest first, each once, whatever settings were written between."""
    oid = registrations.write(registration("dev"), None, "created", WHO, WHEN)
    for number in range(3):
        made = registration("dev", landing=landing(number))
        oid = registrations.write(made, oid, "landed", WHO, WHEN)
        oid = registrations.write(made.with_settings({"n": number}), oid, "set n", WHO, WHEN)
    assert registrations.landings(KitchenName("dev")) == [landing(2), landing(1), landing(0)]
    assert registrations.landings(KitchenName("dev"), limit=1) == [landing(2)]
    assert registrations.landings(KitchenName("other")) == []


def test_a_removed_kitchen_is_kept(registrations, repository, checkout):
    """The branch and the registration go, the tip stays under `refs/deleted/`, twice in one second too."""
    tip, name = checkout.tip(), KitchenName("x/y")
    for _ in range(2):
        registrations.write(registration(name), None, "created", WHO, WHEN)
        repository.refs.move(f"refs/heads/{name}", tip, None, "made")
        assert registrations.remove(name, tip, WHEN)
        assert registrations.read(name) is None
        assert repository.refs.branch(name) is None
    assert [(each.name, each.tip, each.when) for each in registrations.deleted()] == [(name, tip, WHEN)] * 2
    registrations.forget(registrations.deleted()[0])
    assert len(registrations.deleted()) == 1


def test_a_kitchen_that_moved_is_not_removed(registrations, repository, checkout):
    """A commit that came meanwhile stops the deletion, and nothing is left of it."""
    old = checkout.tip()
    new = checkout.commit("meanwhile")
    registrations.write(registration("x"), None, "created", WHO, WHEN)
    repository.refs.move("refs/heads/x", new, None, "made")
    before = checkout.refs()
    with pytest.raises(Moved):
        registrations.remove(KitchenName("x"), old, WHEN)
    assert checkout.refs() == before


@pytest.mark.parametrize("content", ["format = 99\n", "not toml", "", "format = 1\n"])
def test_a_registration_that_cannot_be_read_is_said(registrations, checkout, content):
    """A damaged registration, or one by a newer version, is one sentence with its commit."""
    blob = checkout.git("hash-object", "-w", "--stdin", input=content.encode())
    tree = checkout.git("mktree", input=f"100644 blob {blob}\tkitchen.toml\n".encode())
    commit = checkout.git("commit-tree", "-m", "odd", tree)
    checkout.git("update-ref", "refs/kitchens/x", commit)
    with pytest.raises(EnvironmentFailure, match=commit[:12]):
        registrations.all()

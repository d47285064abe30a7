"""Attestations: in-toto statements by fingerprint, of which none is ever lost."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

from kitchens.git.repository import open_repository
from kitchens.model.kitchen import Attestation
from kitchens.store.attestations import REF, Attestations

from ..conftest import WHEN, WHO
from ..crash import together


def attestation(fingerprint: str, run: str = "01J", **changes: object) -> Attestation:
    """A green verdict on `delays`."""
    made = Attestation(
        fingerprint=fingerprint,
        recipe="delays",
        variation="test",
        commit="1" * 40,
        tree="2" * 40,
        runtime="process",
        toolchain="sha256:abc",
        run=run,
        runner="host",
        who=str(WHO),
        when=WHEN,
        measures={"rows": 12, "mean": 0.5},
    )
    return made._replace(**changes)


def test_what_was_added_is_found(repository, checkout):
    """Each fingerprint answers with its attestations, an unknown one with none; git calls it sound."""
    store = Attestations(repository)
    a, b, unknown = "ab" + "0" * 62, "ab" + "1" * 62, "f" * 64
    assert store.find([a]) == {a: ()}
    store.add([attestation(a), attestation(b)], WHO, WHEN)
    store.add([attestation(a, "02J", variation=None)], WHO, WHEN)
    assert store.find([a, b, unknown]) == {
        a: (attestation(a), attestation(a, "02J", variation=None)),
        b: (attestation(b),),
        unknown: (),
    }
    assert checkout.sound()
    store.add([], WHO, WHEN)
    assert checkout.git("rev-list", "--count", REF) == "2"


def test_the_statement_is_in_toto(repository, checkout):
    """What is stored is a Statement of type test-result over the commit and the tree."""
    fingerprint = "cd" + "0" * 62
    Attestations(repository).add([attestation(fingerprint)], WHO, WHEN)
    statement = json.loads(checkout.git("show", f"{REF}:cd/{fingerprint[2:]}/01J.json"))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert statement["predicate"]["result"] == "PASSED"
    assert [each["digest"] for each in statement["subject"]] == [
        {"gitCommit": "1" * 40},
        {"gitTree": "2" * 40},
    ]


def test_measures_that_json_lacks_become_text(repository):
    """Dates, decimals and infinities in measures do not break the statement."""
    fingerprint = "0" * 64
    measures = {"day": date(2013, 1, 1), "sum": Decimal("1.10"), "max": float("inf"), "list": (1, None)}
    store = Attestations(repository)
    store.add([attestation(fingerprint, measures=measures)], WHO, WHEN)
    found = store.find([fingerprint])[fingerprint][0]
    assert found.measures == {"day": "2013-01-01", "sum": "1.10", "max": "inf", "list": [1, None]}


def test_what_is_no_attestation_attests_nothing(repository, checkout):
    """A file that is not JSON, not PASSED or another fingerprint's is not a green verdict."""
    fingerprint = "ab" + "0" * 62
    store = Attestations(repository)
    store.add([attestation(fingerprint)], WHO, WHEN)
    good = checkout.git("show", f"{REF}:ab/{fingerprint[2:]}/01J.json")
    for content in ("no json", "[]", good.replace("PASSED", "FAILED"), good.replace(fingerprint, "f" * 64)):
        blob = checkout.git("hash-object", "-w", "--stdin", input=content.encode())
        leaf = checkout.git("mktree", input=f"100644 blob {blob}\t01J.json\n".encode())
        middle = checkout.git("mktree", input=f"040000 tree {leaf}\t{fingerprint[2:]}\n".encode())
        top = checkout.git("mktree", input=f"040000 tree {middle}\tab\n".encode())
        checkout.git("update-ref", REF, checkout.git("commit-tree", "-m", "odd", top))
        assert store.find([fingerprint]) == {fingerprint: ()}


def test_writers_at_once_lose_nothing(repository, checkout):
    """Eight processes that add ten attestations each leave eighty."""

    def write(writer: int) -> None:
        with open_repository(checkout.path, checkout.environment) as opened:
            for number in range(10):
                Attestations(opened).add([attestation(f"{number:064x}", f"run-{writer}")], WHO, WHEN)

    assert together(8, write) == [0] * 8
    found = Attestations(repository).find(f"{number:064x}" for number in range(10))
    assert sum(map(len, found.values())) == 80
    assert checkout.sound()

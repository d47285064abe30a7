"""Attestations: in-toto statements by fingerprint, of which none is ever lost."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

from kitchens.git.repository import open_repository
from kitchens.model.kitchen import Attestation
from kitchens.store.attestations import REF, Attestations, Found

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
        parts={"recipes/delays": "3" * 40},
    )
    return made._replace(**changes)


def stored(checkout, fingerprint: str) -> str:
    """The path of its only statement."""
    return checkout.git("ls-tree", "-r", "--name-only", REF, f"{fingerprint[:2]}/{fingerprint[2:]}/")


def put(checkout, fingerprint: str, name: str, content: bytes) -> None:
    """Make this the only file in the store."""
    blob = checkout.git("hash-object", "-w", "--stdin", input=content)
    leaf = checkout.git("mktree", input=f"100644 blob {blob}\t{name}\n".encode())
    middle = checkout.git("mktree", input=f"040000 tree {leaf}\t{fingerprint[2:]}\n".encode())
    top = checkout.git("mktree", input=f"040000 tree {middle}\t{fingerprint[:2]}\n".encode())
    checkout.git("update-ref", REF, checkout.git("commit-tree", "-m", "odd", top))


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
    statement = json.loads(checkout.git("show", f"{REF}:{stored(checkout, fingerprint)}"))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert statement["predicate"]["result"] == "PASSED"
    assert [each["digest"] for each in statement["subject"]] == [
        {"gitCommit": "1" * 40},
        {"gitTree": "2" * 40},
        {"gitTree": "3" * 40},
    ]
    assert statement["subject"][2]["name"] == "recipes/delays"


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
    good = checkout.git("show", f"{REF}:{stored(checkout, fingerprint)}")
    for content in ("no json", "[]", good.replace("PASSED", "FAILED"), good.replace(fingerprint, "f" * 64)):
        put(checkout, fingerprint, "01J.json", content.encode())
        assert store.find([fingerprint]) == {fingerprint: ()}


def test_one_changed_byte_attests_nothing(repository, checkout):
    """Each byte of the statement is covered by its file's name; the run is named as damaged."""
    fingerprint = "ab" + "0" * 62
    store = Attestations(repository)
    store.add([attestation(fingerprint)], WHO, WHEN)
    path = stored(checkout, fingerprint)
    good = checkout.git("show", f"{REF}:{path}").encode() + b"\n"
    for place in range(0, len(good), 97):
        changed = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
        put(checkout, fingerprint, path.rpartition("/")[2], changed)
        assert store.look([fingerprint])[fingerprint] == Found((), ("01J",))


def test_statements_of_the_first_version_still_count(repository, checkout):
    """They had no hash in their name, and no folders among their subjects."""
    fingerprint = "ab" + "0" * 62
    store = Attestations(repository)
    store.add([attestation(fingerprint, parts={})], WHO, WHEN)
    good = checkout.git("show", f"{REF}:{stored(checkout, fingerprint)}").encode()
    put(checkout, fingerprint, "01J.json", good)
    assert store.find([fingerprint]) == {fingerprint: (attestation(fingerprint, parts={}),)}


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

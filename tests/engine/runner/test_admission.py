"""Slots, and the embedded database as a lock."""

from __future__ import annotations

from kitchens_engine.trying.admission import READ, WRITE, Admission


def admitted(admission: Admission[str]) -> list[str]:
    found = []
    while (item := admission.admit()) is not None:
        found.append(item)
    return found


def test_as_many_as_there_are_slots() -> None:
    """In the order in which they asked."""
    admission = Admission[str](2)
    for item in "abc":
        admission.ask(item, None)

    assert admitted(admission) == ["a", "b"]
    admission.release(None)
    assert admitted(admission) == ["c"]


def test_one_writer_or_many_readers() -> None:
    """A reader that comes after a waiting writer waits behind it; who needs no database does not."""
    admission = Admission[str](9)
    for item, mode in (("r1", READ), ("r2", READ), ("w", WRITE), ("r3", READ), ("free", None)):
        admission.ask(item, mode)

    assert admitted(admission) == ["r1", "r2", "free"]
    admission.release(READ)
    assert admitted(admission) == []
    admission.release(READ)
    assert admitted(admission) == ["w"]
    admission.release(WRITE)
    assert admitted(admission) == ["r3"]


def test_a_node_that_has_begun_goes_first() -> None:
    """Its tests come before the next writer."""
    admission = Admission[str](9)
    admission.ask("writer", WRITE)
    assert admitted(admission) == ["writer"]
    admission.ask("next writer", WRITE)
    admission.resume("tests of another", READ)
    admission.release(WRITE)

    assert admitted(admission) == ["tests of another"]
    admission.release(READ)
    assert admitted(admission) == ["next writer"]

"""Merge queues in refs."""

from __future__ import annotations

import pytest

from kitchens.git.repository import Repository
from kitchens.model.names import KitchenName
from kitchens.model.queued import Queue, Queued
from kitchens.store.queues import Queues
from kitchens_engine.errors import EnvironmentFailure

from ..conftest import WHEN, WHO

DEV = KitchenName("dev")


def queued(name: str) -> Queued:
    """A kitchen that waits."""
    return Queued(KitchenName(name), str(WHO), WHEN)


def test_what_is_written_is_read_back(repository: Repository) -> None:
    """In its order, with what has left counted."""
    queues = Queues(repository)
    assert queues.read(DEV) == Queue(DEV)
    queues.change(DEV, lambda queue: queue.with_added(queued("a")).with_added(queued("b")), "add", WHO, WHEN)
    written = queues.change(DEV, lambda queue: queue.without("a", passed=1), "landed a", WHO, WHEN)
    assert queues.read(DEV) == written == Queue(DEV, (queued("b"),), passed=1)
    assert queues.names() == (DEV,)


def test_two_writers_lose_no_word(repository: Repository) -> None:
    """Whoever was slower is asked again, on top of what the other wrote."""
    queues, others = Queues(repository), [queued("b"), queued("c")]

    def change(queue: Queue) -> Queue:
        if others:
            other = others.pop()
            Queues(repository).change(DEV, lambda seen: seen.with_added(other), "add", WHO, WHEN)
        return queue.with_added(queued("a"))

    queues.change(DEV, change, "add a", WHO, WHEN)
    assert queues.read(DEV).names == ("c", "b", "a")


def test_a_queue_that_cannot_be_read_is_named(repository: Repository) -> None:
    """With the command that shows who wrote it."""
    tip = repository.refs.branch("main")
    assert tip is not None
    repository.refs.move("refs/queue/dev", tip, None, "by hand")
    with pytest.raises(EnvironmentFailure, match=r"cannot be read: there is no `queue\.toml`"):
        Queues(repository).read(DEV)

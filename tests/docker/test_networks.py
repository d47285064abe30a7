"""Networks of our own, made by several processes at once."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kitchens.containers.engine import Engine, connect
from kitchens.containers.networks import make_inside

pytestmark = pytest.mark.docker


def test_a_network_is_made_once_by_many_at_once(engine: Engine) -> None:
    """An engine lets two networks have one name, and then starts no container in either."""
    name = f"kitchens-test-{os.urandom(4).hex()}"
    starting = threading.Barrier(4)

    def make(one: Engine) -> str:
        starting.wait()
        return make_inside(one, name, {})

    with ThreadPoolExecutor(4) as threads:
        made = set(threads.map(make, [connect(os.environ) for _ in range(4)]))
    api = engine._api
    found = [one["Id"] for one in api.networks(names=[name])]
    for network in found:
        api.remove_network(network)

    assert made == set(found)
    assert len(found) == 1

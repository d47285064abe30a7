"""Every kind of node, in the process runtime. `tests/docker` holds containers to the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import conformance

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench


def test_every_kind_of_node(bench: Bench) -> None:
    """What `tests/conformance.py` asks of every runtime."""
    conformance.write(bench.root / "cookbook")

    conformance.hold(bench.nodes(bench.run(connections=conformance.CONNECTIONS)))

"""`noop`: a node that only joins others."""

from __future__ import annotations

from kitchens_engine.kinds.work import Site, Work
from kitchens_engine.recipe import Node
from kitchens_engine.state.scope import Scope


def prepare(node: Node, scope: Scope, site: Site) -> Work | None:
    """Nothing to do."""
    return None

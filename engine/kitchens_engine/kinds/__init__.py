"""What each kind of node does, one module a kind.

A kind that is a process has `prepare(node, scope, site)`, which returns its `Work`.
`recipe` and `ingredient` are graphs: they have `enter`, which returns the inner scope.
"""

from __future__ import annotations

from collections.abc import Callable

from kitchens_engine.kinds import noop, python, run, sql, wait
from kitchens_engine.kinds.work import Site, Work
from kitchens_engine.recipe import Node
from kitchens_engine.state.scope import Scope

PROCESSES: dict[str, Callable[[Node, Scope, Site], Work | None]] = {
    "run": run.prepare,
    "python": python.prepare,
    "sql": sql.prepare,
    "wait": wait.prepare,
    "noop": noop.prepare,
}


def database_mode(node: Node) -> str | None:
    """How the node's own work uses the embedded database: `write`, `read`, or not at all."""
    if wait.looks_into_database(node):
        return "read"
    return node.database or ("write" if node.action == "sql" and node.connection is None else None)

"""`python`: a function `module:name` beside the recipe.

It is called with those of `variables`, `inputs`, `data` (the data folder) and `database`
(an open connection, where the node says `database`) that it names as parameters, and
returns its outputs as a dictionary, or None.
"""

from __future__ import annotations

from kitchens_engine.kinds.work import Site, Work
from kitchens_engine.recipe import Node
from kitchens_engine.scope import Scope
from kitchens_engine.values import json_safe


def prepare(node: Node, scope: Scope, site: Site) -> Work:
    """A call through the worker."""
    request = {
        "function": node.body,
        "variables": json_safe(scope.variables),
        "inputs": json_safe(scope.inputs or {}),
        "data": str(site.data),
        "database": str(site.database),
        "mode": node.database,
    }
    return Work(site.call_worker("call"), request)

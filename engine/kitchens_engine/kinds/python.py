"""`python`: a script with arguments, or a function `module:name` beside the recipe.

A function is called with those of `OFFERS` that it names as parameters: `variables`, `inputs`,
`outputs` (of the nodes upstream), `data` (the data folder) and `database` (an open connection,
where the node says `database`); and with the node's `arguments`, held to its annotations. It
returns its outputs as a dictionary, or None.
"""

from __future__ import annotations

import re

from kitchens_engine.kinds.work import Site, Work
from kitchens_engine.language.recipe_shape import FUNCTION
from kitchens_engine.recipe import Node
from kitchens_engine.state.scope import Scope
from kitchens_engine.values import as_word, json_safe, with_types


def prepare(node: Node, scope: Scope, site: Site) -> Work:
    """The script in the runtime's Python, or a call through the worker."""
    if not isinstance(node.body, str):
        return Work((site.python, *(as_word(word) for word in scope.render(node.name, node.body))))
    if re.fullmatch(FUNCTION, node.body):
        return Work(site.call_worker("call"), _request(node, scope, site))
    import shlex

    return Work((site.python, *shlex.split(scope.render(node.name, node.body, shell=True))))


def _request(node: Node, scope: Scope, site: Site) -> dict[str, object]:
    return {
        "function": node.body,
        "node": node.name,
        "arguments": with_types(scope.render(node.name, node.arguments)),
        "variables": json_safe(scope.variables),
        "inputs": json_safe(scope.inputs or {}),
        "outputs": json_safe(scope.outputs_upstream(node.name)),
        "data": str(site.data),
        "database": str(site.database),
        "mode": node.database,
    }

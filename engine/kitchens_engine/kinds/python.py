"""`python`: a script with arguments, or a function `module:name` beside the recipe.

A function is called with those of `variables`, `inputs`, `data` and `database` that it
names as parameters, and returns its outputs as a dictionary, or None.
"""

from __future__ import annotations

import re
import shlex

from kitchens_engine.errors import InvalidInput
from kitchens_engine.kinds.work import Site, Work
from kitchens_engine.recipe import Node
from kitchens_engine.scope import Scope
from kitchens_engine.values import json_safe

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def prepare(node: Node, scope: Scope, site: Site) -> Work:
    """The script in the runtime's Python, or a call through the worker."""
    if not isinstance(node.body, str):
        words = [str(word) for word in scope.render(node.name, node.body)]
        return Work((site.python, *words))
    text = scope.render(node.name, node.body, shell=True)
    if _FUNCTION.fullmatch(text):
        return Work(site.call_worker("call"), _request(text, node, scope, site))
    words = shlex.split(text)
    if not words or not words[0].endswith(".py"):
        raise InvalidInput(
            f"node `{node.name}`: `{text}` is neither a script such as `score.py` nor a function such as `score:main`",
            file=node.position.file,
            line=node.position.line,
        )
    return Work((site.python, *words))


def _request(function: str, node: Node, scope: Scope, site: Site) -> dict[str, object]:
    return {
        "function": function,
        "variables": json_safe(scope.variables),
        "inputs": json_safe(scope.inputs or {}),
        "data": str(site.data),
        "database": str(site.database),
        "mode": node.database,
    }

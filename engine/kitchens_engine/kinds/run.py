"""`run`: a command, as text for the shell or as a list of words."""

from __future__ import annotations

from kitchens_engine.kinds.work import Site, Work
from kitchens_engine.recipe import Node
from kitchens_engine.runtimes.shells import SHELL
from kitchens_engine.state.scope import Scope
from kitchens_engine.values import as_word


def prepare(node: Node, scope: Scope, site: Site) -> Work:
    """The command with its templates filled in; values are quoted for the shell where there is one."""
    return Work(command(node, scope))


def command(node: Node, scope: Scope) -> tuple[str, ...]:
    """The argv of a `run` node."""
    if isinstance(node.body, str):
        return (*SHELL, scope.render(node.name, node.body, shell=True))
    return tuple(as_word(word) for word in scope.render(node.name, node.body))

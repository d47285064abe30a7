"""Connections of a run: refused before anything runs when one is not there, and their URLs just before they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from kitchens_engine.errors import InvalidInput
from kitchens_engine.language.secrets import filled, reference
from kitchens_engine.templating import template
from kitchens_engine.toml.nearest import hints
from kitchens_engine.trying import secrets

if TYPE_CHECKING:
    from kitchens_engine.order import Order
    from kitchens_engine.state.plan import Plan

#: How the worker gets the URL: of all that a process has, only its environment is nobody else's to read.
VARIABLE = "KITCHEN_CONNECTION"


def refuse_missing(plan: Plan, order: Order) -> None:
    """Raise `InvalidInput` for the first connection of the plan's nodes that the cookbook lacks, or whose secret the vault lacks."""
    for inner in plan.walk():
        for name in inner.nodes:
            node = inner.recipe.nodes[name]
            if node.connection is None:
                continue
            if node.connection not in order.connections:
                message = (
                    f"node `{name}` uses connection `{node.connection}`, which `kitchens.toml` does not have"
                )
                raise InvalidInput(
                    message,
                    *hints(node.connection, order.connections),
                    file=node.position.file,
                    line=node.position.line,
                )
            secret = reference(order.connections[node.connection])
            scope = secrets.scope(gate=order.gate)
            if secret is None or (order.secrets is not None and order.secrets.has(secret, scope)):
                continue
            message = f"connection `{node.connection}` wants secret `{secret}`, which the vault does not have"
            advice = () if order.secrets is None else (order.secrets.how_to_set(secret, scope),)
            where = " in its scope `gate`" if order.gate else ""
            raise InvalidInput(
                f"{message}{where}; nothing was run",
                *advice,
                code="secret",
                file=node.position.file,
                line=node.position.line,
            )


def url_of(name: str, order: Order) -> str:
    """The URL of a connection, its secret and the kitchen's name and data folder filled in. The run hides its password."""
    subject = f"connection `{name}`"
    url = filled(order.connections[name], lambda secret: secrets.value_of(secret, subject, order))
    if template.has_markers(url):
        kitchen = order.kitchen
        seen = {"name": kitchen.name, "data": str(kitchen.data), "parent": kitchen.parent}
        url = str(template.render(url, {"kitchen": seen}))
    password = _password(url)
    if password:
        order.hidden.hide(unquote(password))
    return url


def _password(url: str) -> str | None:
    try:
        return urlsplit(url).password
    except ValueError:
        return None

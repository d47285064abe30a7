"""Which database a gate uses in a connection's place, and what it refuses to touch. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from kitchens.model.cookbook import Connection, Cookbook
from kitchens_engine.errors import InvalidInput
from kitchens_engine.language.secrets import filled
from kitchens_engine.recipe import Recipe

#: How the URL of a file in the kitchen's own data folder begins, after its scheme.
_OWN_DATA = ("/{{ kitchen.data }}/", "/{{kitchen.data}}/")


def gate_urls(cookbook: Cookbook) -> dict[str, str]:
    """The URL of every connection in a gate."""
    return {name: each.gate_url or each.url for name, each in cookbook.connections.items()}


def refuse_leaving(cookbook: Cookbook, recipes: Iterable[Recipe]) -> None:
    """Raise `InvalidInput` when one of the recipes uses a connection that leads out of the kitchen, and has no `gate`."""
    used = {node.connection for recipe in recipes for node in recipe.nodes.values() if node.connection}
    for name in sorted(used & cookbook.connections.keys()):
        connection = cookbook.connections[name]
        if connection.gate_url is None and leaves(connection, cookbook.services):
            raise InvalidInput(
                f"connection `{name}` leaves the kitchen, and a gate must touch nothing outside; nothing was run",
                f'say what a gate uses instead: `gate = {{ url = "…" }}` in `[connections.{name}]`',
                code="connection",
                file="kitchens.toml",
            )


def leaves(connection: Connection, services: Collection[str]) -> bool:
    """Whether it goes anywhere but to a service of the kitchen, its data folder, or memory."""
    try:
        # A reference to the vault holds a slash, at which a host would end.
        parts = urlsplit(filled(connection.url, lambda _: "secret"))
        host = parts.hostname
    except ValueError:
        return True
    if host is not None:
        return host not in services
    if parts.path in ("", "/", "/:memory:") and parts.scheme.startswith(("sqlite", "duckdb")):
        return False
    return not f"/{parts.path.lstrip('/')}".startswith(_OWN_DATA) or ".." in parts.path.split("/")

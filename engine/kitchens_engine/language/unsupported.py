"""What the language has and this version does not run yet: said aloud instead of passed over."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from kitchens_engine.language.fitting import Wrong
from kitchens_engine.recipe import Recipe
from kitchens_engine.toml.nearest import did_you_mean

ACTIONS = frozenset({"copy", "notebook", "wait"})
RULES = frozenset({"control"})


def unsupported(recipe: Recipe, connections: Collection[str] | None) -> Iterator[Wrong]:
    """Everything in the recipe that only a later version runs, and connections that nobody declared."""
    for node in recipe.nodes.values():
        path = ("nodes", node.name)
        if node.action in ACTIONS:
            yield Wrong((*path, node.action), f"`{node.action}` nodes are not supported by this version")
        if node.connection is not None:
            here = (*path, "connection")
            if connections is not None and node.connection not in connections:
                message = f"node `{node.name}` uses connection `{node.connection}`, which `kitchens.toml` does not have"
                yield Wrong(here, message, did_you_mean(node.connection, connections))
            else:
                yield Wrong(
                    here,
                    "connections are not supported by this version",
                    "take `connection` away to use the embedded DuckDB",
                )
        for index, test in enumerate(node.tests):
            if test.rule in RULES:
                key = (*path, "tests", index, test.rule)
                yield Wrong(key, f"`{test.rule}` rules are not supported by this version")

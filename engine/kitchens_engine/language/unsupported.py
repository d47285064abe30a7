"""What the language has and this version does not run yet: said aloud instead of passed over."""

from __future__ import annotations

from collections.abc import Iterator

from kitchens_engine.language.fitting import Wrong
from kitchens_engine.recipe import Recipe

ACTIONS = frozenset({"copy", "notebook"})
RULES = frozenset({"control"})


def unsupported(recipe: Recipe) -> Iterator[Wrong]:
    """Everything in the recipe that only a later version runs."""
    for node in recipe.nodes.values():
        path = ("nodes", node.name)
        if node.action in ACTIONS:
            yield Wrong((*path, node.action), f"`{node.action}` nodes are not supported by this version")
        for test in node.tests:
            if test.rule in RULES:
                key = (*path, "tests", test.place, test.rule)
                yield Wrong(key, f"`{test.rule}` rules are not supported by this version")

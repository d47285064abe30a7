"""A cookbook in memory under a closer look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from textwrap import dedent

import pytest

from kitchens_engine.checking.inspect import inspect
from kitchens_engine.errors import Fault
from kitchens_engine.language.shelf import Shelf
from tests.engine.files import Files


def _inspected(
    text: str, files: Mapping[str, str] | None = None, connections: Mapping[str, str | None] | None = None
) -> list[Fault]:
    beside = {
        f"recipes/r/{path}" if "/" not in path else path: inner for path, inner in (files or {}).items()
    }
    source = {"recipes/r/recipe.toml": text, **beside}
    shelf = Shelf(Files({path: dedent(inner).encode() for path, inner in source.items()}))
    return [*inspect(shelf, connections=connections)]


@pytest.fixture
def inspected() -> Callable[..., list[Fault]]:
    """The faults of a recipe `r`; `files` are others by path, beside it where the path has no folder."""
    return _inspected


@pytest.fixture
def said() -> Callable[..., list[str]]:
    """The same, each as one line of severity, line and message."""
    return lambda text, files=None: [
        f"{fault.severity} {fault.line}: {fault.message}" for fault in _inspected(text, files)
    ]

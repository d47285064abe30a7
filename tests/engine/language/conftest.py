"""A cookbook in memory, and faults as a user reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from textwrap import dedent

import pytest

from kitchens_engine.errors import Fault
from kitchens_engine.language.load import parse_recipe
from kitchens_engine.language.shelf import Shelf
from kitchens_engine.recipe import Recipe
from tests.engine.files import Files


def _source(files: Mapping[str, str]) -> Files:
    return Files({path: dedent(text).encode() for path, text in files.items()})


def _line(fault: Fault) -> str:
    return f"{fault.file.rpartition('/')[2]}:{fault.line}:{fault.column} [{fault.key}] {fault.message}"


@pytest.fixture
def shelf() -> Callable[[Mapping[str, str]], Shelf]:
    """Files by path, as a shelf."""
    return lambda files: Shelf(_source(files))


@pytest.fixture
def parse() -> Callable[..., Recipe]:
    """The recipe in a text that has no faults."""

    def parse(text: str, folder: str = "recipes/r", **files: str) -> Recipe:
        recipe, faults = parse_recipe("r", folder, dedent(text).encode(), _source(_beside(folder, files)))
        assert faults == ()
        assert recipe is not None
        return recipe

    return parse


@pytest.fixture
def faults() -> Callable[..., list[Fault]]:
    """The faults of a text; keyword arguments are files beside it, with `_` for `.`."""

    def faults(text: str, folder: str = "recipes/r", **files: str) -> list[Fault]:
        recipe, found = parse_recipe("r", folder, dedent(text).encode(), _source(_beside(folder, files)))
        assert (recipe is None) == any(fault.severity == "error" for fault in found)
        return list(found)

    return faults


@pytest.fixture
def lines(faults: Callable[..., list[Fault]]) -> Callable[..., list[str]]:
    """The same faults, each as one line."""
    return lambda text, folder="recipes/r", **files: [_line(fault) for fault in faults(text, folder, **files)]


def _beside(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    return {f"{folder}/{name.replace('_', '.')}": text for name, text in files.items()}

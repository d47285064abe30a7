"""One `recipe.toml` read at the door: a `Recipe`, or every fault of the file at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kitchens_engine.errors import Fault
from kitchens_engine.language.build import build_recipe, build_test
from kitchens_engine.language.files import Once, file_faults, functional_tests, sql_file_faults
from kitchens_engine.language.graph import graph_faults
from kitchens_engine.language.limits import limit_faults
from kitchens_engine.language.recipe_shape import INGREDIENT, RECIPE
from kitchens_engine.language.references import reference_faults, replaced_faults, spots
from kitchens_engine.ports import Source
from kitchens_engine.recipe import EMPTY, Recipe, sql_file
from kitchens_engine.toml import shape
from kitchens_engine.toml.document import Document, read_document
from kitchens_engine.tuples import NamedTuple
from kitchens_engine.variables.constrained import constraint_faults


class Reading(NamedTuple):
    """What came of reading a file: its faults, and as much of the recipe as could be understood.

    `draft` is the recipe without what is wrong in it, good for nothing but finding more
    faults; `values` is what it was made of. Both are there unless the file is no TOML.
    """

    faults: tuple[Fault, ...]
    document: Document | None = None
    values: Mapping[str, Any] = EMPTY
    draft: Recipe | None = None

    @property
    def recipe(self) -> Recipe | None:
        """The recipe, when nothing is wrong with it."""
        return None if any(fault.severity == "error" for fault in self.faults) else self.draft

    @property
    def contract(self) -> Recipe | None:
        """The recipe, when nothing is wrong with what others may say of it: its variables, inputs, outputs."""
        heads = {re.split(r"[.[]", fault.key)[0] for fault in self.faults if fault.severity == "error"}
        return None if heads & {"", *_CONTRACT} else self.draft


_CONTRACT = ("variables", "constraints", "variations", "inputs", "outputs")


def parse_recipe(
    name: str, folder: str, text: bytes, source: Source
) -> tuple[Recipe | None, tuple[Fault, ...]]:
    """The recipe in `text`, and what is wrong with it, in the order of the file.

    With an error there is no recipe; warnings come beside it. `source` tells which
    scripts and SQL files are there; other recipes are not looked at.
    """
    reading = read_recipe(name, folder, text, source)
    return reading.recipe, reading.faults


def read_recipe(name: str, folder: str, text: bytes, source: Source) -> Reading:
    """The same, with whatever of a faulty file could be understood."""
    document = read_document(text, f"{folder}/recipe.toml")
    if isinstance(document, Fault):
        return Reading((document,))
    source = Once(source)
    contract = INGREDIENT if folder.startswith("ingredients/") else RECIPE
    values, wrong = shape.examine(document, contract)
    tested = functional_tests(source, f"{folder}/tests")
    recipe = build_recipe(document, values, name, folder, functional_tests=tested)
    faults = shape.in_order([*wrong, *_faults(document, values, recipe, source)])
    return Reading(faults, document, values, recipe)


def _faults(document: Document, values: Mapping[str, Any], recipe: Recipe, source: Source) -> Iterator[Fault]:
    if not recipe.name.isprintable():  # no record, table or command line takes it
        message = f"`{repr(recipe.name)[1:-1]}` cannot be the name of a folder with a recipe"
        yield document.fault((), message, "use letters, digits, `_`, `-` and `.`")
    yield from graph_faults(document, recipe)
    yield from constraint_faults(document, values, recipe)
    for node in recipe.nodes.values():
        yield from file_faults(document, recipe, node, source)
    yield from _test_faults(document, values, recipe, source)
    found = list(spots(values, recipe, source))
    for spot in found:
        yield from reference_faults(document, recipe, spot)
    yield from replaced_faults(document, recipe, found)


def _test_faults(
    document: Document, values: Mapping[str, Any], recipe: Recipe, source: Source
) -> Iterator[Fault]:
    for name, table in values.get("nodes", {}).items():
        seen: set[str] = set()
        for index, entry in enumerate(table.get("tests", ())):
            path = ("nodes", name, "tests", index)
            test = build_test(document, path, entry)
            if test is None:
                continue  # its faults were found by its shape
            yield from limit_faults(document, recipe, name, path, test)
            if test.name in seen:
                yield document.fault(path, f"node `{name}` has two tests called `{test.name}`")
            seen.add(test.name)
            if test.measure == "sql" and (file := sql_file(str(test.expression))):
                who = f"test `{test.name}`"
                yield from sql_file_faults(document, (*path, "sql"), who, file, recipe, source)

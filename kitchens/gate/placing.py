"""Where in the cookbook it is written what a gate found red: the line of a test, of a node, of a Python function."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kitchens.gate.tree import TreeView
from kitchens.model.gate import Failure, Measured
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens_engine.recipe import Node, Recipe

#: What a fanned-out node adds to the name that the recipe gives it.
_ITEM = re.compile(r"\[\d+\]$")


class Place(NamedTuple):
    """A line, from 1, of a file of the cookbook."""

    file: str
    line: int


def placed(view: TreeView, recipe: str, failure: Failure) -> Failure:
    """The failure with the place of the test that decided, of the node, or of the recipe where neither is known."""
    found = _place(view, recipe, failure)
    return failure if found is None else replace(failure, file=found.file, line=found.line)


def expected(view: TreeView, recipe: str, measures: Iterable[tuple[str, object]]) -> tuple[Measured, ...]:
    """What an attestation says was measured, by `<node path>: <test>` (the first version: by test), with the limits that
    the recipe has for these tests."""
    from kitchens_engine.testing.rules import limits

    whole = view.shelf.parsed(f"recipes/{recipe}")
    nodes = whole.nodes if whole else {}
    known = {}
    for node in nodes.values():
        for test in node.tests:
            # A limit that is a template was another value in each run.
            limit = None if "{{" in str(test.limit) else limits(test.rule, test.limit)
            known[test.name] = known[f"{node.name}: {test.name}"] = (node.name, test.name, limit)

    def named(key: str) -> tuple[str | None, str, str | None]:
        path, _, name = key.partition(": ")
        inside = name and path.partition("/")[0] in nodes
        return known.get(key, (path, name, None) if inside else (None, key, None))

    measured = [(*named(key), value) for key, value in measures]
    return tuple(Measured(node, name, "attested", value, limit) for node, name, limit, value in measured)


def _place(view: TreeView, recipe: str, failure: Failure) -> Place | None:
    if failure.node is None and failure.test is not None:
        return _of_function(view, failure.recipe or recipe, failure.test)
    whole = view.shelf.parsed(f"recipes/{recipe}")
    if whole is None:
        return None
    node = _node(view, whole, (failure.node or "").split("/"))
    if node is None:
        return Place(whole.file, 1)
    test = next((test for test in node.tests if test.name == failure.test), None)
    found = node.position if test is None else test.position
    return Place(found.file, found.line)


def _node(view: TreeView, recipe: Recipe, path: Sequence[str]) -> Node | None:
    """The node at a path through nested recipes; the nearest around it when the rest cannot be followed."""
    node = recipe.nodes.get(_ITEM.sub("", path[0]))
    if node is None or len(path) == 1 or node.action not in ("recipe", "ingredient"):
        return node
    inside = view.shelf.parsed(f"{node.action}s/{node.body}")
    return (inside and _node(view, inside, path[1:])) or node


def _of_function(view: TreeView, recipe: str, test: str) -> Place | None:
    """Where pytest's `test_file.py::TestClass::test_function[case]` is defined, or else its file."""
    path, *names = test.partition("[")[0].split("::")
    for room in ("recipes", "ingredients"):
        # pytest names files from the recipe's folder on; a file that cannot be imported, too.
        file = f"{room}/{recipe}/{path}"
        if path.endswith(".py") and (text := view.source.read(file)) is not None:
            return Place(file, _line_of(text, names))
    return None


def _line_of(text: bytes, names: Sequence[str]) -> int:
    try:
        body: Sequence[ast.stmt] = ast.parse(text).body
    except (SyntaxError, ValueError) as fault:
        return getattr(fault, "lineno", None) or 1
    line = 1
    for name in names:
        found = next((each for each in body if getattr(each, "name", None) == name), None)
        if not isinstance(found, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            return line
        line, body = found.lineno, found.body
    return line

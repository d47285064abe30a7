"""Files of functional tests in which pytest would find nothing."""

from __future__ import annotations

import ast
import posixpath
import re
import sys
import warnings
from collections.abc import Iterator

from kitchens_engine.checking.subject import Subject
from kitchens_engine.errors import Fault
from kitchens_engine.language.files import is_test_file
from kitchens_engine.ports import Source

_FUNCTION = re.compile(rb"^[ \t]*(?:async[ \t]+)?def[ \t]+test", re.MULTILINE)


def faults(subject: Subject) -> Iterator[Fault]:
    """A warning for each file of `tests/` that cannot be read or has no test, and for a folder without any."""
    folder = f"{subject.recipe.folder}/tests"
    files = list(_python_files(subject.shelf.source, folder))
    tests = [file for file in files if is_test_file(posixpath.basename(file))]
    others = [file for file in files if posixpath.basename(file) not in ("conftest.py", "__init__.py")]
    if others and not tests:
        message = f"`{folder}` has no file that pytest looks into: their names are `test_*.py` or `*_test.py`"
        yield Fault("warning", others[0], 1, 1, "", message)
    for file in tests:
        yield from _of_file(file, subject.shelf.source.read(file) or b"")


def _python_files(source: Source, folder: str) -> Iterator[str]:
    for name in source.names(folder):
        if name.endswith(".py"):
            yield f"{folder}/{name}"
        elif "." not in name and name != "__pycache__":
            yield from _python_files(source, f"{folder}/{name}")


def _of_file(file: str, text: bytes) -> Iterator[Fault]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of the style of other people's code
            tree = ast.parse(text)
    except SyntaxError as error:
        # The toolchain's Python may be newer than ours.
        version = ".".join(str(part) for part in sys.version_info[:2])
        message = f"Python {version} cannot read this file: {error.msg}"
        yield Fault("warning", file, error.lineno or 1, max(error.offset or 1, 1), "", message)
        return
    except (ValueError, RecursionError, MemoryError):
        yield Fault("warning", file, 1, 1, "", "Python cannot read this file")
        return
    if not _FUNCTION.search(text) and not any(_brings_tests(node) for node in ast.walk(tree)):
        message = "there is no test in this file: pytest looks for functions called `test…`"
        yield Fault("warning", file, 1, 1, "", message)


def _brings_tests(node: ast.AST) -> bool:
    """Whether tests may come from here: a function, a class made of another, or an import of one."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name.startswith("test")
        case ast.ClassDef(bases=bases):
            return bool(bases)
        case ast.ImportFrom(names=names):
            return any((each.asname or each.name).lower().startswith(("test", "*")) for each in names)
    return False

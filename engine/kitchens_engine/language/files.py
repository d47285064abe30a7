"""The files that a recipe names: whether they are there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import dropwhile

from kitchens_engine.errors import Fault
from kitchens_engine.language.recipe_shape import FUNCTION, OFFERS, words_of
from kitchens_engine.ports import Source
from kitchens_engine.recipe import Node, Recipe, sql_file
from kitchens_engine.templating.template import has_markers
from kitchens_engine.toml.document import Document
from kitchens_engine.toml.nearest import did_you_mean, nearest
from kitchens_engine.toml.positions import Path

_INTERPRETER = r"(?:python[\d.]*|sh|bash|dash|zsh|perl|ruby|node|Rscript)"


class Once:
    """A source that is asked once for each file and folder: a thousand nodes may name the same, and all are to see one."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._files: dict[str, bytes | None] = {}
        self._folders: dict[str, Sequence[str]] = {}

    def read(self, path: str) -> bytes | None:
        """The content of the file at `path`, or None when there is no such file."""
        if path not in self._files:
            self._files[path] = self._source.read(path)
        return self._files[path]

    def names(self, folder: str) -> Sequence[str]:
        """The names directly inside `folder`, sorted; empty when there is no such folder."""
        if folder not in self._folders:
            self._folders[folder] = self._source.names(folder)
        return self._folders[folder]


def path_in_cookbook(folder: str, path: str) -> str | None:
    """The path of a file that a recipe in `folder` names, or None when it lies outside the cookbook."""
    joined = posixpath.normpath(posixpath.join(folder, path))
    return None if joined.startswith(("/", "../")) or joined == ".." else joined


def file_faults(document: Document, recipe: Recipe, node: Node, source: Source) -> Iterator[Fault]:
    """A fault when the script that the node starts, or the SQL file that it or a test names, is not there."""
    path: Path = ("nodes", node.name, node.action)
    if node.action == "sql" and (name := sql_file(node.body)):
        yield from sql_file_faults(document, path, f"node `{node.name}`", name, recipe, source)
    elif node.action == "wait" and isinstance(node.body, Mapping) and "sql" in node.body:
        if name := sql_file(str(node.body["sql"])):
            yield from sql_file_faults(document, (*path, "sql"), f"node `{node.name}`", name, recipe, source)
    elif node.action == "run" and (script := _script(node.body)):
        yield from _script_faults(document, path, node, script, recipe, source)
    elif node.action == "python" and (script := _word(node.body)):
        if script.endswith(".py"):
            yield from _script_faults(document, path, node, script, recipe, source)
        else:
            yield from _module_faults(document, path, node, recipe, source)
    if node.arguments and not re.fullmatch(FUNCTION, str(node.body)):
        message = f"node `{node.name}` runs a script, and `arguments` are for a function such as `score:main`"
        hint = 'give a script its arguments in the command: `python = "score.py --year 2026"`'
        yield document.fault((*path[:-1], "arguments"), message, hint)


def sql_file_faults(
    document: Document, path: Path, who: str, name: str, recipe: Recipe, source: Source
) -> Iterator[Fault]:
    """A fault when the SQL file `name` is not there. A name that is a template is known only in a run."""
    if has_markers(name):
        return
    where = path_in_cookbook(recipe.folder, name)
    if where is None:
        yield document.fault(path, f"{who} names `{name}`, which lies outside the cookbook")
    elif source.read(where) is None:
        yield document.fault(path, f"{who} names `{where}`, which does not exist", _near(where, source))


def functional_tests(source: Source, folder: str) -> bool:
    """Whether the folder holds pytest files, at any depth."""
    for name in source.names(folder):
        if is_test_file(name):
            return True
        if "." not in name and functional_tests(source, f"{folder}/{name}"):
            return True
    return False


def is_test_file(name: str) -> bool:
    """Whether pytest looks for tests in a file of this name."""
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def _word(body: str | Sequence[str]) -> str | None:
    """The first word of a script with its arguments, unless only a run will know it."""
    word = (words_of(body) if isinstance(body, str) else body)[0]
    return None if has_markers(word) else word


def _script(body: str | Sequence[str]) -> str | None:
    """The script that a command starts with, as far as one can tell without a shell."""
    words = body.split("\n", 1)[0].split() if isinstance(body, str) else list(body)
    if words and re.fullmatch(r"\.{1,2}/[\w./-]+", words[0]):
        return words[0]
    if not words or not re.fullmatch(_INTERPRETER, words[0]):
        return None
    # Options that take no word of their own; after any other, the script would be a guess.
    rest = dropwhile(("-u", "-e", "-B", "-E", "-I", "-s", "-O", "-eu", "-x").__contains__, words[1:])
    script = next(rest, "")
    return script if re.fullmatch(r"(?![-/])[\w./-]+\.\w+", script) else None


def _script_faults(
    document: Document, path: Path, node: Node, script: str, recipe: Recipe, source: Source
) -> Iterator[Fault]:
    where = path_in_cookbook(recipe.folder, script)
    if where is None or source.read(where) is not None:
        return
    message = f"node `{node.name}` starts `{where}`, which does not exist"
    hint = _near(where, source)
    # A node before this one might write the script; a near miss is a slip all the same.
    severity = "warning" if node.needs and hint is None else "error"
    yield document.fault(path, message, hint, severity=severity)


def _module_faults(
    document: Document, path: Path, node: Node, recipe: Recipe, source: Source
) -> Iterator[Fault]:
    dotted = str(node.body).partition(":")[0]
    module = dotted.partition(".")[0]
    beside = {name.removesuffix(".py") for name in source.names(recipe.folder)}
    if module in beside:
        yield from _function_faults(document, path[:-1], node, dotted, recipe, source)
        return
    # It may well be an installed package: only a near miss is worth a word.
    if hint := did_you_mean(module, beside):
        message = f"node `{node.name}` calls module `{module}`, which does not lie beside the recipe"
        yield document.fault(path, message, hint, severity="warning")


def _function_faults(
    document: Document, path: Path, node: Node, module: str, recipe: Recipe, source: Source
) -> Iterator[Fault]:
    from kitchens_engine.language.functions import function_wrongs

    base = f"{recipe.folder}/{module.replace('.', '/')}"
    for where in (f"{base}.py", f"{base}/__init__.py"):
        content = source.read(where)
        if content is not None:
            called = str(node.body)
            for wrong in function_wrongs(content, where, path, called, node.arguments, OFFERS):
                yield document.fault(wrong.path, wrong.message, wrong.hint, severity=wrong.severity)
            return
    if "." in module:
        folder = posixpath.dirname(base)
        known = [name.removesuffix(".py") for name in source.names(folder)]
        message = f"node `{node.name}` calls module `{module}`, and there is no `{base}.py`"
        hint = did_you_mean(posixpath.basename(base), known)
        yield document.fault((*path, "python"), message, hint)


def _near(where: str, source: Source) -> str | None:
    """The nearest name among the files of the same kind. The kind alone makes no file near."""
    folder, name = posixpath.split(where)
    stem, kind = posixpath.splitext(name)
    stems = [posixpath.splitext(other)[0] for other in source.names(folder) if other.endswith(kind)]
    found = nearest(stem, stems, likeness=0.75)
    return f"did you mean `{found}{kind}`?" if found else None

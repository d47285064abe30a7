"""Functions that nodes call: whether they are there and take what they are given. Files are read, never imported."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kitchens_engine.templating.template import has_markers
from kitchens_engine.toml.nearest import did_you_mean
from kitchens_engine.toml.positions import Path
from kitchens_engine.toml.types import type_name
from kitchens_engine.tuples import NamedTuple

#: The annotations that a value of `recipe.toml` can be held to without a run, with what they admit.
_PLAIN: Mapping[str, tuple[str, ...]] = {
    "int": ("integer",),
    "float": ("float", "integer"),
    "str": ("string",),
    "bool": ("boolean",),
    "list": ("list",),
    "dict": ("table",),
    "date": ("date", "string"),
    "datetime": ("datetime", "string"),
    "time": ("time", "string"),
    "Path": ("string",),
}


class Wrong(NamedTuple):
    """A fault at a key, before anyone looked up its line."""

    path: Path
    message: str
    hint: str | None = None
    severity: str = "error"


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a function by name, with the names of their annotations where those are plain.

    `required` have no default; `open` says that it takes any keyword.
    """

    parameters: Mapping[str, str | None]
    required: tuple[str, ...]
    positional: tuple[str, ...]
    open: bool
    is_async: bool


def function_wrongs(
    content: bytes, file: str, path: Path, called: str, arguments: Mapping[str, Any], offers: Collection[str]
) -> Iterator[Wrong]:
    """What is wrong with a call of the function `called` (`module:function`) in a module with this content.

    `path` is the node's; `offers` are what a function gets of itself.
    """
    here = (*path, "python")
    try:
        module = _parsed(content)
    except (SyntaxError, ValueError) as error:
        where = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        # The toolchain's Python may be newer than this one, and read it.
        yield Wrong(here, f"`{file}{where}` cannot be read as Python here: {why}", severity="warning")
        return
    name = called.partition(":")[2]
    found, known = _definition(module, name)
    if found is None:
        if known is not None:
            message = f"node `{path[-1]}` calls `{name}`, which `{file}` does not have"
            yield Wrong(here, message, did_you_mean(name, known))
        return
    yield from _call_wrongs(_signature(found), path, called, arguments, offers)


@lru_cache(maxsize=8)
def _parsed(content: bytes) -> ast.Module:
    """The module. A recipe's nodes mostly call the functions of a few."""
    return ast.parse(content)


def _call_wrongs(
    signature: Signature, path: Path, called: str, arguments: Mapping[str, Any], offers: Collection[str]
) -> Iterator[Wrong]:
    node = path[-1]
    if signature.is_async:
        message = f"`{called}` is `async`; a node calls a plain function, which may call `asyncio.run`"
        yield Wrong((*path, "python"), message)
    for name in signature.positional:
        message = f"parameter `{name}` of `{called}` takes no keyword (it stands before `/`), and a node gives keywords only"
        yield Wrong((*path, "python"), message)
    for name, value in arguments.items():
        here = (*path, "arguments", name)
        if name not in signature.parameters:
            if not signature.open:
                hint = did_you_mean(name, signature.parameters)
                yield Wrong(here, f"`{called}` has no parameter `{name}`", hint)
            continue
        wanted = signature.parameters[name]
        literal = not (isinstance(value, str) and has_markers(value))
        admitted = _PLAIN.get(wanted or "")
        if literal and admitted and type_name(value) not in admitted:
            message = f"node `{node}`: parameter `{name}` of `{called}` wants `{wanted}`, and gets {type_name(value)}: `{value}`"
            yield Wrong(here, message)
    for name in signature.required:
        if name not in arguments and name not in offers:
            message = f"node `{node}` gives parameter `{name}` of `{called}` no value"
            yield Wrong((*path, "python"), message, f"add it to `nodes.{node}.arguments`")


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _definition(module: ast.Module, name: str) -> tuple[_Function | None, list[str] | None]:
    """The function of that name at the top of the module; beside it all names there, or None when they cannot be told.

    A name that is there but no plain function (imported, assigned, decorated) has a signature that
    only a run knows: neither function nor names.
    """
    names: list[str] = []
    found: ast.stmt | None = None
    for statement in _at_top(module.body):
        bound = _bound(statement)
        if bound is None or "__getattr__" in bound:
            return None, None
        names += bound
        if name in bound:
            found = statement
    if isinstance(found, _Function) and not found.decorator_list:
        return found, names
    return None, names if found is None else None


def _at_top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
            for inner in ("body", "orelse", "finalbody"):
                yield from _at_top(getattr(statement, inner, []))
            for handler in getattr(statement, "handlers", []):
                yield from _at_top(handler.body)


def _bound(statement: ast.stmt) -> list[str] | None:
    """The names that a statement binds; None when they cannot be told, as after `import *`."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Import() | ast.ImportFrom():
            names = [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
            return None if "*" in names else names
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            return [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
        case _:
            return []


def _signature(function: _Function) -> Signature:
    given = function.args
    plain = [*given.posonlyargs, *given.args]
    without = [each.arg for each in plain[: len(plain) - len(given.defaults)]]
    without += [
        each.arg for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default is None
    ]
    positional = [each.arg for each in given.posonlyargs]
    return Signature(
        parameters={each.arg: _annotation(each.annotation) for each in (*given.args, *given.kwonlyargs)},
        required=tuple(name for name in without if name not in positional),
        positional=tuple(name for name in positional if name in without),
        open=given.kwarg is not None,
        is_async=isinstance(function, ast.AsyncFunctionDef),
    )


def _annotation(annotation: ast.expr | None) -> str | None:
    """The plain name of an annotation: `list` of `list[str]`, `date` of `datetime.date`; None for others."""
    match annotation:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
        case ast.Constant(value=str(text)):
            return text
        case ast.Subscript(value=ast.Name(id=("list" | "dict") as name)):
            return name
        case _:
            return None

"""What a template or condition is worth, found without running it: its type, a constant, comparisons of unlike things."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jinja2 import TemplateSyntaxError, nodes

from kitchens_engine.templating import dates, jinja
from kitchens_engine.templating.known import Problem, Worth
from kitchens_engine.templating.syntax import chain
from kitchens_engine.toml.types import type_name, with_article

#: The type of what a chain such as `outputs.clean.rows` leads to; None where only a run knows.
TypeOf = Callable[[tuple[str, ...]], str | None]

_NUMBERS = ("integer", "float", "boolean")
_FILTERS = {
    **dict.fromkeys(("length", "count", "int"), "integer"),
    "float": "float",
    "list": "list",
    **dict.fromkeys(("string", "upper", "lower", "trim", "replace", "title", "capitalize", "join"), "string"),
    **dict.fromkeys(("raw", "sql"), "string"),
}
#: `format` is for other text, too.
_OF_DATES = dates.FILTERS.keys() - {"format"}
_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "lt": operator.lt,
    "gteq": operator.ge,
    "lteq": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
    "in": lambda one, other: one in other,
    "notin": lambda one, other: one not in other,
}
_SUMS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


class _Unknown(Exception):
    """Only a run knows the value."""


def worth(text: str, type_of: TypeOf, *, expression: bool) -> Worth:
    """What the text is worth; nothing is known of one that cannot be read, whose fault is told elsewhere."""
    try:
        tree = jinja.read(text, expression=expression)
        found = _Reader(type_of, _own_names(tree))
        whole = _whole(tree)
        if whole is None:
            for child in tree.iter_child_nodes():
                found.type(child)
            return Worth("string", problems=tuple(found.problems))
        kind = found.type(whole)
        return Worth(kind, _chain_text(whole), tuple(found.problems), _constant_of(whole))
    except (TemplateSyntaxError, RecursionError):
        return Worth(None)


def _whole(tree: nodes.Template) -> nodes.Expr | None:
    match tree.body:
        case [nodes.Assign(target=nodes.Name(name="result"), node=nodes.Expr() as value)]:
            return value
        case [nodes.Output(nodes=[nodes.Expr() as value])] if not isinstance(value, nodes.TemplateData):
            return value
    return None


def _own_names(tree: nodes.Template) -> frozenset[str]:
    assigned = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
    return frozenset(assigned | {macro.name for macro in tree.find_all(nodes.Macro)})


def _chain_text(node: nodes.Node) -> str | None:
    path = chain(node)
    return ".".join(path) if path else None


# ── constants ────────────────────────────────────────────────────────────────────────────
def _constant_of(node: nodes.Expr) -> tuple[Any] | None:
    try:
        return (_value(node),)
    except (_Unknown, TypeError, ValueError, ArithmeticError):
        return None


def _value(node: nodes.Node) -> Any:
    """The value that the expression has whatever the names in it stand for. Raises `_Unknown`.

    Nothing here can take long: powers and repeated text are left to the run.
    """
    match node:
        case nodes.Const(value=value):
            return value
        case nodes.Not(node=inner):
            return not _value(inner)
        case nodes.Neg(node=inner):
            return -_number(inner)
        case nodes.And(left=left, right=right):
            return _either(left, right, decisive=False)
        case nodes.Or(left=left, right=right):
            return _either(left, right, decisive=True)
        case nodes.Compare(expr=first, ops=operands):
            return _compared(first, operands)
        case nodes.Add() | nodes.Sub() | nodes.Mul() | nodes.Div():
            return _SUMS[node.operator](_number(node.left), _number(node.right))
        case nodes.List(items=items) | nodes.Tuple(items=items):
            return [_value(item) for item in items]
    raise _Unknown


def _number(node: nodes.Node) -> Any:
    value = _value(node)
    if not isinstance(value, (int, float)) or abs(value) > 1e15:
        raise _Unknown
    return value


def _either(left: nodes.Expr, right: nodes.Expr, *, decisive: bool) -> Any:
    """`and` and `or`: one operand decides when it is false, or true, whatever the other is."""
    known = []
    for side in (left, right):
        found = _constant_of(side)
        if found is not None:
            if bool(found[0]) is decisive:
                return found[0]
            known.append(found[0])
    if len(known) < 2:
        raise _Unknown
    return known[-1]


def _compared(first: nodes.Expr, operands: list[nodes.Operand]) -> bool:
    left = _value(first)
    for operand in operands:
        right = _value(operand.expr)
        if not _ORDERS[operand.op](left, right):
            return False
        left = right
    return True


# ── types ────────────────────────────────────────────────────────────────────────────────
@dataclass
class _Reader:
    """Walks an expression once; `problems` collects what cannot work."""

    type_of: TypeOf
    own: frozenset[str]
    problems: list[Problem] = field(default_factory=list)

    def type(self, node: nodes.Node) -> str | None:
        """The type of the expression, as far as it is known."""
        path = chain(node)
        if path is not None:
            return None if path[0] in self.own else self.type_of(path)
        match node:
            case nodes.Const(value=value):
                return None if value is None else type_name(value)
            case nodes.Compare(expr=first, ops=operands):
                self._comparisons(first, operands)
                return "boolean"
            case nodes.Filter():
                return self._filtered(node)
            case nodes.BinExpr() if type(node) not in (nodes.And, nodes.Or):
                return self._arithmetic(node)
        inner = [self.type(child) for child in node.iter_child_nodes()]
        return _type_of_parts(node, inner)

    def _comparisons(self, first: nodes.Expr, operands: list[nodes.Operand]) -> None:
        left, left_type = first, self.type(first)
        for operand in operands:
            right, right_type = operand.expr, self.type(operand.expr)
            if operand.op not in ("in", "notin") and _unlike(left_type, right_type):
                self._unlike(left, left_type, right, right_type, operand.op)
            left, left_type = right, right_type

    def _unlike(
        self, left: nodes.Expr, left_type: str | None, right: nodes.Expr, right_type: str | None, sign: str
    ) -> None:
        equality = sign in ("eq", "ne")
        what = "they are never equal" if equality else "they do not compare"
        message = f"{_shown(left, left_type)} and {_shown(right, right_type)}: {what}"
        hint = _as_number(left, left_type, right_type) or _as_number(right, right_type, left_type)
        severity = "warning" if equality else "error"
        self.problems.append(Problem(message, hint, left.lineno, severity))

    def _filtered(self, node: nodes.Filter) -> str | None:
        inner = [self.type(child) for child in node.iter_child_nodes()]
        subject = inner[0] if node.node is not None and inner else None
        if node.name in ("length", "count") and subject in (*_NUMBERS, "date", "datetime", "time"):
            assert node.node is not None
            self.problems.append(
                Problem(f"{_shown(node.node, subject)}, which has no length", None, node.lineno)
            )
        if node.name in _OF_DATES and subject in (*_NUMBERS, "list", "table"):
            assert node.node is not None
            wanted = f"and `{node.name}` takes a date, a moment, or text that is one"
            self.problems.append(Problem(f"{_shown(node.node, subject)}, {wanted}", None, node.lineno))
        if node.name in ("abs", "round"):
            return subject
        return _FILTERS.get(node.name)

    def _arithmetic(self, node: nodes.BinExpr) -> str | None:
        left, right = self.type(node.left), self.type(node.right)
        if isinstance(node, (nodes.Mul, nodes.Mod)) and "string" in (left, right):
            return "string"
        numbers = [kind in _NUMBERS for kind in (left, right)]
        if all(numbers):
            whole = not isinstance(node, nodes.Div) and "float" not in (left, right)
            return "integer" if whole else "float"
        if isinstance(node, nodes.Add) and left == right:
            return left
        if any(numbers) and "string" in (left, right):
            shown = f"{_shown(node.left, left)} and {_shown(node.right, right)}"
            message = f"{shown}: `{node.operator}` does not work between them"
            hint = "`~` joins anything as text" if isinstance(node, nodes.Add) else None
            self.problems.append(Problem(message, hint, node.lineno))
        return None


def _type_of_parts(node: nodes.Node, inner: list[str | None]) -> str | None:
    """The type of an expression whose parts have these types."""
    match node:
        case nodes.Not() | nodes.Test():
            return "boolean"
        case nodes.Concat():
            return "string"
        case nodes.List() | nodes.Tuple():
            return "list"
        case nodes.Dict():
            return "table"
        case nodes.Neg() | nodes.Pos():
            return inner[0] if inner[0] in ("integer", "float") else None
        case nodes.And() | nodes.Or():
            return inner[0] if inner[0] == inner[1] else None
        case nodes.CondExpr() if node.expr2 is not None:
            return inner[1] if inner[1] == inner[2] else None
    return None


def _unlike(one: str | None, other: str | None) -> bool:
    """Whether values of these types never compare; what is not known might."""
    if one is None or other is None or one == other:
        return False
    return not (one in _NUMBERS and other in _NUMBERS)


def _shown(node: nodes.Node, kind: str | None) -> str:
    words = with_article(kind or "any")
    match node:
        case nodes.Const(value=value):
            shown = f'"{value}"' if isinstance(value, str) else str(value).lower()
            return f"`{shown if len(shown) <= 40 else shown[:37] + '...'}` is {words}"
        case nodes.Filter(node=nodes.Expr() as inner, name=name, args=[], kwargs=[]) if path := _chain_text(
            inner
        ):
            return f"`{path} | {name}` is {words}"
    path = _chain_text(node)
    return f"`{path}` is {words}" if path else f"one side is {words}"


def _as_number(node: nodes.Node, kind: str | None, other: str | None) -> str | None:
    """How text that is held against a number is meant."""
    if kind != "string" or other not in ("integer", "float"):
        return None
    match node:
        case nodes.Const(value=str(text)):
            try:
                float(text)
            except ValueError:
                return None
            return f"did you mean `{text.strip()}`?"
    path = _chain_text(node)
    return f"`{path} | {'int' if other == 'integer' else 'float'}` makes a number of it" if path else None

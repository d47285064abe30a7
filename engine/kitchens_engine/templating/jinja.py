"""The one home of Jinja2: sandboxed, strict, and aware of where in a shell command a value stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache, lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError, nodes
from jinja2.environment import TemplateExpression
from jinja2.parser import Parser
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from kitchens_engine.errors import InvalidInput
from kitchens_engine.templating import dates
from kitchens_engine.templating import shell as quoting
from kitchens_engine.toml.nearest import did_you_mean
from kitchens_engine.values import as_word, settled

#: What a template says, which stays as it is; or the beginning of a shell's `${#name}`, which is no comment.
_LENGTH = re.compile(
    r"(\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}|\{\{.*?\}\}|\{%.*?%\}|(?<!\$)\{#.*?#\})|\$\{#", re.DOTALL
)


def _kept(found: re.Match[str]) -> str:
    return found[1] or "${% raw %}{#{% endraw %}"


class _Undefined(StrictUndefined):
    """A name that is not there, said in our words."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[Exception] = UndefinedError,
    ) -> None:
        if hint is None and name is not None:
            near = did_you_mean(str(name), [str(key) for key in obj]) if isinstance(obj, Mapping) else None
            hint = f"there is no `{name}`" + (f"; {near.rstrip('?')}" if near else "")
        super().__init__(hint, obj, name, exc)  # type: ignore[arg-type]


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, where `outputs.clean.items` is the output called `items`, not a method of a table."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Dates give no way to the machine's clock: a run has one, `run.started`."""
        if isinstance(obj, date) and attr in dates.CLOCKS:
            return False
        return super().is_safe_attribute(obj, attr, value)


@cache
def environment() -> _Environment:
    """The environment of all templates, made once."""
    made = _Environment(
        undefined=_Undefined, keep_trailing_newline=True, autoescape=False, finalize=as_text, cache_size=0
    )
    made.globals = {name: made.globals[name] for name in ("range", "dict", "namespace")}
    made.globals["date"] = dates.as_date
    made.filters |= dates.FILTERS
    made.filters["raw"] = quoting.Raw.of
    made.filters["sql"] = sql_literal
    for place in quoting.QUOTES:
        made.filters[_filter(place)] = quoting.QUOTES[place]
    made.filters[_filter("inside")] = quoting.held_inside
    made.filters[_filter("continued")] = quoting.continued
    return made


def parse(text: str, *, expression: bool) -> nodes.Template:
    """The syntax tree; an expression becomes the value of the variable `result`. Raises `TemplateSyntaxError`."""
    try:
        return _parsed(text, expression=expression)
    except ValueError as error:  # Python reads no number of so many digits
        raise TemplateSyntaxError("a number has too many digits", 1) from error


def _parsed(text: str, *, expression: bool) -> nodes.Template:
    if not expression:
        return environment().parse(_LENGTH.sub(_kept, text))
    parser = Parser(environment(), text, state="variable")
    parsed = parser.parse_expression()
    if not parser.stream.eos:
        parser.fail("there is more after the end of the expression", parser.stream.current.lineno)
    return _result(parsed)


@lru_cache(maxsize=256)
def read(text: str, *, expression: bool) -> nodes.Template:
    """The same for those who only look: one tree for all of them, which nobody may change."""
    return parse(text, expression=expression)


def render(text: str, context: Mapping[str, Any], *, shell: bool) -> Any:
    """See `template.render`."""
    try:
        compiled = _compiled(text, shell)
        return compiled.render(context) if isinstance(compiled, Template) else _value(compiled, context)
    except InvalidInput:
        raise
    except Exception as error:
        # A template is the user's code: whatever it raises is a fault of the template.
        raise _failure(text, error) from error


def evaluate(expression: str, context: Mapping[str, Any]) -> Any:
    """See `template.evaluate`."""
    try:
        return _value(_expression(expression), context)
    except Exception as error:
        raise _failure(expression, error) from error


@lru_cache(maxsize=4096)
def _compiled(text: str, shell: bool) -> Template | TemplateExpression:
    tree = parse(text, expression=False)
    if shell:
        _quote(tree)
        return environment().from_string(tree)
    match tree.body:
        case [nodes.Output(nodes=[nodes.Expr() as whole])] if not isinstance(whole, nodes.TemplateData):
            return TemplateExpression(environment().from_string(_result(whole)), undefined_to_none=False)
    return environment().from_string(tree)


@lru_cache(maxsize=4096)
def _expression(text: str) -> TemplateExpression:
    template = environment().from_string(parse(text, expression=True))
    return TemplateExpression(template, undefined_to_none=False)


def _value(compiled: TemplateExpression, context: Mapping[str, Any]) -> Any:
    value = compiled(context)
    if isinstance(value, Undefined):
        str(value)  # raises: a strict undefined refuses every use
    return str(value) if isinstance(value, quoting.Raw) else settled(value)


def _result(expression: nodes.Expr) -> nodes.Template:
    tree = nodes.Template([nodes.Assign(nodes.Name("result", "store"), expression, lineno=1)], lineno=1)
    return tree.set_environment(environment())  # type: ignore[return-value]


def _quote(tree: nodes.Template) -> None:
    """Give each value in the command the quotes of the place where it stands."""
    state, escaped = quoting.START, False
    # What a macro or a block gives is quoted where it is used; only a `call` writes into the command by itself.
    inside = () if next(tree.find_all(nodes.CallBlock), None) else (nodes.Macro, nodes.AssignBlock)
    for output in _outputs(tree, inside):
        quoted: list[nodes.Expr] = []
        for part in output.nodes:
            if isinstance(part, nodes.TemplateData):
                state = quoting.after(state, part.data)
                escaped = quoting.escapes(state, part.data)
                quoted.append(part)
            else:
                wrapped = _filtered(part, _filter(quoting.place(state)))
                if (word := quoting.ending(state)) is not None:
                    wrapped = _filtered(wrapped, _filter("inside"), nodes.Const(word))
                if escaped and not (isinstance(part, nodes.Filter) and part.name == "raw"):
                    wrapped = _filtered(wrapped, _filter("continued"))
                escaped = False
                quoted.append(wrapped.set_environment(environment()))  # type: ignore[arg-type]
                state = quoting.after_value(state)
        output.nodes = quoted


def _outputs(node: nodes.Node, passed_over: tuple[type[nodes.Node], ...]) -> Iterator[nodes.Output]:
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Output):
            yield child
        if not isinstance(child, passed_over):
            yield from _outputs(child, passed_over)


def _filtered(value: nodes.Expr, name: str, *arguments: nodes.Expr) -> nodes.Expr:
    return nodes.Filter(value, name, list(arguments), [], None, None, lineno=value.lineno)


def _filter(place: str) -> str:
    return f"quoted {place}"  # no template can spell this name


def as_text(value: Any) -> Any:
    """How a value looks inside text: TOML's booleans, and `null`."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else settled(value)


def sql_literal(value: Any) -> str:
    """The filter `sql`: a value as SQL writes it, quotes in it doubled; a list as its items, for `in ( )`."""
    match value := settled(value):
        case Undefined():
            return str(value)  # raises
        case None:
            return "null"
        case bool() | int() | float():
            return as_word(value)
        case list() | tuple():
            return ", ".join(sql_literal(item) for item in value)
        case _:
            return "'" + as_word(value).replace("'", "''") + "'"


def _failure(text: str, error: Exception) -> InvalidInput:
    shown = " ".join(text.split())
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    what = (error.message if isinstance(error, TemplateError) else None) or str(error) or type(error).__name__
    return InvalidInput(f"{what} (in `{shown}`)", code="template")

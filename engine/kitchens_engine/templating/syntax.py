"""What a template refers to, found in its syntax tree without running it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from jinja2 import TemplateSyntaxError, nodes

from kitchens_engine.templating import dates, jinja
from kitchens_engine.templating.known import Names, Problem, Reference
from kitchens_engine.toml.nearest import did_you_mean


@lru_cache(maxsize=4096)
def find_names(text: str, *, expression: bool) -> Names:
    """The references and problems of a template, or of an expression."""
    try:
        tree = jinja.read(text, expression=expression)
    except TemplateSyntaxError as error:
        what = "condition" if expression else "template"
        hint = _slip(text) if expression else None
        return Names(problems=(Problem(f"this {what} cannot be read: {error.message}", hint, error.lineno),))
    except RecursionError:
        return Names(problems=(Problem("this is nested too deeply", None, 1),))
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
    own |= {macro.name for macro in tree.find_all(nodes.Macro)}
    own |= {"loop", "caller", "varargs", "kwargs", *jinja.environment().globals}
    found = [reference for reference in _chains(tree) if reference.path[0] not in own]
    return Names(tuple(dict.fromkeys(found)), tuple(_problems(tree)))


def is_text(text: str) -> bool:
    """Whether a template comes to text whatever its values are: more than one whole `{{ }}`. One that cannot be read does not."""
    try:
        body = jinja.read(text, expression=False).body
    except (TemplateSyntaxError, RecursionError):
        return False
    match body:
        case [nodes.Output(nodes=[nodes.Expr() as whole])]:
            return isinstance(whole, nodes.TemplateData)
    return True


def _chains(node: nodes.Node) -> Iterator[Reference]:
    """The longest chains under the node: `a.b.c` counts once, not as `a.b` and `a` too."""
    if isinstance(node, (nodes.Name, nodes.Getattr, nodes.Getitem)):
        path = chain(node)
        if path is not None:
            yield Reference(path, node.lineno)
            return
    for child in node.iter_child_nodes():
        if isinstance(node, nodes.Call) and child is node.node and isinstance(child, nodes.Getattr):
            # A method, as in `variables.table.items()`, is part of no name.
            yield from _chains(child.node)
        else:
            yield from _chains(child)


def chain(node: nodes.Node) -> tuple[str, ...] | None:
    """The parts of `a.b["c"]`; None for anything that is no such chain."""
    match node:
        case nodes.Name(name=name, ctx="load"):
            return (name,)
        case nodes.Getattr(node=inner, attr=attribute):
            step = attribute
        case nodes.Getitem(node=inner, arg=nodes.Const(value=str(key))):
            step = key
        case _:
            return None
    around = chain(inner)
    return None if around is None else (*around, step)


def _slip(text: str) -> str | None:
    """What people who think in another language meant to write in a condition."""
    for pattern, meant in ((r"&&", "and"), (r"\|\|", "or"), (r"(?<![=!<>])=(?!=)", "=="), (r"!(?!=)", "not")):
        if re.search(pattern, text):
            return f"write `{meant}`"
    return None


def _problems(tree: nodes.Template) -> Iterator[Problem]:
    known = jinja.environment()
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        kind, there = ("filter", known.filters) if isinstance(node, nodes.Filter) else ("test", known.tests)
        if node.name not in there:
            yield Problem(f"there is no {kind} `{node.name}`", did_you_mean(node.name, there), node.lineno)
        elif isinstance(node, nodes.Filter) and node.name in dates.FILTERS:
            constants = [each.value if isinstance(each, nodes.Const) else None for each in node.args]
            if not (node.args or node.kwargs or node.dyn_args) and (example := dates.EXAMPLES.get(node.name)):
                message = f"`{node.name}` lacks what it is to go by"
                yield Problem(message, f"write `{node.name}({example})`, for example", node.lineno)
            elif wrong := dates.wrong_argument(node.name, constants):
                yield Problem(*wrong, node.lineno)
    for other in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        yield Problem("a template stands alone: it cannot include or import another", None, other.lineno)

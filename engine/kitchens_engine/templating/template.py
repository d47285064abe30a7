"""Templates and conditions: text with `{{ }}` and `{% %}`, filled from a context, strictly.

Text without markers never reaches Jinja2, which is not even imported for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kitchens_engine.templating.known import Names, Reference, Worth
from kitchens_engine.templating.plain import blanks


def has_markers(text: str) -> bool:
    """Whether the text is a template at all."""
    return "{{" in text or "{%" in text or "{#" in text


def render(text: str, context: Mapping[str, Any], shell: bool = False) -> Any:
    """The text with its values filled in. A text that is one whole `{{ }}` keeps its value's type.

    With `shell` the result is always text, and each value is quoted for the place in the
    command where it stands, unless `| raw`. Raises `InvalidInput` for a name that is not
    there, and for whatever else goes wrong in the template.
    """
    if not has_markers(text):
        return text
    from kitchens_engine.templating import jinja

    return jinja.render(text, context, shell=shell)


def evaluate(expression: str, context: Mapping[str, Any]) -> Any:
    """The value of a condition or expression, such as `outputs.clean.rows > 0`. Raises `InvalidInput`."""
    if has_markers(expression):
        return render(expression, context)
    from kitchens_engine.templating import jinja

    return jinja.evaluate(expression, context)


def render_value(value: Any, context: Mapping[str, Any]) -> Any:
    """The same value with every text in it rendered, in lists and tables too (keys stay as they are)."""
    match value:
        case str():
            return render(value, context)
        case Mapping():
            return {name: render_value(inner, context) for name, inner in value.items()}
        case list() | tuple():
            return [render_value(inner, context) for inner in value]
        case _:
            return value


def names(text: str, *, expression: bool = False) -> Names:
    """What the template or expression refers to, and what is wrong with it, without running it."""
    if not expression and not has_markers(text):
        return Names()
    if has_markers(text) and (found := blanks(text)) is not None:
        return Names(tuple(dict.fromkeys(Reference(each.path, each.line) for each in found)))
    from kitchens_engine.templating.syntax import find_names

    return find_names(text, expression=expression and not has_markers(text))


def is_text(text: str) -> bool:
    """Whether it is a template that comes to text whatever its values are, because there is more to it than one whole `{{ }}`."""
    if not has_markers(text) or (
        (found := blanks(text)) and (found[0].start, found[0].end) == (0, len(text))
    ):
        return False
    from kitchens_engine.templating import syntax

    return syntax.is_text(text)


def worth(text: str, type_of: Callable[[tuple[str, ...]], str | None], *, expression: bool = False) -> Worth:
    """The type of what the template or expression gives, and the comparisons in it that cannot work.

    `type_of` tells the type of a chain such as `outputs.clean.rows`, or None.
    """
    if not expression and not has_markers(text):
        return Worth("string", constant=(text,))
    if (found := blanks(text)) and len(found) == 1 and (found[0].start, found[0].end) == (0, len(text)):
        path, used = found[0].path, found[0].filter
        return Worth("string") if used else Worth(type_of(path), ".".join(path))
    if found:
        return Worth("string")
    from kitchens_engine.templating import inference

    return inference.worth(text, type_of, expression=expression and not has_markers(text))

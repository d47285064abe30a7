"""Where in a shell command a value stands, and how it must be quoted there to stay one value."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kitchens_engine.values import as_word

#: Between quotes of either kind, in a comment, in a here-document, or none of these.
PLACES = ("plain", "single", "double", "comment", "document", "literal")

_WORD_AFTER_ARROWS = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|(\\?)([\w.-]+))")


class Raw(str):
    """Text that goes into a command as it is."""

    __slots__ = ()

    @classmethod
    def of(cls, value: Any) -> Raw:
        """What the filter `raw` makes of a value."""
        return cls(as_word(value))


@dataclass(frozen=True, slots=True)
class State:
    """What is open at a point of a command: a stack of `'`, `"`, `(`, `` ` `` and `#`.

    `awaited` are here-documents whose lines start after the end of this line, `open`
    those that have begun: as pairs of the closing word and whether it was quoted.
    """

    stack: str = ""
    awaited: tuple[tuple[str, bool], ...] = ()
    open: tuple[tuple[str, bool], ...] = ()
    line: str = ""


START = State()


def place(state: State) -> str:
    """One of `PLACES`."""
    if state.open:
        return "literal" if state.open[0][1] else "document"
    return {"'": "single", '"': "double", "#": "comment"}.get(state.stack[-1:], "plain")


def after(state: State, text: str) -> State:
    """The state at the end of `text`, which stands where `state` is."""
    at = 0
    while at < len(text):
        if state.open:
            state, at = _through_document(state, text, at)
        else:
            state, at = _step(state, text, at)
    return state


def _step(state: State, text: str, at: int) -> tuple[State, int]:
    stack, character = state.stack, text[at]
    top = stack[-1:]
    if top == "'":
        return (replace(state, stack=stack[:-1]) if character == "'" else state), at + 1
    if character == "\n" and (top == "#" or state.awaited):
        closed = stack[:-1] if top == "#" else stack
        return State(closed, open=state.awaited), at + 1
    if top == "#":
        return state, at + 1
    if character == "\\":
        return state, at + 2
    if text.startswith("$(", at):
        return replace(state, stack=stack + "("), at + 2
    if character in '"`':
        return replace(state, stack=stack[:-1] if top == character else stack + character), at + 1
    if top == '"':
        return state, at + 1
    return _step_outside_quotes(state, text, at)


def _step_outside_quotes(state: State, text: str, at: int) -> tuple[State, int]:
    stack, character = state.stack, text[at]
    if character == "'":
        return replace(state, stack=stack + "'"), at + 1
    if character == "#" and (at == 0 or text[at - 1] in " \t\n;&|("):
        return replace(state, stack=stack + "#"), at + 1
    if character == "(" and stack[-1:] == "(":
        return replace(state, stack=stack + "("), at + 1
    if character == ")" and stack[-1:] == "(":
        return replace(state, stack=stack[:-1]), at + 1
    if found := _WORD_AFTER_ARROWS.match(text, at):
        _, single, double, backslash, bare = found.groups()
        word = single or double or bare
        return replace(state, awaited=(*state.awaited, (word, bare is None or bool(backslash)))), found.end()
    return state, at + 1


def _through_document(state: State, text: str, at: int) -> tuple[State, int]:
    end = text.find("\n", at)
    line = state.line + (text[at:] if end < 0 else text[at:end])
    if end < 0:
        return replace(state, line=line), len(text)
    if line.lstrip("\t") == state.open[0][0]:
        return replace(state, open=state.open[1:], line=""), end + 1
    return replace(state, line=""), end + 1


def _plain(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(shlex.quote(as_word(item)) for item in value)
    return shlex.quote(as_word(value))


def _single(value: Any) -> str:
    return as_word(value).replace("'", "'\\''")


def _double(value: Any) -> str:
    return re.sub(r'([\\"$`])', r"\\\1", as_word(value))


def _document(value: Any) -> str:
    return re.sub(r"([\\$`])", r"\\\1", as_word(value))


def _comment(value: Any) -> str:
    return as_word(value).replace("\n", " ")


def _unless_raw(quote: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: str(value) if isinstance(value, Raw) else quote(value)


#: How a value is written in each of `PLACES`.
QUOTES: Mapping[str, Callable[[Any], str]] = {
    "plain": _unless_raw(_plain),
    "single": _unless_raw(_single),
    "double": _unless_raw(_double),
    "comment": _unless_raw(_comment),
    "document": _unless_raw(_document),
    "literal": _unless_raw(as_word),
}

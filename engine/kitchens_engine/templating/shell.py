"""Where in a shell command a value stands, and how it must be quoted there to stay one value."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kitchens_engine.values import as_word, settled

#: Marks a place inside of backticks, where the shell reads every text twice.
_TWICE = "`"

_WORD_AFTER_ARROWS = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|(\\?)([\w.-]+))")


_CASE = re.compile(r"(?:case|esac)(?![\w-])")
#: After these a command begins, so that `case` and `esac` are no arguments.
_BEFORE_COMMAND = re.compile(r"(?:^|[\n;&|(`{!)]|(?:^|[\s;])(?:then|do|else|elif|if|while|until))[ \t]*$")


class Raw(str):
    """Text that goes into a command as it is."""

    __slots__ = ()

    @classmethod
    def of(cls, value: Any) -> Raw:
        """What the filter `raw` makes of a value."""
        return cls(as_word(settled(value)))


@dataclass(frozen=True, slots=True)
class State:
    """What is open at a point of a command: a stack of `'`, `"`, `(`, `=` (arithmetic), `c` (`case`), `` ` `` and `#`.

    `awaited` are here-documents whose lines start after the end of this line, `open`
    those that have begun: as pairs of the closing word and whether it was quoted.
    `within` is a command in one of these, `$(…)`. `last` is the character before.
    """

    stack: str = ""
    awaited: tuple[tuple[str, bool], ...] = ()
    open: tuple[tuple[str, bool], ...] = ()
    line: str = ""
    within: State | None = None
    last: str = "\n"


START = State()


def place(state: State) -> str:
    """One of `QUOTES`."""
    if state.open and state.within is not None:
        return place(state.within)
    if state.open:
        return "literal" if state.open[0][1] else "document"
    around = {"'": "single", '"': "double", "#": "comment"}.get(state.stack[-1:], "plain")
    return around + _TWICE if "`" in state.stack else around


def ending(state: State) -> str | None:
    """The line that would end the here-document around this place; None where there is none."""
    return state.open[0][0] if state.open else None


def held_inside(value: str, word: str) -> str:
    """A value that goes into a here-document. ValueError for one with a line that would end it."""
    if any(line.lstrip("\t") == word for line in value.split("\n")):
        raise ValueError(f"a value has the line `{word}`, which ends the here-document that it stands in")
    return value


def after_value(state: State) -> State:
    """The state behind a value: it is part of a word, whatever it is."""
    within = after_value(state.within) if state.within is not None else None
    return replace(state, last="x", within=within)


def after(state: State, text: str) -> State:
    """The state at the end of `text`, which stands where `state` is."""
    at = 0
    while at < len(text):
        if state.open:
            state, at = _through_document(state, text, at)
        else:
            state, at = _step(state, text, at)
    return replace(state, last=text[-1]) if text else state


def escapes(state: State, text: str) -> bool:
    """Whether `text`, after which the state is `state`, ends with a backslash that takes its meaning from what follows."""
    backslashes = len(text) - len(text.rstrip("\\"))
    return backslashes % 2 == 1 and place(state).rstrip(_TWICE) in ("plain", "double", "document")


def continued(value: str) -> str:
    """A value behind such a backslash: that and a line break are nothing to a shell, so that the value stays whole."""
    return f"\n{value}"


def _step(state: State, text: str, at: int) -> tuple[State, int]:
    stack, character = state.stack, text[at]
    top = stack[-1:]
    if top == "'":
        return (replace(state, stack=stack[:-1]) if character == "'" else state), at + 1
    if character == "\n" and (top == "#" or state.awaited):
        closed = stack[:-1] if top == "#" else stack
        return State(closed, open=state.awaited), at + 1
    if top == "#":
        ended = character == "`" and "`" in stack
        return (replace(state, stack=stack[: stack.rindex("`")]) if ended else state), at + 1
    if character == "\\":
        return state, at + 2
    if text.startswith("$((", at):
        return replace(state, stack=stack + "="), at + 3
    if top == "=" and character == ")":
        if text.startswith("))", at):
            return replace(state, stack=stack[:-1]), at + 2
        return replace(state, stack=stack[:-1] + "("), at + 1  # it was no arithmetic, but two commands
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
    if character == "#" and (text[at - 1] if at else state.last) in " \t\n;&|(" and "=" not in stack:
        return replace(state, stack=stack + "#"), at + 1
    if character in "ce" and (keyword := _CASE.match(text, at)) and _begins_command(state, text, at):
        kept = stack + "c" if keyword[0] == "case" else stack.removesuffix("c")
        return replace(state, stack=kept), keyword.end()
    if character == "(" and stack[-1:] in ("(", "=", "c"):
        return replace(state, stack=stack + "("), at + 1
    if character == ")" and stack[-1:] == "(":
        return replace(state, stack=stack[:-1]), at + 1
    if stack.rstrip("(")[-1:] != "=" and (found := _WORD_AFTER_ARROWS.match(text, at)):
        _, single, double, backslash, bare = found.groups()
        word = single or double or bare
        return replace(state, awaited=(*state.awaited, (word, bare is None or bool(backslash)))), found.end()
    return state, at + 1


def _begins_command(state: State, text: str, at: int) -> bool:
    before = text[max(0, at - 40) : at]
    return _BEFORE_COMMAND.search(before if before.strip(" \t") else state.last + before) is not None


def _through_document(state: State, text: str, at: int) -> tuple[State, int]:
    end = text.find("\n", at)
    line = state.line + (text[at:] if end < 0 else text[at:end])
    if end >= 0 and line.lstrip("\t") == state.open[0][0]:
        # Wherever its commands are: the shell finds the end of a document before it reads what is in it.
        return replace(state, open=state.open[1:], line="", within=None), end + 1
    stop = len(text) if end < 0 else end + 1
    within = None if state.open[0][1] else _within(state.within, text[at:stop])
    return replace(state, line=line if end < 0 else "", within=within), stop


def _within(state: State | None, text: str) -> State | None:
    """The command of a here-document that is open at the end of `text`, if any is."""
    at = 0
    while at < len(text):
        if state is not None:
            state, at = _through_document(state, text, at) if state.open else _step(state, text, at)
            state = replace(state, last=text[min(at, len(text)) - 1]) if state.stack else None
        elif text[at] == "\\":
            at += 2
        elif text.startswith("$(", at) and not text.startswith("$((", at):
            state, at = State("("), at + 2
        elif text[at] == "`":
            state, at = State("`"), at + 1
        else:
            at += 1
    return state


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
    return lambda value: str(value) if isinstance(value, Raw) else quote(settled(value))


def _twice(quote: Callable[[Any], str]) -> Callable[[Any], str]:
    """Inside of backticks the shell first takes away these backslashes, and then reads the command."""
    return lambda value: re.sub(r"([\\$`])", r"\\\1", quote(value))


_QUOTES: Mapping[str, Callable[[Any], str]] = {
    "plain": _plain,
    "single": _single,
    "double": _double,
    "document": _document,
    "comment": _comment,
    "literal": as_word,
}
#: How a value is written in each place.
QUOTES: Mapping[str, Callable[[Any], str]] = {
    **{place: _unless_raw(quote) for place, quote in _QUOTES.items()},
    **{place + _TWICE: _unless_raw(_twice(quote)) for place, quote in _QUOTES.items()},
}

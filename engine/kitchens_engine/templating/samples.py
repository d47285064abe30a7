"""Texts that a template may become, made without running it, for those who only want to know their grammar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jinja2 import TemplateSyntaxError, nodes

from kitchens_engine.templating import jinja
from kitchens_engine.templating.plain import Blank, blanks
from kitchens_engine.templating.syntax import chain
from kitchens_engine.tuples import NamedTuple

#: What stands for text that only a run knows: a name, a number, a string, nothing.
STAND_INS = ("x", "1", "'x'", "")
_OF_TYPE = {"integer": "1", "float": "1.5", "boolean": "true"}


class Guess(NamedTuple):
    """What is known of a name in a template: its type, and a value that it may have (in a tuple of one)."""

    type: str | None
    value: tuple[Any] | None = None


GuessOf = Callable[[tuple[str, ...]], Guess]


@dataclass(frozen=True, slots=True)
class Sample:
    """One text that a template may become.

    `pieces` are (where in the sample, where in the template) for each part that was
    written out. `sure` says that it holds nothing but what a run would put there.
    """

    text: str
    pieces: tuple[tuple[int, int], ...]
    sure: bool

    def origin(self, position: int) -> int:
        """Where in the template the character at `position` of the sample comes from."""
        found = 0
        for here, there in self.pieces:
            if here > position:
                break
            found = there + position - here
        return found


def samples(text: str, guess: GuessOf) -> Iterator[Sample]:
    """The likeliest first: both sides of conditions, each loop once, and what is unknown as several things.

    None for a template that cannot be read, or that defines or calls blocks of its own.
    """
    if (found := blanks(text)) is not None:
        for stand_in in (None, *STAND_INS):
            writer = _Writer(guess, {}, True, stand_in)
            writer.plain(text, found)
            yield writer.sample()
        return
    try:
        tree = jinja.read(text, expression=False)
        offsets = _offsets(tree, text)
        branches = (True, False) if next(tree.find_all((nodes.If, nodes.CondExpr)), None) else (True,)
        for stand_in in (None, *STAND_INS):
            for branch in branches:
                writer = _Writer(guess, offsets, branch, stand_in)
                writer.body(tree.body)
                yield writer.sample()
    except (TemplateSyntaxError, RecursionError, _TooMuch):
        return


class _TooMuch(Exception):
    """The template does what nobody can foresee."""


def _offsets(tree: nodes.Template, text: str) -> dict[int, int]:
    """Where each part that is written out stands, by the identity of its syntax node."""
    found: dict[int, int] = {}
    at = 0
    for part in tree.find_all(nodes.TemplateData):
        at = text.find(part.data, at)
        if at < 0:
            raise _TooMuch
        found[id(part)] = at
        at += len(part.data)
    return found


@dataclass
class _Writer:
    """Writes one sample. `stand_in` None takes for text the value that it has by default."""

    guess: GuessOf
    offsets: dict[int, int]
    branch: bool
    stand_in: str | None
    parts: list[str] = field(default_factory=list)
    pieces: list[tuple[int, int]] = field(default_factory=list)
    length: int = 0
    sure: bool = True

    def sample(self) -> Sample:
        return Sample("".join(self.parts), tuple(self.pieces), self.sure)

    def plain(self, text: str, found: list[Blank]) -> None:
        at = 0
        for blank in found:
            self._copy(text[at : blank.start], at)
            guess = self.guess(blank.path)
            self._write(self._literal(guess) if blank.filter == "sql" else self._known(guess))
            at = blank.end
        self._copy(text[at:], at)

    def body(self, statements: list[nodes.Node]) -> None:
        for statement in statements:
            match statement:
                case nodes.Output(nodes=parts):
                    for part in parts:
                        self._part(part)
                case nodes.If(body=body, else_=otherwise):
                    self.body(body if self.branch else otherwise)
                case nodes.For(body=body):
                    self.sure = False
                    self.body(body)
                case nodes.With(body=body) | nodes.Scope(body=body):
                    self.body(body)
                case nodes.Assign():
                    pass
                case _:
                    raise _TooMuch

    def _part(self, part: nodes.Node) -> None:
        if isinstance(part, nodes.TemplateData):
            self._copy(part.data, self.offsets[id(part)])
        else:
            self._write(self._value(part))

    def _copy(self, text: str, origin: int) -> None:
        self.pieces.append((self.length, origin))
        self._write(text)

    def _write(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    def _value(self, node: nodes.Node) -> str:
        match node:
            case nodes.Const(value=value):
                return str(jinja.as_text(value))
            case nodes.CondExpr(expr1=first, expr2=second):
                chosen = first if self.branch else second
                return self._value(chosen) if chosen is not None else ""
            case nodes.Filter(node=nodes.Expr() as inner, name="raw"):
                return self._value(inner)
            case nodes.Filter(node=nodes.Expr() as inner, name="sql"):
                return self._literal(self._guessed(inner))
        return self._known(self._guessed(node))

    def _guessed(self, node: nodes.Node) -> Guess:
        path = chain(node)
        return self.guess(path) if path else Guess(None)

    def _known(self, guess: Guess) -> str:
        if guess.type in _OF_TYPE:
            return str(jinja.as_text(guess.value[0])) if guess.value else _OF_TYPE[guess.type]
        if guess.value and isinstance(guess.value[0], str):
            return guess.value[0] if self.stand_in is None else self.stand_in
        self.sure = False
        return "x" if self.stand_in is None else self.stand_in

    def _literal(self, guess: Guess) -> str:
        """A value as SQL writes it: whatever it is, it is one literal."""
        if guess.value:
            return jinja.sql_literal(guess.value[0])
        return _OF_TYPE.get(guess.type or "", "'x'")

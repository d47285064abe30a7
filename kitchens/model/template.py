"""A template of kitchens: what it asks, what its answers must be, and what a kitchen gets from it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from kitchens.model.template_shape import TEMPLATE
from kitchens_engine.errors import Fault, InvalidFiles, InvalidInput
from kitchens_engine.toml.document import Document, read_document
from kitchens_engine.toml.nearest import hints
from kitchens_engine.toml.shape import examine
from kitchens_engine.tuples import NamedTuple

FILE = "template.toml"

_WORD = re.compile(r"@@(\w+)@@")
_TYPES: Mapping[str, type] = {"string": str, "integer": int, "float": float, "boolean": bool}
#: How people say TOML's words.
_SPOKEN = {"y": "true", "yes": "true", "n": "false", "no": "false"}

#: Answers stand in files of other languages: none of them gets by with these unescaped.
_ODD = re.compile(r"[\"'\\`$\x00-\x1f]")


class Question(NamedTuple):
    """What the wizard asks. `type` is that of the answer; `default` None: somebody must answer."""

    name: str
    ask: str
    type: str = "string"
    default: Any = None
    choices: tuple[Any, ...] = ()
    pattern: str | None = None

    def parse(self, text: str) -> Any:
        """The answer in `text`. Raises `InvalidInput` with what is wrong with it."""
        value: Any = text
        if self.type != "string":
            word = text.strip()
            if self.type == "boolean":
                word = _SPOKEN.get(word.lower(), word)
            try:
                value = tomllib.loads(f"v = {word}")["v"]
            except tomllib.TOMLDecodeError:
                value = None
            if self.type == "float" and type(value) is int:
                value = float(value)
            if type(value) is not _TYPES[self.type]:
                act = ["`true` or `false`"] if self.type == "boolean" else []
                raise self._wrong(f"`{text}` is no {self.type}", *act)
        return self.accept(value)

    def accept(self, value: Any) -> Any:
        """The value, if it may be the answer. Raises `InvalidInput`."""
        if self.choices and value not in self.choices:
            raise self._wrong(f"`{value}` is none of its choices", *hints(str(value), map(str, self.choices)))
        if self.pattern and not re.fullmatch(self.pattern, str(value)):
            raise self._wrong(f"`{value}` does not match `{self.pattern}`")
        if isinstance(value, str) and (_ODD.search(value) or not value.strip()):
            raise self._wrong(
                f"`{value}` is empty, or holds a quote, a backslash, a backquote, `$` or a line break"
            )
        return value

    def _wrong(self, what: str, *more: str) -> InvalidInput:
        return InvalidInput(f"answer `{self.name}`: {what}", *more, code="answer")


class Step(NamedTuple):
    """An ingredient that is run in the new kitchen with `inputs`, and the one that takes it back with the same."""

    ingredient: str
    inputs: Mapping[str, Any] = MappingProxyType({})
    rollback: str | None = None


class Template(NamedTuple):
    """A template as it is written. `kitchen`, `connections` and `services` are tables with `@@words@@` in them."""

    name: str
    description: str
    questions: tuple[Question, ...] = ()
    kitchen: Mapping[str, Any] = MappingProxyType({})
    connections: Mapping[str, Any] = MappingProxyType({})
    services: Mapping[str, Any] = MappingProxyType({})
    provision: tuple[Step, ...] = ()


def parse_template(name: str, text: bytes, file: str) -> Template:
    """The template in `text`. Raises `InvalidFiles` with every fault."""
    document = read_document(text, file)
    if isinstance(document, Fault):
        raise InvalidFiles((document,))
    values, faults = examine(document, TEMPLATE)
    faults = (*faults, *_question_faults(document, values), *_word_faults(document, values))
    if faults:
        raise InvalidFiles(tuple(faults))
    return Template(
        name,
        values["description"],
        tuple(_question(name, table) for name, table in values.get("questions", {}).items()),
        values.get("kitchen", {}),
        values.get("connections", {}),
        values.get("services", {}),
        tuple(
            Step(table["ingredient"], table.get("inputs", {}), table.get("rollback"))
            for table in values.get("provision", ())
        ),
    )


def answered(template: Template, given: Mapping[str, str], words: Mapping[str, Any]) -> dict[str, Any]:
    """Every answer: as it was given, else the default, which may hold `words`. Raises `InvalidInput` for one that is
    missing, that nobody asked for, or that may not be."""
    known = [question.name for question in template.questions]
    for name in given:
        if name not in known:
            raise InvalidInput(
                f"template `{template.name}` does not ask for `{name}`", *hints(name, known), code="answer"
            )
    answers: dict[str, Any] = {}
    for question in template.questions:
        if question.name in given:
            answers[question.name] = question.parse(given[question.name])
        elif question.default is not None:
            answers[question.name] = question.accept(filled(question.default, {**words, **answers}))
        else:
            raise InvalidInput(
                f"template `{template.name}` asks: {question.ask}",
                f"--answer {question.name}=…",
                code="answer",
            )
    return answers


def filled(value: Any, words: Mapping[str, Any]) -> Any:
    """`value` with its `@@words@@` in place; text that is one whole word keeps the word's type."""
    if isinstance(value, str):
        whole = _WORD.fullmatch(value)
        if whole and whole[1] in words:
            return words[whole[1]]
        return fill_text(value, words)
    if isinstance(value, Mapping):
        return {fill_text(key, words): filled(each, words) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [filled(each, words) for each in value]
    return value


def fill_text(text: str, words: Mapping[str, Any]) -> str:
    """Text with its `@@words@@` in place; truth values are written as TOML and SQL do."""

    def said(found: re.Match[str]) -> str:
        value = words.get(found[1], found[0])
        return str(value).lower() if isinstance(value, bool) else str(value)

    return _WORD.sub(said, text)


def own_words(kitchen: str, cookbook: str) -> dict[str, str]:
    """The words that every template has."""
    identifier = re.sub(r"\W+", "_", kitchen.lower(), flags=re.ASCII).strip("_")
    if not identifier or identifier[0].isdigit():
        identifier = f"k_{identifier}"
    return {"kitchen": kitchen, "cookbook": cookbook, "identifier": identifier[:60]}


def _question(name: str, table: Mapping[str, Any]) -> Question:
    return Question(
        name,
        table["ask"],
        table.get("type", "string"),
        table.get("default"),
        tuple(table.get("choices", ())),
        table.get("pattern"),
    )


def _question_faults(document: Document, values: Mapping[str, Any]) -> list[Fault]:
    found = []
    for name, table in values.get("questions", {}).items():
        wanted = _TYPES[table.get("type", "string")]
        for key in ("default", "choices"):
            each = table.get(key)
            for value in each if isinstance(each, list) else [] if each is None else [each]:
                if type(value) is not wanted:
                    message = f"`{value}` is no {table.get('type', 'string')}, as the answer must be"
                    found.append(document.fault(("questions", name, key), message))
        try:
            re.compile(table.get("pattern", ""))
        except re.error as error:
            found.append(
                document.fault(("questions", name, "pattern"), f"it is no regular expression: {error}")
            )
    return found


def _word_faults(document: Document, values: Mapping[str, Any]) -> list[Fault]:
    known = {*own_words("k", "c"), "mark", *values.get("questions", {})}
    found = []

    def look(value: Any, path: tuple[str | int, ...]) -> None:
        if isinstance(value, str):
            for word in _WORD.findall(value):
                if word not in known:
                    hint = next(iter(hints(word, known)), None)
                    found.append(document.fault(path, f"nothing is asked for `@@{word}@@`", hint))
        elif isinstance(value, Mapping):
            for key, each in value.items():
                look(each, (*path, key))
        elif isinstance(value, list):
            for index, each in enumerate(value):
                look(each, (*path, index))

    look(values, ())
    return found

"""`kitchen create` on a terminal: it asks step by step for what the command line does not say."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from kitchens.cli.desk import Desk
from kitchens_engine.errors import InvalidInput, KitchensError

if TYPE_CHECKING:
    from kitchens.actions.kitchens import Kitchens
    from kitchens.actions.life.creating import Wanted
    from kitchens.model.template import Question, Template

#: What makes a kitchen and nothing more.
PLAIN = "sandbox"


def may_ask(desk: Desk) -> bool:
    """Whether somebody sits there to be asked."""
    return not desk.as_json and not desk.quiet and sys.stdin.isatty() and sys.stderr.isatty()


def given(answers: Sequence[str]) -> dict[str, str]:
    """The answers of the command line. Raises `InvalidInput` for one that is not `K=V`."""
    found = {}
    for answer in answers:
        name, equals, value = answer.partition("=")
        if not equals or not name.strip():
            raise InvalidInput(f"`--answer {answer}` is no `K=V`", code="usage")
        found[name.strip()] = value
    return found


def ask(desk: Desk, wanted: Wanted, *, everything: bool) -> Wanted:
    """Ask for what is not said; with `everything` also for what need not be. Raises `InvalidInput` where nobody can be
    asked."""
    if not may_ask(desk):
        raise InvalidInput("missing argument `NAME`", "`kitchen create --help`", code="usage")
    from kitchens.actions.kitchens import Kitchens
    from kitchens.actions.life.shelves import find_template, shelf_of
    from kitchens.model.template import own_words

    kitchens = Kitchens(desk.house)
    name, parent, template, ttl = wanted.name, wanted.parent, wanted.template, wanted.ttl
    if everything:
        name = _until("Name of the kitchen", None, lambda text: _free(kitchens, text))
    if parent is None and everything:
        parent = _choice("Made from", [str(one) for one in kitchens.names], _here(kitchens))
    above = kitchens.get(parent or kitchens.root)
    if template is None:
        template = _template(desk, shelf_of(desk.house, above.tip), above.tip)
    found = find_template(desk.house, template, above.tip).template
    if ttl is None and everything and "ttl" not in found.kitchen:
        ttl = _until("How long it lives, such as 7d (empty: until it is deleted)", "", _ttl) or None
    cookbook = desk.house.view(above.tip).cookbook.name
    said = _answers(found, wanted.answers, own_words(name, cookbook))
    return replace(wanted, name=name, parent=parent, template=template, ttl=ttl, answers=said)


def _answers(template: Template, given: Mapping[str, str], words: Mapping[str, str]) -> dict[str, str]:
    from kitchens.model.template import filled

    said = dict(given)
    known: dict[str, object] = dict(words)
    for question in template.questions:
        if question.name not in said:
            usual = None if question.default is None else filled(question.default, known)
            usual = str(usual).lower() if isinstance(usual, bool) else usual
            if question.choices:
                said[question.name] = _choice(question.ask, [str(one) for one in question.choices], usual)
            else:
                said[question.name] = _until(
                    question.ask, None if usual is None else str(usual), _accepting(question)
                )
        known[question.name] = question.parse(said[question.name])
    return said


def _accepting(question: Question) -> Callable[[str], str]:
    def accept(text: str) -> str:
        question.parse(text)
        return text

    return accept


def _template(desk: Desk, shelf: Mapping[str, str | None], tip: str) -> str:
    from kitchens.actions.life.shelves import load_template

    for name, at in sorted(shelf.items()):
        click.echo(f"  {name:<12} {load_template(desk.house, name, at).template.description}", err=True)
    return _choice("Template", sorted(shelf), PLAIN)


def _choice(question: str, choices: Sequence[str], usual: object) -> str:
    from kitchens_engine.toml.nearest import hints

    def accept(text: str) -> str:
        if text not in choices:
            raise InvalidInput(f"`{text}` is none of them", *hints(text, choices))
        return text

    return _until(f"{question} ({', '.join(choices)})", None if usual is None else str(usual), accept)


def _until(question: str, usual: str | None, accept: Callable[[str], str]) -> str:
    """Ask until the answer may be; ^C and the end of input end the command."""
    while True:
        text = str(click.prompt(question, default=usual, show_default=bool(usual), err=True)).strip()
        try:
            return accept(text)
        except KitchensError as error:
            click.echo("; ".join((error.message, *error.hints)), err=True)


def _free(kitchens: Kitchens, text: str) -> str:
    from kitchens.actions.life.naming import free_name

    return free_name(kitchens, text)


def _here(kitchens: Kitchens) -> str:
    try:
        return str(kitchens.here().name)
    except KitchensError:
        return str(kitchens.root)


def _ttl(text: str) -> str:
    from kitchens_engine.durations import seconds

    if text:
        try:
            seconds(text)
        except (ValueError, OverflowError) as error:
            raise InvalidInput(str(error)) from None
    return text

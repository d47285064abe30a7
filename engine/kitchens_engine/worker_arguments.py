"""The arguments of a function of the recipe: brought to the types that its annotations ask for.

Needs the standard library only, Python 3.9 or newer, and is copied into toolchains beside `worker.py`.
"""

from __future__ import annotations

import collections.abc
import datetime
import inspect
import pathlib
import types
import typing
from typing import Any, Callable, Dict, Mapping, Sequence

_TAG = "$type"
_TABLE = "table"
_MOMENTS: Dict[str, Any] = {"datetime": datetime.datetime, "date": datetime.date, "time": datetime.time}
_LISTS = {
    list,
    tuple,
    set,
    frozenset,
    *(vars(collections.abc)[n] for n in ("Sequence", "Iterable", "Collection")),
}
_TABLES = {dict, collections.abc.Mapping, collections.abc.MutableMapping}


class Unfit(ValueError):
    """One sentence on why the function cannot be called with what it is given."""


def untagged(value: Any) -> Any:
    """The value as the runner had it: dates and times travel through JSON under a tag."""
    if isinstance(value, list):
        return [untagged(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {_TAG, "value"} and isinstance(value[_TAG], str) and value[_TAG] in _MOMENTS:
        return _moment(_MOMENTS[value[_TAG]], value["value"])
    if set(value) == {_TAG, "value"} and value[_TAG] == _TABLE:  # one with a key that looks like the tag
        return {key: untagged(inner) for key, inner in value["value"]}
    return {key: untagged(inner) for key, inner in value.items()}


def bind(
    function: Callable[..., Any],
    name: str,
    offers: Sequence[str],
    offer: Callable[[str], Any],
    arguments: Mapping[str, Any],
    absent: Sequence[str] = (),
) -> Dict[str, Any]:
    """The keywords to call `function` with: those of the `offers` that it names, and all `arguments`.

    An offer that is `absent` is left to the parameter's default, where it has one. `name` is what the function is called in sentences. Raises `Unfit`.
    """
    if _wants_nothing(function) and not arguments:
        return {}
    try:
        wanted = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return dict(arguments)
    parameters = {
        each.name: each
        for each in wanted.values()
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    }
    if not any(each.kind is each.VAR_KEYWORD for each in wanted.values()):
        for given in arguments:
            if given not in parameters:
                raise Unfit(f"`{name}` has no parameter `{given}`")
    hints = _hints(function) if arguments else {}
    keywords: Dict[str, Any] = {}
    for parameter in parameters.values():
        if parameter.name in absent and parameter.default is not parameter.empty:
            continue
        if parameter.name in offers:
            keywords[parameter.name] = offer(parameter.name)
        elif parameter.name not in arguments and parameter.default is parameter.empty:
            raise Unfit(f"parameter `{parameter.name}` of `{name}` is given no value")
    for given, value in arguments.items():
        keywords[given] = _held(value, hints.get(given, Any), f"parameter `{given}` of `{name}`")
    return keywords


def _wants_nothing(function: Callable[..., Any]) -> bool:
    """Whether a plain function has no parameters, told without all that `inspect` would touch (in a fork: copy)."""
    if type(function) is not types.FunctionType or function.__dict__:
        return False
    code = function.__code__
    return not (code.co_argcount or code.co_kwonlyargcount)


def _held(value: Any, wanted: Any, subject: str) -> Any:
    try:
        return fit(value, wanted)
    except Unfit as inner:
        got = "None" if value is None else f"`{type(value).__name__}`: {_shown(value)}"
        detail = f" ({inner})" if str(inner) else ""
        raise Unfit(f"{subject} wants `{_called(wanted)}`, and got {got}{detail}") from None


def fit(value: Any, wanted: Any) -> Any:
    """The value as the annotation wants it. Annotations that say nothing to us let everything pass. Raises `Unfit`."""
    origin, members = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is typing.Union or type(wanted).__name__ == "UnionType":
        return _fit_one_of(value, members)
    if str(origin) == "typing.Annotated":
        return fit(value, members[0])
    if origin is typing.Literal:
        return _needed(value in members, value)
    base = origin or wanted
    if base is None or base is type(None):
        return _needed(value is None, value)
    if base in _LISTS:
        return _fit_list(value, base, members)
    if base in _TABLES:
        _needed(isinstance(value, dict), value)
        inner = members[1] if len(members) == 2 else Any
        return {key: _inside(each, inner, repr(key)) for key, each in value.items()}
    return _fit_plain(value, base)


def _fit_plain(value: Any, wanted: Any) -> Any:
    if wanted is bool or wanted is str:
        return _needed(isinstance(value, wanted), value)
    if wanted is int:
        return _needed(isinstance(value, int) and not isinstance(value, bool), value)
    if wanted is float:
        return float(_needed(isinstance(value, (int, float)) and not isinstance(value, bool), value))
    if wanted in _MOMENTS.values():
        return _fit_moment(value, wanted)
    if isinstance(wanted, type) and issubclass(wanted, pathlib.PurePath):
        return wanted(_needed(isinstance(value, str), value))
    return value


def _fit_moment(value: Any, wanted: Any) -> Any:
    if isinstance(value, str):
        try:
            return _moment(wanted, value)
        except ValueError:
            raise Unfit from None
    # A datetime is a date to Python, and none to whoever asks for a day.
    return _needed(type(value) is wanted, value)


def _fit_list(value: Any, base: Any, members: Sequence[Any]) -> Any:
    _needed(isinstance(value, list), value)
    if base is tuple and members and members[-1] is not Ellipsis:
        _needed(len(members) == len(value), value)
        wanted: Sequence[Any] = members
    else:
        wanted = [members[0] if members else Any] * len(value)
    items = [_inside(item, each, f"item {place}") for place, (item, each) in enumerate(zip(value, wanted))]
    return base(items) if base in (tuple, set, frozenset) else items


def _fit_one_of(value: Any, members: Sequence[Any]) -> Any:
    # An exact type first: text stays text where a date would do as well.
    for member in sorted(members, key=lambda each: type(value) is not each):
        try:
            return fit(value, member)
        except Unfit:
            continue
    raise Unfit


def _inside(value: Any, wanted: Any, where: str) -> Any:
    try:
        return fit(value, wanted)
    except Unfit as inner:
        raise Unfit(str(inner) or f"{where} is `{type(value).__name__}`") from None


def _needed(holds: bool, value: Any) -> Any:
    if not holds:
        raise Unfit
    return value


def _moment(kind: Any, text: str) -> Any:
    # Python 3.9 and 3.10 read no `Z`.
    return kind.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)


def _hints(function: Callable[..., Any]) -> Dict[str, Any]:
    """The annotations as types. Where one of them cannot be had here, nothing is held to them."""
    try:
        return typing.get_type_hints(function)
    except Exception:
        return {}


def _called(wanted: Any) -> str:
    return (
        wanted.__name__
        if isinstance(wanted, type) and not typing.get_args(wanted)
        else str(wanted).replace("typing.", "")
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"

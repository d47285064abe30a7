"""What a TOML file may say, as tables of keys, and every fault of a file that says otherwise.

The tables are data, so that the same ones can be turned into JSON Schema.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from kitchens_engine.errors import Fault
from kitchens_engine.toml.document import Document, dotted
from kitchens_engine.toml.nearest import did_you_mean, nearest
from kitchens_engine.toml.positions import Path
from kitchens_engine.toml.types import is_a, type_name, with_article
from kitchens_engine.tuples import NamedTuple


class Format(NamedTuple):
    """What a value must look like beyond its type: `accept` raises `ValueError` with a sentence.

    `schema` says as much of it as JSON Schema can.
    """

    name: str
    accept: Callable[[Any], object]
    schema: Mapping[str, Any] = MappingProxyType({})


class Key(NamedTuple):
    """What may stand under one key.

    `types` are names of `TYPES`; `items` is the shape of each item when it is a list;
    `table` of its keys when it is a table. `synonyms` are wrong words for one of the
    `choices`. `only_with` names sibling keys of which one must stand beside it.
    """

    types: tuple[str, ...]
    required: bool = False
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    items: Key | None = None
    table: Table | None = None
    format: Format | None = None
    synonyms: Mapping[str, str] = MappingProxyType({})
    only_with: tuple[str, ...] = ()


class Table(NamedTuple):
    """The keys of a table: `keys` by name, and `others` where users choose the names.

    `names` is the format of such a name. `one_of` lists groups of keys of which exactly
    one must be there: what the group is called, and its keys. `elsewhere` holds hints for
    keys that belong somewhere else.
    """

    keys: Mapping[str, Key] = MappingProxyType({})
    others: Key | None = None
    names: Format | None = None
    one_of: tuple[tuple[str, tuple[str, ...]], ...] = ()
    elsewhere: Mapping[str, str] = MappingProxyType({})


def examine(document: Document, shape: Table) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """The values of the document that are of this shape, and a fault for everything that is not."""
    wrong: list[_Wrong] = []
    _table(document.values, shape, (), wrong)
    if not wrong:
        return document.values, ()
    found = [document.fault(each.path, each.message, each.hint) for each in wrong]
    return _without(document.values, [each.path for each in wrong if each.drop]), in_order(found)


def in_order(found: list[Fault]) -> tuple[Fault, ...]:
    """The faults by file, line and column, each once: what two keys say of one SQL file is one fault."""
    once: dict[tuple[str, int, int, str], Fault] = {}
    for fault in found:
        once.setdefault((fault.file, fault.line, fault.column, fault.message), fault)
    return tuple(sorted(once.values(), key=lambda fault: (fault.file, fault.line, fault.column)))


def _filled(value: str | list[Any] | dict[str, Any]) -> object:
    if not value or (isinstance(value, str) and not value.strip()):
        raise ValueError("it is empty")
    return value


#: Text, a list or a table that is not empty.
FILLED = Format("filled", _filled, {"pattern": r"\S", "minItems": 1, "minProperties": 1})


def matching(name: str, pattern: str, sentence: str) -> Format:
    """The format of text that matches the whole pattern; `sentence` says what is wrong with other text."""

    def accept(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"`{value}` {sentence}")
        return value

    return Format(name, accept, {"pattern": f"^(?:{pattern})$"})


class _Wrong(NamedTuple):
    """A fault at a path. `drop` says that what stands there must not be looked at any further."""

    path: Path
    message: str
    hint: str | None = None
    drop: bool = True


def _table(value: Mapping[str, Any], shape: Table, path: Path, wrong: list[_Wrong]) -> None:
    unknown: list[str] = []
    lonely: list[tuple[str, Key]] = []
    for name, inner in value.items():
        key = shape.keys.get(name)
        if key is None:
            key = shape.others
            if key is None:
                unknown.append(name)
                where = f" in {_called(path)}" if path else ""
                hint = shape.elsewhere.get(name) or did_you_mean(name, shape.keys)
                wrong.append(_Wrong((*path, name), f"unknown key `{name}`{where}", hint))
                continue
            if shape.names is not None and (why := _refusal(name, shape.names)):
                here = (*path, name)
                wrong.append(_Wrong(here, f"{_called(here)}: {why}", drop=False))
        if key.only_with and not any(other in value for other in key.only_with):
            lonely.append((name, key))
        _value(inner, key, path, name, wrong)
    # A misspelt key was reported already, with the right spelling.
    meant = {nearest(name, shape.keys) for name in unknown}
    for name, key in lonely:
        if meant.isdisjoint(key.only_with):
            beside = " or ".join(f"`{other}`" for other in key.only_with)
            here = (*path, name)
            wrong.append(_Wrong(here, f"{_called(here)} stands only beside {beside}"))
    _missing(value, shape, path, meant, wrong)


def _missing(
    value: Mapping[str, Any], shape: Table, path: Path, meant: set[str | None], wrong: list[_Wrong]
) -> None:
    for name, key in shape.keys.items():
        if key.required and name not in value and name not in meant:
            wrong.append(_Wrong(path, f"{_place(path)} lacks `{name}`", drop=False))
    for group, names in shape.one_of:
        if meant.isdisjoint(names):
            wrong.extend(_exactly_one(value, group, names, path))


def _exactly_one(
    value: Mapping[str, Any], group: str, names: tuple[str, ...], path: Path
) -> Iterator[_Wrong]:
    present = [name for name in value if name in names]
    if not present:
        listed = ", ".join(f"`{name}`" for name in names)
        yield _Wrong(path, f"{_place(path)} has no {group}", f"it needs one of {listed}", drop=False)
    elif len(present) > 1:
        listed = " and ".join(f"`{name}`" for name in present)
        yield _Wrong((*path, present[1]), f"{_place(path)} has more than one {group}: {listed}")


def _value(value: Any, key: Key, around: Path, name: str | int, wrong: list[_Wrong]) -> None:
    """What is wrong with the value under a name, or at a place of a list, `around` being where that is."""
    types, actual = key.types, type_name(value)
    if actual not in types and not any(is_a(value, one) for one in types):
        path = (*around, name)
        wanted = " or ".join(with_article(name) for name in types)
        message = f"{_called(path)} must be {wanted}, not {with_article(actual)}"
        wrong.append(_Wrong(path, message, _brackets(value, types, path)))
        return
    if key.choices and value not in key.choices:
        path = (*around, name)
        listed = ("one of " if len(key.choices) > 1 else "") + ", ".join(
            f"`{_toml(it)}`" for it in key.choices
        )
        message = f"{_called(path)} must be {listed}, not `{_toml(value)}`"
        wrong.append(_Wrong(path, message, _nearest_choice(value, key)))
    elif key.minimum is not None and isinstance(value, (int, float)) and not value >= key.minimum:
        path = (*around, name)
        wrong.append(_Wrong(path, f"{_called(path)} must be at least {key.minimum:g}, not {value}"))
    elif key.format is not None and (why := _refusal(value, key.format)):
        path = (*around, name)
        wrong.append(_Wrong(path, f"{_called(path)}: {why}"))
    if key.table is not None and isinstance(value, dict):
        _table(value, key.table, (*around, name), wrong)
    if key.items is not None and isinstance(value, list):
        path = (*around, name)
        for index, item in enumerate(value):
            _value(item, key.items, path, index, wrong)


def _brackets(value: Any, types: tuple[str, ...], path: Path) -> str | None:
    """What is right but for its brackets: one text for a list of them, `[[a]]` for `[a]`."""
    if types == ("list",) and isinstance(value, str) and value.isprintable():
        return f'write `["{value}"]`'
    if types == ("table",) and isinstance(value, list) and value and isinstance(value[0], dict):
        return f"write `[{dotted(path)}]`, with one bracket on each side"
    return None


def _nearest_choice(value: Any, key: Key) -> str | None:
    if not isinstance(value, str):
        return None
    if value in key.synonyms:
        return f"did you mean `{key.synonyms[value]}`?"
    return did_you_mean(value, key.choices)


def _refusal(value: Any, wanted: Format) -> str | None:
    try:
        wanted.accept(value)
    except ValueError as error:
        return str(error)
    return None


def _without(values: dict[str, Any], paths: list[Path]) -> dict[str, Any]:
    """A copy without what stands at these paths; a list with a wrong item goes whole."""
    kept = copy.deepcopy(values)
    for path in paths:
        *around, last = _whole(path)
        parent: Any = kept
        for part in around:
            # What a fault further up took away is gone already.
            parent = parent[part] if isinstance(part, int) or part in parent else None
            if parent is None:
                break
        else:
            parent.pop(last, None)
    return kept


def _whole(path: Path) -> Path:
    """The path without the indexes at its end: of an item's list."""
    return _whole(path[:-1]) if isinstance(path[-1], int) else path


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _called(path: Path) -> str:
    return f"`{dotted(path)}`"


def _place(path: Path) -> str:
    return f"`{dotted(path)}`" if path else "the file"

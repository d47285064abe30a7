"""The tables of a TOML file as a JSON Schema, for editors: completion, words on hover, faults while one types.

Draft 7, which Taplo (Even Better TOML) reads. What a schema cannot say is left to `kitchen recipe check`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kitchens_engine.toml.shape import Key, Table

DRAFT = "http://json-schema.org/draft-07/schema#"

#: How the types of TOML are called in JSON, which editors turn the file into.
_TYPES = {
    "float": "number",
    "list": "array",
    "table": "object",
    **dict.fromkeys(("datetime", "date", "time"), "string"),
}
#: What `\w` means to Python, in words that every regular expression knows.
_LETTERS = r"A-Za-z0-9_\u0080-\uffff"
_CLASS = re.compile(r"\[(?:\\.|[^\]\\])*\]")
_SPEAKS_OF = {
    "pattern": "string",
    "maxLength": "string",
    "minItems": "array",
    "maxItems": "array",
    "minProperties": "object",
}


def json_schema(shape: Table, title: str, words: Mapping[str, str]) -> dict[str, Any]:
    """The schema of a file of this shape.

    `words` says what each key is for, by its dotted path, with `*` for names that users choose and `[]` for
    the items of a list: `nodes.*.tests[].sql`.
    """
    schema = {"$schema": DRAFT, "title": title, **_table(shape, "", words)}
    return _described(schema, words.get(""))


def _table(shape: Table, path: str, words: Mapping[str, str]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    if shape.keys:
        schema["properties"] = {
            name: _key(key, f"{path}.{name}" if path else name, words) for name, key in shape.keys.items()
        }
    others = f"{path}.*" if path else "*"
    schema["additionalProperties"] = False if shape.others is None else _key(shape.others, others, words)
    if shape.names is not None and shape.names.schema:
        schema["propertyNames"] = _with_known(_format(shape.names.schema, ["string"]), shape)
    if required := [name for name, key in shape.keys.items() if key.required]:
        schema["required"] = required
    if company := {name: _beside(key) for name, key in shape.keys.items() if key.only_with}:
        schema["dependencies"] = company
    groups = [_one_of(names) for _, names in shape.one_of]
    if len(groups) > 1:
        schema["allOf"] = groups
    elif groups:
        schema |= groups[0]
    return schema


def _with_known(names: dict[str, Any], shape: Table) -> dict[str, Any]:
    """Users' names have a format; those of the shape are right as they are."""
    return {"anyOf": [{"enum": list(shape.keys)}, names]} if shape.keys else names


def _beside(key: Key) -> dict[str, Any]:
    return {"anyOf": [{"required": [name]} for name in key.only_with]}


def _one_of(names: tuple[str, ...]) -> dict[str, Any]:
    return {"oneOf": [{"required": [name]} for name in names]}


def _key(key: Key, path: str, words: Mapping[str, str]) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    types = list(dict.fromkeys(_TYPES.get(name, name) for name in key.types))
    if "any" not in types:
        schema["type"] = types[0] if len(types) == 1 else types
    if key.choices:
        schema["enum"] = list(key.choices)
    if key.minimum is not None:
        schema["minimum"] = key.minimum
    if key.format is not None:
        schema |= _format(key.format.schema, types)
    if key.items is not None:
        schema["items"] = _key(key.items, f"{path}[]", words)
    if key.table is not None:
        table = {name: value for name, value in _table(key.table, path, words).items() if name != "type"}
        # Unlike the other words, this one speaks of values that are no tables too.
        if "oneOf" in table and len(types) > 1:
            table["anyOf"] = [{"not": {"type": "object"}}, {"oneOf": table.pop("oneOf")}]
        schema |= table
    return _described(schema, words.get(path))


def _format(schema: Mapping[str, Any], types: list[str]) -> dict[str, Any]:
    """Those words of a format that speak of one of the types."""
    return {
        word: _translated(value) if word == "pattern" else value
        for word, value in schema.items()
        if "any" in types or _SPEAKS_OF.get(word, types[0]) in types
    }


def _translated(pattern: str) -> str:
    """Python's regular expression with letters beyond ASCII spelt out."""
    # `[^\W\d]`, a letter or `_`, is a way to say it that only Python has.
    spelt = pattern.replace(r"[^\W\d]", rf"[{_LETTERS.replace('0-9', '')}]")
    within = _CLASS.sub(lambda found: found[0].replace(r"\w", _LETTERS), spelt)
    return re.sub(r"\\w", lambda _: f"[{_LETTERS}]", within)


def _described(schema: dict[str, Any], words: str | None) -> dict[str, Any]:
    return {"description": words, **schema} if words else schema

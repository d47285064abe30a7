"""Files as they look after a slip, a bad merge or a broken disk: real ones, changed in one to four places."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_TOKEN = re.compile(r"\"\"\"|'''|\{\{|\}\}|\{%|%\}|\w+|[ \t]+|\n|.")
_TABLE = re.compile(r"(?m)^(?=\[)")
_VALUE = re.compile(r"(?m)(?<== ).+$")
_KEY = re.compile(r"(?m)^[\w-]+(?= *=)")
_INSERTED = (
    *(
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ".",
        ",",
        '"',
        "'",
        '"""',
        "'''",
        "#",
        "\\",
        "\n",
        "\r\n",
        "\t",
        " ",
    ),
    *(
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "|",
        "(",
        ")",
        "**",
        "- ",
        "%",
        "$(",
        "`",
        "<<EOF\n",
        "\x00",
        "\ufeff",
    ),
    *("é", "\u2028", "😀", "nan", "inf", "-inf", "9" * 40, "1e999", "0x", "1979-05-27", "true", "{{ x }}"),
    *(
        "{{ 9 ** 9 ** 9 }}",
        "{{ 'x' * 9999999999 }}",
        "{% for a in range(9999999) %}",
        "{{ outputs }}",
        "(a+)+$",
    ),
    *(
        "variables.year",
        "outputs.a.rows",
        "tests.a.passed",
        "each.item",
        "select",
        "((((((((((((((((((((((((((",
        "*/",
    ),
)
_VALUES = (
    *(
        "1",
        "-1",
        "0",
        "1.5",
        "nan",
        "inf",
        "true",
        "false",
        '""',
        '" "',
        '"x"',
        "[]",
        "[[]]",
        "{}",
        "{ a = 1 }",
    ),
    *("[1, 'x', {}]", "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", '"{{ x }}"', '"{{"', '"{% if %}"'),
    *(
        "'''a\nb'''",
        "[{ equals = 1 }]",
        '"../../x"',
        '"/etc/passwd"',
        '".*"',
        '"("',
        "9" * 30,
        '"nodes"',
        '["+a"]',
    ),
    *(
        '"{{ outputs.a.rows > variables.year }}"',
        '"select {{ outputs.a.x }} from ("',
        "['{{ 1 }}', 2]",
        "{ '=' = {} }",
    ),
)

Mutation = Callable[[random.Random, str], str]


def mutated(dice: random.Random, text: str) -> bytes:
    """The text with one to four changes of any kind; the last of them may be to its bytes."""
    for _ in range(dice.randint(1, 4)):
        text = dice.choice(_MUTATIONS)(dice, text)
    content = text.encode("utf-8", "replace")
    return _bytes(dice, content) if dice.random() < 0.15 else content


def _bytes(dice: random.Random, content: bytes) -> bytes:
    at = dice.randrange(len(content) + 1)
    match dice.randrange(4):
        case 0:
            return content[:at]
        case 1:
            return content[:at] + bytes(dice.randrange(256) for _ in range(3)) + content[at:]
        case 2:
            return content[:at] + content[at + dice.randint(1, 20) :]
        case _:
            return content[:at] + bytes([dice.randrange(256)]) + content[at + 1 :]


def _token(dice: random.Random, text: str) -> str:
    tokens = _TOKEN.findall(text) or [""]
    at, other = dice.randrange(len(tokens)), dice.randrange(len(tokens))
    match dice.randrange(4):
        case 0:
            tokens.insert(at, dice.choice(_INSERTED))
        case 1:
            del tokens[at]
        case 2:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        case _:
            tokens.insert(at, tokens[other])
    return "".join(tokens)


def _key(dice: random.Random, text: str) -> str:
    """A key misspelt, or called like another."""
    keys = list(_KEY.finditer(text))
    if not keys:
        return text
    found, other = dice.choice(keys), dice.choice(keys)[0]
    name = dice.choice(
        (found[0][:-1], found[0] + "s", found[0][::-1], found[0].upper(), f'"{found[0]}"', other)
    )
    return text[: found.start()] + name + text[found.end() :]


def _type(dice: random.Random, text: str) -> str:
    """A value of another type."""
    values = list(_VALUE.finditer(text))
    if not values:
        return text
    found = dice.choice(values)
    return text[: found.start()] + dice.choice(_VALUES) + text[found.end() :]


def _structure(dice: random.Random, text: str) -> str:
    """Tables lost, twice, elsewhere, nested in others, or lists of tables."""
    tables = _TABLE.split(text)
    at, other = dice.randrange(len(tables)), dice.randrange(len(tables))
    match dice.randrange(5):
        case 0:
            del tables[at]
        case 1:
            tables.append(tables[at])
        case 2:
            tables[at], tables[other] = tables[other], tables[at]
        case 3:
            tables[at] = re.sub(
                r"^\[+([^\]\n]*)\]+", dice.choice((r"[[\1]]", r"[\1]", r"[\1.x]", r"[x.\1]")), tables[at]
            )
        case _:
            lines = tables[at].splitlines(keepends=True)
            dice.shuffle(lines)
            tables[at] = "".join(lines)
    return "".join(tables)


_MUTATIONS: tuple[Mutation, ...] = (_token, _token, _key, _type, _type, _structure)

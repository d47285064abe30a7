"""Every key of a kitchen's `template.toml`, and what each is for."""

from __future__ import annotations

from collections.abc import Mapping

from kitchens_engine.toml.shape import FILLED, Key, Table, matching

TYPES = ("string", "integer", "float", "boolean")

_NAME = matching("name", r"[a-z]\w*", "is no name; use a-z, digits and `_`")
_INGREDIENT = matching("ingredient-name", r"\w[\w.-]*", "names no ingredient")
_TEXT = Key(("string",), format=FILLED)
_SCALAR = ("string", "integer", "float", "boolean")


def _free(name: str) -> Key:
    """Tables of `kitchens.toml`: they are held to its own shape once the answers are in."""
    return Key(
        ("table",), table=Table(others=Key(("table",), table=Table(others=Key((*_SCALAR, "list", "table")))))
    )


_QUESTION = Table(
    keys={
        "ask": Key(("string",), required=True, format=FILLED),
        "type": Key(("string",), choices=TYPES),
        "default": Key(_SCALAR),
        "choices": Key(("list",), items=Key(_SCALAR)),
        "pattern": _TEXT,
    }
)

_KITCHEN = Table(keys={"data": _TEXT, "ttl": _TEXT, "set": Key(("list",), items=_TEXT)})

_STEP = Table(
    keys={
        "ingredient": Key(("string",), required=True, format=_INGREDIENT),
        "inputs": Key(("table",), table=Table(others=Key((*_SCALAR, "list", "table")))),
        "rollback": Key(("string",), format=_INGREDIENT),
    }
)

TEMPLATE = Table(
    keys={
        "description": Key(("string",), required=True, format=FILLED),
        "questions": Key(("table",), table=Table(others=Key(("table",), table=_QUESTION), names=_NAME)),
        "kitchen": Key(("table",), table=_KITCHEN),
        "connections": _free("connections"),
        "services": _free("services"),
        "provision": Key(("list",), items=Key(("table",), table=_STEP)),
    }
)

WORDS: Mapping[str, str] = {
    "": "A template of kitchens. `@@name@@` stands for an answer, `@@kitchen@@` for the kitchen's name, `@@identifier@@` for that name in a-z, 0-9 and `_`.",
    "description": "What a kitchen made from it is.",
    "questions": "What the wizard asks; also answered by `--answer NAME=VALUE`.",
    "questions.*.ask": "The question.",
    "questions.*.type": "The type of the answer; text when nothing is said.",
    "questions.*.default": "The answer when nobody says anything else.",
    "questions.*.choices": "The answers to choose from.",
    "questions.*.pattern": "A regular expression that the whole answer matches.",
    "kitchen": "What `kitchen create` is given where the command line says nothing else.",
    "kitchen.data": "Its first data: `empty`, `copy` or `recipe:NAME`.",
    "kitchen.ttl": "How long it lives, such as `7d`.",
    "kitchen.set": "Variables of its settings, each `NAME=VALUE`.",
    "connections": "Connections that its `kitchens.toml` gets, unless it has them.",
    "services": "Services that its `kitchens.toml` gets, unless it has them.",
    "provision": "What is run in the new kitchen, in this order.",
    "provision[].ingredient": "An ingredient, in the template's own `ingredients/` or in the cookbook's.",
    "provision[].inputs": "What it is given.",
    "provision[].rollback": "The ingredient that takes it back, given the same: when a later step fails, and when the kitchen is deleted.",
}

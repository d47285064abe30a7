"""Every key of `recipe.toml`: its type, and what else must hold of it alone."""

from __future__ import annotations

import re
from typing import Any

from kitchens_engine import durations
from kitchens_engine.language.moments import moment
from kitchens_engine.language.schedules import PATTERN, schedule
from kitchens_engine.language.secrets import admit, reference
from kitchens_engine.language.zones import time_zone
from kitchens_engine.recipe import ACTIONS, MEASURES, RULES, OnFailure
from kitchens_engine.retry import BACKOFFS, Occasion
from kitchens_engine.toml.images import IMAGE
from kitchens_engine.toml.shape import FILLED, Format, Key, Table, matching
from kitchens_engine.toml.types import ELSEWHERE, TYPES
from kitchens_engine.variables.names import DOTTED

#: A function of a module beside the recipe: `module:function`.
FUNCTION = r"[^\W\d][\w.]*:[^\W\d]\w*"
#: What a function gets of itself when it has a parameter of that name.
OFFERS = ("variables", "inputs", "outputs", "data", "database")
#: No file system takes names of more than 255 bytes.
_LONGEST_NAME = 200


def _positive_duration(value: Any) -> float:
    seconds = durations.seconds(value)
    if seconds == 0:
        raise ValueError("it must be longer than nothing")
    return seconds


def _duration_or_table(value: str | float | dict[str, Any]) -> object:
    if isinstance(value, dict) or (isinstance(value, str) and "{{" in value):
        return value
    return durations.seconds(value)


def _moment_or_template(value: Any) -> object:
    return value if not isinstance(value, str) or "{{" in value else moment(value)


def _url_or_template(value: str) -> object:
    if "{{" not in value and not value.startswith(("http://", "https://")):
        raise ValueError(f"`{value}` is no URL of `http` or `https`")
    return value


def _share(value: float) -> object:
    if not 0 <= value <= 1:
        raise ValueError(f"`{value}` is no share of the delay; write one from 0 to 1, such as `0.2`")
    return value


def _exit_status(value: int) -> object:
    if not 1 <= value <= 255:
        raise ValueError(f"`{value}` is no exit status of a failure; they go from 1 to 255")
    return value


def _regular_expression(value: str) -> object:
    if not value:
        raise ValueError("an empty pattern matches everything")
    try:
        return re.compile(value)
    except re.error as error:
        raise ValueError(f"`{value}` is no regular expression: {error}") from None


def words_of(command: str) -> list[str]:
    """The words of `python = "…"`, as a shell reads them; one whose quotes are open counts as it is written."""
    plain = re.sub(r"\{\{.*?\}\}", lambda found: re.sub(r"[\s'\"]", "", found[0]), command)
    if not re.search(r"['\"\\]", plain):
        return plain.split()
    import shlex

    try:
        return shlex.split(plain)
    except ValueError:
        return plain.split()


def _script_or_function(value: str | list[Any]) -> object:
    words = words_of(value) if isinstance(value, str) else [str(word) for word in value]
    if not words:
        raise ValueError("it is empty")
    if words[0].endswith(".py") or (isinstance(value, str) and re.fullmatch(FUNCTION, value)):
        return value
    raise ValueError(
        f"`{words[0]}` is neither a script such as `score.py` nor a function such as `score:main`"
    )


def _pair(value: list[Any]) -> object:
    if len(value) != 2:
        raise ValueError("it takes the lowest and the highest value, such as `[1, 2]`")
    return value


def _reference(value: str) -> object:
    # The value is not repeated: it may well be the secret itself.
    if reference(value) is None:
        raise ValueError("a secret stays in the vault; write a reference such as `vault:flights/token`")
    return value


def _node_name(value: str) -> object:
    if not re.fullmatch(r"\w[\w-]*", value):
        raise ValueError(f"`{value}` is no name; use letters, digits, `_` and `-`")
    if len(value.encode()) > _LONGEST_NAME:
        raise ValueError(
            f"the name is longer than {_LONGEST_NAME} bytes, and its logs lie in a folder of that name"
        )
    return value


def _variable(value: str) -> object:
    if not re.fullmatch(DOTTED, value):
        raise ValueError(f'`{value}` names no variable; write `name`, or `"table.name"` in quotes')
    return value


_NODE_NAME = Format("node-name", _node_name, {"pattern": r"^\w[\w-]*$", "maxLength": _LONGEST_NAME})
_VARIABLE = Format("variable", _variable)
_NAME = matching("name", r"\w[\w.-]*", "is no name; use letters, digits, `_`, `-` and `.`")
_VARIABLE_OF_ENVIRONMENT = matching(
    "environment-name",
    r"(?!KITCHEN(?:_|$))[A-Za-z_]\w*",
    "cannot be set; a name has letters, digits and `_`, and `KITCHEN…` is ours",
)
_PARAMETER = matching(
    "parameter",
    rf"(?!(?:{'|'.join(OFFERS)})$)[^\W\d]\w*",
    f"is no parameter of a function that a recipe can set; {', '.join(f'`{name}`' for name in OFFERS)} are given by themselves",
)
_SCHEDULE = Format("schedule", schedule, {"pattern": f"^(?:{PATTERN})$"})
_DURATION = Format("duration", durations.seconds, durations.SCHEMA)
_OCCASION = Format(
    "failure", Occasion.parse, {"pattern": r"^(?:timeout|lost|test|exit:\d{1,3}(?:-\d{1,3})?|matches:.+)$"}
)

_PATTERN = Format("regular-expression", _regular_expression, {"format": "regex", "pattern": "."})

_TEXT = Key(("string",))
_WORD = Key(("string",), format=FILLED)
_TIMEOUT = Key(
    ("string", "integer", "float"), format=Format("duration", _positive_duration, durations.SCHEMA)
)
_ON_TIMEOUT = Key(("string",), choices=("stop", "alert"), only_with=("timeout",))
_COUNT = Key(("integer",), minimum=1)
_COMMAND = Key(("string", "list"), items=_TEXT, format=FILLED)
_LIMIT = Key(("integer", "float", "string", "date", "datetime", "time"))
_TYPE = Key(("string",), choices=TYPES, synonyms=ELSEWHERE)
_REQUIRED_TYPE = Key(("string",), required=True, choices=TYPES, synonyms=ELSEWHERE)

_POLICY = Key(
    ("table",),
    table=Table(
        keys={
            "warnings": Key(("string",), choices=("count", "ignore")),
            "failures": Key(("string",), choices=("count", "warn", "ignore")),
        }
    ),
)

_CONSTRAINT_KEYS = {
    "required": Key(("boolean",)),
    "choices": Key(("list",), format=FILLED),
    "at_least": _LIMIT,
    "at_most": _LIMIT,
    "matches": Key(("string",), format=_PATTERN),
    "locked": Key(("boolean",)),
    "hidden": Key(("boolean",)),
    "description": _TEXT,
}
_OTHER_WORDS = {
    "pattern": "write `matches`",
    "regex": "write `matches`",
    "enum": "write `choices`",
    "min": "write `at_least`",
    "minimum": "write `at_least`",
    "max": "write `at_most`",
    "maximum": "write `at_most`",
    "secret": "write `hidden`",
}
_CONSTRAINT = Table(keys={"type": _TYPE, **_CONSTRAINT_KEYS}, elsewhere=_OTHER_WORDS)

_TEST = Table(
    keys={
        "name": _WORD,
        "sql": _WORD,
        "output": _WORD,
        "value": _WORD,
        "run": _COMMAND,
        "equals": Key(("any",)),
        "not_equals": Key(("any",)),
        "above": _LIMIT,
        "below": _LIMIT,
        "at_least": _LIMIT,
        "at_most": _LIMIT,
        "between": Key(("list",), items=_LIMIT, format=Format("pair", _pair, {"minItems": 2, "maxItems": 2})),
        "matches": Key(("string",), format=_PATTERN),
        "control": Key(("boolean", "string", "table")),
        "fail": Key(("string",), choices=tuple(str(each) for each in OnFailure)),
        "blocks": Key(("list",), items=_WORD, format=FILLED),
    },
    one_of=(("measure", MEASURES), ("rule", RULES)),
)

_WAIT = Table(
    keys={
        "file": _WORD,
        "stable": Key(("string", "integer", "float"), format=_DURATION, only_with=("file",)),
        "url": Key(("string",), format=Format("url", _url_or_template, {"pattern": r"^https?://|\{\{"})),
        "sql": _WORD,
        "until": Key(("string", "datetime", "time"), format=Format("moment", _moment_or_template)),
        "timezone": Key(("string",), format=Format("time-zone", time_zone), only_with=("until",)),
        "every": Key(
            ("string", "integer", "float"),
            format=Format("duration", _positive_duration),
            only_with=("file", "url", "sql"),
        ),
    },
    one_of=(("condition", ("file", "url", "sql", "until")),),
)

_NODE = Table(
    keys={
        "run": _COMMAND,
        "python": Key(("string", "list"), items=_TEXT, format=Format("script", _script_or_function)),
        "sql": _WORD,
        "arguments": Key(
            ("table",), table=Table(others=Key(("any",)), names=_PARAMETER), only_with=("python",)
        ),
        "copy": Key(("table", "string")),
        "recipe": Key(("string",), format=_NAME),
        "ingredient": Key(("string",), format=_NAME),
        "notebook": Key(("string", "table")),
        "wait": Key(
            ("string", "integer", "float", "table"), format=Format("wait", _duration_or_table), table=_WAIT
        ),
        "noop": Key(("boolean",), choices=(True,)),
        "description": _TEXT,
        "needs": Key(("list",), items=_WORD),
        "when": Key(("string", "boolean")),
        "env": Key(
            ("table",),
            table=Table(
                others=Key(("string", "integer", "float", "boolean"), format=Format("environment", admit)),
                names=_VARIABLE_OF_ENVIRONMENT,
            ),
        ),
        "secrets": Key(
            ("table",),
            table=Table(
                others=Key(
                    ("string",), format=Format("secret", _reference, {"pattern": r"^vault:[^\s{}]+$"})
                ),
                names=_VARIABLE_OF_ENVIRONMENT,
            ),
            only_with=("run", "python", "sql", "copy", "notebook", "wait"),
        ),
        "outputs": Key(("table",), table=Table(others=_TYPE)),
        "each": Key(("string", "list"), format=FILLED),
        "parallel": Key(("integer",), minimum=1, only_with=("each",)),
        "always": Key(("boolean",)),
        "retries": Key(("integer",), minimum=0),
        "retry_delay": Key(("string", "integer", "float"), format=_DURATION, only_with=("retries",)),
        "backoff": Key(("string",), choices=BACKOFFS, only_with=("retry_delay",)),
        "max_delay": Key(("string", "integer", "float"), format=_DURATION, only_with=("backoff",)),
        "jitter": Key(
            ("integer", "float"),
            format=Format("share", _share, {"minimum": 0, "maximum": 1}),
            only_with=("retry_delay",),
        ),
        "retry_on": Key(
            ("list",), items=Key(("string",), format=_OCCASION), format=FILLED, only_with=("retries",)
        ),
        "skip_on": Key(
            ("list",),
            items=Key(
                ("integer",), format=Format("exit-status", _exit_status, {"minimum": 1, "maximum": 255})
            ),
            format=FILLED,
            only_with=("run", "python"),
        ),
        "timeout": _TIMEOUT,
        "on_timeout": _ON_TIMEOUT,
        "pool": Key(("string",), format=_NAME),
        "image": Key(("string",), format=IMAGE, only_with=("run", "python")),
        "connection": _WORD,
        "database": Key(("string",), choices=("read", "write")),
        "variation": Key(("string",), format=_NAME, only_with=("recipe", "ingredient")),
        "variables": Key(("table",), only_with=("recipe",)),
        "inputs": Key(("table",), only_with=("ingredient", "notebook")),
        "policy": _POLICY._replace(only_with=("recipe", "ingredient")),
        "tests": Key(("list",), items=Key(("table",), table=_TEST)),
    },
    one_of=(("action", ACTIONS),),
)

_VARIATION = Table(
    keys={
        "description": _TEXT,
        "variables": Key(("table",)),
        "nodes": Key(("list",), items=_WORD, format=FILLED),
        "schedule": Key(("string",), format=_SCHEDULE),
        "timezone": Key(("string",), format=Format("time-zone", time_zone), only_with=("schedule",)),
    }
)

RECIPE = Table(
    keys={
        "description": _TEXT,
        "requires": Key(("list",), items=Key(("string",), format=_NAME)),
        "timeout": _TIMEOUT,
        "on_timeout": _ON_TIMEOUT,
        "concurrency": _COUNT,
        "pools": Key(("table",), table=Table(others=_COUNT, names=_NAME)),
        "variables": Key(("table",)),
        "constraints": Key(
            ("table",), table=Table(others=Key(("table",), table=_CONSTRAINT), names=_VARIABLE)
        ),
        "policy": _POLICY,
        "variations": Key(("table",), table=Table(others=Key(("table",), table=_VARIATION), names=_NAME)),
        "nodes": Key(
            ("table",),
            required=True,
            format=FILLED,
            table=Table(others=Key(("table",), table=_NODE), names=_NODE_NAME),
        ),
    },
    elsewhere=dict.fromkeys(("inputs", "outputs"), "only an ingredient has a contract of inputs and outputs"),
)

_INPUT = Table(
    keys={"type": _REQUIRED_TYPE, "default": Key(("any",)), **_CONSTRAINT_KEYS}, elsewhere=_OTHER_WORDS
)
_OUTPUT = Table(
    keys={
        "type": _REQUIRED_TYPE,
        "value": Key(("any",), required=True),
        **{name: _CONSTRAINT_KEYS[name] for name in ("choices", "at_least", "at_most", "matches")},
        "description": _TEXT,
    },
    elsewhere=_OTHER_WORDS,
)

#: An ingredient is a recipe with a contract.
INGREDIENT = Table(
    keys={
        **RECIPE.keys,
        "inputs": Key(("table",), table=Table(others=Key(("table",), table=_INPUT), names=_NODE_NAME)),
        "outputs": Key(("table",), table=Table(others=Key(("table",), table=_OUTPUT), names=_NODE_NAME)),
    }
)

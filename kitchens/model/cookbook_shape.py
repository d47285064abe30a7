"""Every key of `kitchens.toml`: its type, and what else must hold of it alone."""

from __future__ import annotations

import re

from kitchens.model.freezing import read_moment
from kitchens.model.names import KitchenName
from kitchens_engine import durations
from kitchens_engine.durations import seconds
from kitchens_engine.errors import InvalidInput
from kitchens_engine.language.secrets import admit
from kitchens_engine.language.zones import time_zone
from kitchens_engine.toml.images import IMAGE
from kitchens_engine.toml.shape import FILLED, Format, Key, Table, matching

_SIZE = r"(?i)(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b)?|b)?"
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


def size(value: str | int) -> int:
    """The bytes in `2g`, `512m` or a plain number. Raises `ValueError` with a sentence."""
    found = re.fullmatch(_SIZE, str(value).strip())
    if found is None or float(found[1]) == 0:
        raise ValueError(f"`{value}` is no size; write one such as `512m` or `2g`")
    return int(float(found[1]) * _UNITS[(found[2] or "").lower()])


def _kitchen_name(value: str) -> object:
    try:
        return KitchenName.parse(value)
    except InvalidInput as error:
        raise ValueError(error.message) from None


def _path(value: str) -> object:
    if not value.strip() or value.startswith("/") or ".." in value.split("/"):
        raise ValueError(f"`{value}` is no path inside the cookbook")
    return value


def _worktrees(value: str) -> object:
    unknown = [name for name in re.findall(r"\{(.*?)\}", value) if name != "repository"]
    if unknown:
        raise ValueError(f"there is no `{{{unknown[0]}}}`, only `{{repository}}`")
    if not value.strip():
        raise ValueError("it is empty")
    if "\0" in value or value.startswith("~"):
        raise ValueError(f"`{value}` is no path; write one from the repository, or from `/`")
    return value


def _port(value: int) -> object:
    if not 1 <= value <= 65535:
        raise ValueError(f"`{value}` is no port; they go from 1 to 65535")
    return value


def _more_than_nothing(value: float) -> object:
    if not 0 < value < float("inf"):
        raise ValueError(f"`{value}` is no number of processors")
    return value


def _git_url(value: str) -> object:
    if not value.strip() or value.startswith(("-", "ext::")) or "\n" in value:
        raise ValueError(f"`{value}` is no git repository; write a URL, or a path")
    # The value is not repeated: it holds the password.
    if re.match(r"[a-z+]+://[^/@]*:[^/@]+@", value):
        raise ValueError("a password in a file is in every clone; leave it to git's credential helper or ssh")
    return value


def _revision(value: str) -> object:
    if not re.fullmatch(r"[^\s~^:?*\[\\-][^\s~^:?*\[\\]*", value) or ".." in value:
        raise ValueError(f"`{value}` is no branch, tag or commit")
    return value


def _url(value: str) -> object:
    FILLED.accept(value)
    return admit(value)


_NAME = matching("name", r"\w[\w.-]*", "is no name; use letters, digits, `_`, `-` and `.`")
_REMOTE = matching("remote", r"\w[\w./-]*", "is no name of a git remote; write one such as `origin`")
_PACKAGE = matching(
    "package",
    r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9-]+)?(?:=[A-Za-z0-9.+:~-]+)?",
    "is no Debian package; write one such as `libpq5` or `libpq5=15.8-0`",
)
_HOST = matching(
    "host-name", r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", "is no host name; use a-z, 0-9 and `-`"
)
_INNER = matching(
    "inner-path", r"(?:/(?!\.\.?(?:/|$))[\w.@+-]+)+", "is no folder in a container; write one such as `/data`"
)
_ENVIRONMENT = matching("environment-name", r"[A-Za-z_]\w*", "names no variable; use letters, digits and `_`")
_ALLOWED = r"""[^\s~^:?*\[\\"'`$&|;<>(){}!#%]"""
_KITCHEN = Format(
    "kitchen-name",
    _kitchen_name,
    {"pattern": rf"^(?![./-])(?!.*(?:\.\.|@\{{)){_ALLOWED}+$", "maxLength": 100},
)
_FILE = Format("path", _path, {"pattern": r"^(?!\s*$)(?!/)(?!(?:.*/)?\.\.(?:/|$)).+$"})

_DATA = matching("data", r"empty|copy|recipe:\w[\w.-]*", "is none of `empty`, `copy` and `recipe:NAME`")

_TEXT = Key(("string",), format=FILLED)
_COMMANDS = Key(("list",), items=_TEXT)
_PATHS = Key(("list",), items=Key(("string",), format=_FILE))
_VALUE = Format("reference", admit)
_REQUIRED_URL = Key(("string",), required=True, format=Format("url", _url))


def _section(table: Table, *, required: bool = False) -> Key:
    return Key(("table",), table=table, required=required)


_COOKBOOK = Table(
    keys={
        "name": Key(("string",), required=True, format=FILLED),
        "production": Key(("string",), format=_KITCHEN),
        "worktrees": Key(("string",), format=Format("worktrees", _worktrees, {"pattern": r"\S"})),
        "remote": Key(("string",), format=_REMOTE),
        "data": Key(("string",), format=_DATA),
    }
)

_SIZED = Key(
    ("string", "integer"),
    format=Format(
        "size",
        size,
        {"pattern": r"^\s*\d+(?:\.\d+)?\s*(?:[kmgtKMGT](?:[iI]?[bB])?|[bB])?\s*$", "minimum": 1},
    ),
)

_RUNTIME = Table(
    keys={
        "kind": Key(("string",), choices=("auto", "docker", "process")),
        "image": Key(("string",), format=IMAGE),
        "build": Key(("string",), format=_FILE),
        "requirements": Key(("string",), format=_FILE),
        "packages": Key(("list",), items=Key(("string",), format=_PACKAGE)),
        "network": Key(("string",), choices=("none", "kitchen", "open")),
        "memory": _SIZED,
        "log_limit": _SIZED,
        "disk": _SIZED,
        "cpus": Key(
            ("integer", "float"), format=Format("processors", _more_than_nothing, {"exclusiveMinimum": 0})
        ),
        "pids": Key(("integer",), minimum=1),
        "idle": Key(("string", "integer", "float"), format=Format("duration", seconds, durations.SCHEMA)),
    }
)

_CONNECTION = Table(keys={"url": _REQUIRED_URL, "gate": _section(Table(keys={"url": _REQUIRED_URL}))})

_SERVICE = Table(
    keys={
        "image": Key(("string",), format=IMAGE),
        "build": Key(("string",), format=_FILE),
        "command": Key(("list",), items=Key(("string",))),
        "port": Key(("integer",), format=Format("port", _port, {"minimum": 1, "maximum": 65535})),
        "health": _TEXT,
        "ready_within": Key(
            ("string", "integer", "float"), format=Format("duration", seconds, durations.SCHEMA)
        ),
        "env": _section(Table(others=Key(("string", "integer"), format=_VALUE), names=_ENVIRONMENT)),
        "needs": Key(("list",), items=Key(("string",), format=_HOST)),
        "volumes": Key(("list",), items=Key(("string",), format=_INNER)),
        "init": _PATHS,
        "seed": Key(("string",), format=_NAME),
        "memory": _SIZED,
    },
    one_of=(("image", ("image", "build")),),
)

_GATE = Table(
    keys={
        "variation": Key(("string",), format=_NAME),
        "shared": _PATHS,
        "quality": _COMMANDS,
        "sign": Key(("boolean",)),
        "retries": Key(("integer",), minimum=0),
    }
)

_INGREDIENT = Table(
    keys={
        "git": Key(("string",), required=True, format=Format("git-url", _git_url)),
        "rev": Key(("string",), required=True, format=Format("revision", _revision)),
        "path": Key(("string",), format=_FILE),
    }
)


_VAULT = Table(keys={"kind": Key(("string",), choices=("file", "env")), "path": _TEXT})

_MOMENT = Key(
    ("string", "date", "datetime", "time"),
    required=True,
    format=Format(
        "moment",
        read_moment,
        {"pattern": r"^\s*(?:\d{4}-\d{2}-\d{2}.*|(?:[A-Za-z]+\s+)?\d{1,2}:\d{2}(?::\d{2}.*)?)\s*$"},
    ),
)
_FREEZE = Table(
    keys={
        "from": _MOMENT,
        "to": _MOMENT,
        "timezone": Key(("string",), format=Format("time-zone", time_zone)),
        "reason": _TEXT,
    }
)

_POLICY = Table(
    keys={
        "protected": Key(("boolean",)),
        "isolation": Key(("string",), choices=("docker", "process")),
        "parent": Key(("string",), format=_KITCHEN),
        "signed": Key(("boolean",)),
        "freeze": Key(("list",), items=_section(_FREEZE)),
        "approvals": Key(("integer",), minimum=0),
    }
)

_INGREDIENTS = _section(Table(others=_section(_INGREDIENT), names=_NAME))

COOKBOOK = Table(
    keys={
        "cookbook": _section(_COOKBOOK, required=True),
        "runtime": _section(_RUNTIME),
        "connections": _section(Table(others=_section(_CONNECTION), names=_NAME)),
        "services": _section(Table(others=_section(_SERVICE), names=_HOST)),
        "gate": _section(_GATE),
        "ingredients": _INGREDIENTS,
        "pools": _section(Table(others=Key(("integer",), minimum=1), names=_NAME)),
        "vault": _section(_VAULT),
        "kitchens": _section(Table(others=_section(_POLICY), names=_KITCHEN)),
    }
)

#: The part of `kitchens.toml` that asks for ingredients of other repositories.
INGREDIENTS = Table(keys={"ingredients": _INGREDIENTS})

_OBJECT = matching("object-id", r"[0-9a-f]{40}|[0-9a-f]{64}", "is no object id")
_PIN = Table(
    keys={
        **{name: key._replace(required=True) for name, key in _INGREDIENT.keys.items()},
        "commit": Key(("string",), required=True, format=_OBJECT),
        "tree": Key(("string",), required=True, format=_OBJECT),
    }
)

_DIGEST = matching("digest", r"sha256:[0-9a-f]{64}", "is no digest; one begins with `sha256:`")
_IMAGE_PIN = Table(
    keys={"digest": Key(("string",), format=_DIGEST), "id": Key(("string",), format=_DIGEST)},
)

#: Every key of `kitchens.lock`.
LOCK = Table(
    keys={
        "format": Key(("integer",), required=True),
        "ingredients": _section(Table(others=_section(_PIN), names=_NAME)),
        "images": _section(Table(others=_section(_IMAGE_PIN), names=IMAGE)),
    }
)

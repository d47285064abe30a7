"""A recipe as frozen values: what `recipe.toml` says, after it was checked at the door."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from kitchens_engine.retry import ONCE, Retry
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens_engine.toml.positions import Place

EMPTY: Mapping[str, Any] = MappingProxyType({})

#: The keys of which a node has exactly one. Connectors add their own names later.
ACTIONS = ("run", "python", "sql", "copy", "recipe", "ingredient", "notebook", "wait", "noop")

#: The keys of which a test has exactly one (its measure), and exactly one (its rule).
MEASURES = ("sql", "output", "value", "run")
RULES = (
    "equals",
    "not_equals",
    "above",
    "below",
    "at_least",
    "at_most",
    "between",
    "matches",
    "control",
)


#: The first word of a file's name with spaces: whatever a statement cannot begin with. `select 1 from x.sql` is one.
_NO_STATEMENT = (
    r"(?!(?:select|from|with|insert|update|delete|merge|create|drop|alter|truncate|copy|values|table|explain|call|"
    r"describe|desc|show|summarize|pivot|unpivot|pragma|set|reset|use|attach|detach|install|load|export|import|"
    r"begin|commit|rollback|vacuum|analyze|checkpoint|comment|grant|revoke|execute|prepare|replace|refresh|do)$)"
    r"[\w./][\w./-]*"
)


def sql_file(text: str) -> str | None:
    """The path that the value of `sql` is (relative to the recipe's folder), or None when it is SQL itself."""
    path = text.strip()
    if not path.lower().endswith(".sql") or "\n" in path:
        return None
    name = re.sub(r"\{\{.*?\}\}", "x", path)
    first = name.split(maxsplit=1)
    is_name = len(first) == 1 or re.fullmatch(_NO_STATEMENT, first[0], re.IGNORECASE)
    return path if is_name else None


class OnFailure(StrEnum):
    """What a failing test does to its node: fail it, let it pass as `warned`, or only be recorded."""

    STOP = "stop"
    WARN = "warn"
    LOG = "log"


class Places(Protocol):
    """A file that knows where its keys stand."""

    def place(self, path: Sequence[str | int]) -> Place:
        """Where the key stands, or the nearest of the tables around it."""


class Position:
    """Where something stands: `file` relative to the cookbook, line and column from 1.

    They are looked for when somebody asks: to find the place of every key takes as long as to read them.
    """

    __slots__ = ("_path", "_places", "file")

    def __init__(self, file: str, places: Places | None = None, path: Sequence[str | int] = ()) -> None:
        self.file = file
        self._places = places
        self._path = path

    @property
    def line(self) -> int:
        """The line of the key, or the first of the file where it is about all of it."""
        return self._places.place(self._path).line if self._places else 1

    @property
    def column(self) -> int:
        """The column of the key in that line."""
        return self._places.place(self._path).column if self._places else 1


class Test(NamedTuple):
    """A measure and a rule on a node.

    `measure` is one of `MEASURES` and `expression` its text (for `run`, text or argv);
    `rule` is one of `RULES` and `limit` its value as TOML gave it (a pair for `between`).
    `blocks` are the only nodes that a failure keeps from running; None is all that need the node.
    `place` is where it stands among the node's tests in the file, from 0.
    """

    name: str
    measure: str
    expression: str | tuple[str, ...]
    rule: str
    limit: Any
    fail: OnFailure
    position: Position
    blocks: tuple[str, ...] | None = None
    place: int = 0


Test.__test__ = False  # type: ignore[attr-defined] # for pytest, which collects by name


class Constraint(NamedTuple):
    """What must hold of a variable, an input or an output wherever it is given, beyond what its default says.

    `type` None is the default's own. A `locked` one keeps its default, a `hidden` one is never shown.
    `required` has to be given; `choices` hold for each item of a list; `matches` is searched for.
    """

    position: Position
    type: str | None = None
    required: bool = False
    choices: tuple[Any, ...] = ()
    at_least: Any = None
    at_most: Any = None
    matches: str | None = None
    locked: bool = False
    hidden: bool = False

    def stated(self) -> dict[str, Any]:
        """What it says, and nothing of what it leaves open."""
        nothing = Constraint(self.position)
        pairs = zip(self._asdict().items(), nothing, strict=True)
        return {name: value for (name, value), default in pairs if value != default}


class Policy(NamedTuple):
    """What warnings and failures inside a nested recipe or ingredient are outside of it; None: nobody said so."""

    warnings: str | None = None
    failures: str | None = None

    def over(self, other: Policy) -> Policy:
        """This policy where it says something, else the other."""
        return Policy(self.warnings or other.warnings, self.failures or other.failures)


NO_POLICY = Policy()


class Node(NamedTuple):
    """One step of a recipe.

    `action` is one of `ACTIONS`; `body` is its value as TOML gave it (text, a list of
    words, a table, or `True` for `noop`). `timeout` is in seconds; with `alert` it does not
    stop the node. `database` is `write`, `read` or None; `connection` None is the embedded
    database. `outputs` maps declared names to type names; None when the recipe declares none.
    `each` is an expression, or a list, over whose items the node fans out, `parallel` of them
    at once. An `always` node runs however what it needs has ended. `skip_on` are exit
    statuses that skip it. `pool` names a limit that it shares with others. Where nodes run in containers, `image` is
    the node's own. `arguments` are for
    the parameters of a function.
    """

    name: str
    action: str
    body: Any
    position: Position
    needs: tuple[str, ...] = ()
    when: str | None = None
    env: Mapping[str, str] = EMPTY
    secrets: Mapping[str, str] = EMPTY
    outputs: Mapping[str, str] | None = None
    each: str | tuple[Any, ...] | None = None
    parallel: int | None = None
    always: bool = False
    retry: Retry = ONCE
    skip_on: tuple[int, ...] = ()
    timeout: float | None = None
    alert: bool = False
    pool: str | None = None
    image: str | None = None
    connection: str | None = None
    database: str | None = None
    variation: str | None = None
    variables: Mapping[str, Any] = EMPTY
    inputs: Mapping[str, Any] = EMPTY
    arguments: Mapping[str, Any] = EMPTY
    tests: tuple[Test, ...] = ()
    policy: Policy = NO_POLICY


class Variation(NamedTuple):
    """A named way to run a recipe. `nodes` None runs the whole graph."""

    name: str
    variables: Mapping[str, Any] = EMPTY
    nodes: tuple[str, ...] | None = None
    schedule: str | None = None
    timezone: str | None = None


class Recipe(NamedTuple):
    """A pipeline. `folder` is its path in the cookbook, such as `recipes/delays`, with `/`.

    `constraints` is by the dotted name of a variable; one that the file gives no value stands in
    `variables` with an empty one of its type, and is `required`.
    `outputs` (ingredients only) maps a name to its type and the template of its value.
    `functional_tests` says whether the folder `tests/` holds pytest files. `timeout` (in
    seconds; with `alert` it stops nothing) is for the whole recipe; `concurrency` is how many
    of its nodes may run at once, and `pools` how many of those that name a pool.
    """

    name: str
    folder: str
    description: str = ""
    requires: tuple[str, ...] = ()
    variables: Mapping[str, Any] = EMPTY
    constraints: Mapping[str, Constraint] = EMPTY
    variations: Mapping[str, Variation] = EMPTY
    inputs: Mapping[str, Mapping[str, Any]] = EMPTY
    outputs: Mapping[str, Mapping[str, Any]] = EMPTY
    nodes: Mapping[str, Node] = EMPTY
    functional_tests: bool = False
    timeout: float | None = None
    alert: bool = False
    concurrency: int | None = None
    pools: Mapping[str, int] = EMPTY
    policy: Policy = NO_POLICY

    @property
    def file(self) -> str:
        """The path of its `recipe.toml` in the cookbook."""
        return f"{self.folder}/recipe.toml"

"""What is known of a template or a condition before any run."""

from __future__ import annotations

from typing import Any

from kitchens_engine.tuples import NamedTuple


class Reference(NamedTuple):
    """A chain such as `outputs.clean.rows`, as far as it is written out; `line` counts in the template."""

    path: tuple[str, ...]
    line: int


class Problem(NamedTuple):
    """Something wrong with the template itself."""

    message: str
    hint: str | None
    line: int
    severity: str = "error"


class Names(NamedTuple):
    """All of a template's references and problems."""

    references: tuple[Reference, ...] = ()
    problems: tuple[Problem, ...] = ()


class Worth(NamedTuple):
    """What is known of an expression before any run.

    `type` is one of `TYPES` or None; `chain` the text of a single reference such as
    `outputs.clean.rows`; `constant` holds the value when it is always the same.
    """

    type: str | None
    chain: str | None = None
    problems: tuple[Problem, ...] = ()
    constant: tuple[Any] | None = None

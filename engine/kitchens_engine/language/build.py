"""Values of the right shape become a `Recipe`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from kitchens_engine import durations
from kitchens_engine.recipe import (
    ACTIONS,
    EMPTY,
    MEASURES,
    NO_POLICY,
    RULES,
    Constraint,
    Node,
    OnFailure,
    Policy,
    Position,
    Recipe,
    Test,
    Variation,
)
from kitchens_engine.retry import CONSTANT, ONCE, Occasion, Retry
from kitchens_engine.toml.document import Document
from kitchens_engine.toml.positions import Path
from kitchens_engine.toml.types import EMPTY_VALUES, is_a
from kitchens_engine.values import as_word
from kitchens_engine.variables import names
from kitchens_engine.variables.constraints import constraint_of


def build_recipe(
    document: Document, values: Mapping[str, Any], name: str, folder: str, *, functional_tests: bool
) -> Recipe:
    """The recipe that `values` describe: what `shape.examine` found right in the document.

    Where something required was missing it holds the next best thing, so that the rest
    can still be checked; such a recipe is only for finding more faults.
    """
    return Recipe(
        name=name,
        folder=folder,
        description=values.get("description", ""),
        requires=tuple(dict.fromkeys(values.get("requires", ()))),
        variables=_variables(values),
        constraints=_constraints(document, values),
        variations=MappingProxyType(
            {name: _variation(name, table) for name, table in values.get("variations", {}).items()}
        ),
        inputs=_frozen(values.get("inputs")),
        outputs=_frozen(values.get("outputs")),
        nodes=MappingProxyType(
            {name: _node(document, name, table) for name, table in values.get("nodes", {}).items()}
        ),
        functional_tests=functional_tests,
        timeout=_seconds(values.get("timeout")),
        alert=values.get("on_timeout") == "alert",
        concurrency=values.get("concurrency"),
        pools=_frozen(values.get("pools")),
        policy=_policy(values),
    )


def _variables(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The defaults; a variable that only a level above gives stands there with an empty value of its type."""
    declared = dict(values.get("variables", {}))
    for name, table in values.get("constraints", {}).items():
        wanted, default = table.get("type"), declared.get(name)
        if name not in declared and wanted in EMPTY_VALUES and names.plain(name):
            declared[name] = EMPTY_VALUES[wanted]
        elif wanted == "float" and is_a(default, "integer"):
            declared[name] = float(declared[name])
    return _frozen(declared)


def _constraints(document: Document, values: Mapping[str, Any]) -> Mapping[str, Constraint]:
    tables = values.get("constraints")
    if not tables:
        return EMPTY
    return MappingProxyType(
        {
            name: constraint_of(table, _position(document, ("constraints", name)))
            for name, table in tables.items()
            if re.fullmatch(names.DOTTED, name)
        }
    )


def _policy(table: Mapping[str, Any]) -> Policy:
    policy = table.get("policy")
    return Policy(policy.get("warnings"), policy.get("failures")) if policy else NO_POLICY


def _variation(name: str, table: Mapping[str, Any]) -> Variation:
    nodes = table.get("nodes")
    return Variation(
        name=name,
        variables=_frozen(table.get("variables")),
        nodes=None if nodes is None else tuple(nodes),
        schedule=table.get("schedule"),
        timezone=table.get("timezone"),
    )


def _node(document: Document, name: str, table: Mapping[str, Any]) -> Node:
    path: Path = ("nodes", name)
    action = next((key for key in table if key in ACTIONS), "noop")
    when = table.get("when")
    return Node(
        name=name,
        action=action,
        body=table.get(action, True),
        position=_position(document, path),
        needs=tuple(dict.fromkeys(table.get("needs", ()))),
        when=_text(when) if when is not None else None,
        env=_frozen({name: _text(value) for name, value in table["env"].items()})
        if "env" in table
        else EMPTY,
        secrets=_frozen(table.get("secrets")),
        outputs=_frozen(table["outputs"]) if "outputs" in table else None,
        each=_each(table.get("each")),
        parallel=table.get("parallel"),
        always=table.get("always", False),
        retry=_retry(table) if "retries" in table else ONCE,
        skip_on=tuple(table.get("skip_on", ())),
        timeout=_seconds(table.get("timeout")),
        alert=table.get("on_timeout") == "alert",
        pool=table.get("pool"),
        image=table.get("image"),
        connection=table.get("connection"),
        database=table.get("database"),
        variation=table.get("variation"),
        variables=_frozen(table.get("variables")),
        inputs=_frozen(table.get("inputs")),
        arguments=_frozen(table.get("arguments")),
        tests=_tests(document, path, table["tests"]) if "tests" in table else (),
        policy=_policy(table),
    )


def _retry(table: Mapping[str, Any]) -> Retry:
    return Retry(
        times=table["retries"],
        delay=durations.seconds(table.get("retry_delay", 0)),
        backoff=table.get("backoff", CONSTANT),
        longest=_seconds(table.get("max_delay")),
        jitter=float(table.get("jitter", 0)),
        on=tuple(map(Occasion.parse, table.get("retry_on", ()))),
    )


def _each(value: str | list[Any] | None) -> str | tuple[Any, ...] | None:
    return tuple(value) if isinstance(value, list) else value


def _seconds(value: str | float | None) -> float | None:
    return None if value is None else durations.seconds(value)


def _tests(document: Document, path: Path, tables: list[Mapping[str, Any]]) -> tuple[Test, ...]:
    found = (build_test(document, (*path, "tests", index), table) for index, table in enumerate(tables))
    return tuple(test for test in found if test is not None)


def build_test(document: Document, path: Path, table: Mapping[str, Any]) -> Test | None:
    """The test that a table at `path` describes, or None where it lacks its measure or its rule."""
    measure = next((key for key in table if key in MEASURES), None)
    rule = next((key for key in table if key in RULES), None)
    if measure is None or rule is None:
        return None
    expression = table[measure]
    limit = table[rule]
    return Test(
        name=table.get("name") or _description(measure, expression, rule, limit),
        measure=measure,
        expression=tuple(expression) if isinstance(expression, list) else expression,
        rule=rule,
        limit=tuple(limit) if rule == "between" else limit,
        fail=OnFailure(table.get("fail", "stop")),
        position=_position(document, path),
        blocks=tuple(dict.fromkeys(table["blocks"])) if "blocks" in table else None,
        place=int(path[-1]),
    )


def _description(measure: str, expression: str | list[str], rule: str, limit: Any) -> str:
    """The name of a test that was given none: what it measures, and its rule."""
    text = " ".join(expression) if isinstance(expression, list) else " ".join(expression.split())
    shown = text if measure in ("output", "value") else f"{measure} {text}"
    return f"{shown} {rule.replace('_', ' ')} {as_word(limit)}"


def _position(document: Document, path: Path) -> Position:
    return Position(document.file, document, path)


def _frozen(table: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return MappingProxyType(dict(table)) if table else EMPTY


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

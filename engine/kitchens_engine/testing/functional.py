"""Functional tests: the pytest files of every recipe of a run, after all its nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kitchens_engine.errors import EnvironmentFailure
from kitchens_engine.order import Order
from kitchens_engine.outcome import Status, TestRecord
from kitchens_engine.ports import Command, Ended, Runtime
from kitchens_engine.state.attempt import Attempt
from kitchens_engine.state.scope import Scope
from kitchens_engine.trying import environment, secrets
from kitchens_engine.trying.clip import clip
from kitchens_engine.trying.disk import DiskWatch
from kitchens_engine.trying.evidence import why_failed
from kitchens_engine.values import json_safe

_PATIENCE = 0.1


def run_tests(
    order: Order, scopes: Iterable[Scope], runtime: Runtime, stopped: Callable[[], bool]
) -> tuple[TestRecord, ...]:
    """Run the tests of each recipe that ran whole; those of equal recipes under equal variables once.

    A recipe whose tests could not run at all is one red test, with the reason.
    """
    suites: list[Scope] = []
    for scope in scopes:
        wanted = scope.plan.whole and scope.plan.recipe.functional_tests
        if wanted and not any(_same(scope, other) for other in suites):
            suites.append(scope)
    tests: list[TestRecord] = []
    for scope in suites:
        if stopped():
            break
        tests.extend(_run_suite(order, scope, runtime, stopped))
    return tuple(tests)


def _same(one: Scope, other: Scope) -> bool:
    return (
        one.plan.recipe.folder == other.plan.recipe.folder
        and one.variables == other.variables
        and one.inputs == other.inputs
    )


def _run_suite(order: Order, scope: Scope, runtime: Runtime, stopped: Callable[[], bool]) -> list[TestRecord]:
    path = scope.plan.path
    token = f"{path}#tests" if path else "#tests"
    attempt = Attempt(token, f"{order.folder}/tests/{path or scope.plan.recipe.name}")
    attempt.make_folder()
    ended = _run(order, scope, attempt, token, runtime, stopped)
    if ended.lost is not None:
        ended = _run(order, scope, attempt, f"{token}.again", runtime, stopped)
    if ended.lost is not None:
        raise EnvironmentFailure(
            f"the functional tests of `{scope.plan.recipe.name}` were lost twice: {ended.lost}"
        )
    if stopped():
        return []
    result = attempt.answer(ended.token)
    hidden = order.hidden
    tests = [hidden.test(_record(test, scope, attempt)) for test in (result or {}).get("tests", ())]
    if hidden.texts:
        secrets.clean(attempt, hidden)
    if tests:
        return tests
    why = why_failed(ended, attempt, result, worker=True)
    failed = {"name": "tests", "status": "failed", "message": why}
    return [hidden.test(_record(failed, scope, attempt))] if why else []


def _run(
    order: Order, scope: Scope, attempt: Attempt, token: str, runtime: Runtime, stopped: Callable[[], bool]
) -> Ended:
    request = {
        "folder": "tests",
        "variables": json_safe(scope.variables),
        "data": str(order.kitchen.data),
        "database": str(order.kitchen.database),
    }
    attempt.ask(token, request)
    variables = environment.of_process(order, scope, scope.plan.path, attempt, {}, database=True)
    argv = (runtime.python, runtime.worker, "tests", attempt.request, attempt.result)
    runtime.start(Command(token, argv, scope.folder, variables, attempt.log, order.hidden.texts))
    killed, full = False, False
    disk = DiskWatch((order.root, order.kitchen.data, order.folder), order.disk_limit)
    while True:
        for ended in runtime.wait(_PATIENCE):
            if ended.token == token:
                clip(attempt.log, order.log_limit)
                return ended._replace(why=disk.why) if full else ended
        clip(attempt.log, order.log_limit)
        full = full or disk.look()
        if (full or stopped()) and not killed:
            runtime.kill(token)
            killed = True


def _record(test: dict[str, Any], scope: Scope, attempt: Attempt) -> TestRecord:
    return TestRecord(
        name=test["name"],
        status=Status(test["status"]),
        value=test.get("value"),
        limits=test.get("limits"),
        message=test.get("message"),
        recipe=scope.plan.recipe.name,
        log=attempt.log,
    )

"""`sql`: statements on the kitchen's embedded database or a connection, with the SQL tests of the same node.

One process of the worker does both: DuckDB admits one process at a time, and starting
one costs more than most tests.
"""

from __future__ import annotations

from kitchens_engine.kinds.work import Site, Work
from kitchens_engine.recipe import Node, Test, sql_file
from kitchens_engine.state.scope import Scope


def prepare(node: Node, scope: Scope, site: Site) -> Work:
    """The node's statements, and those of its SQL tests that can be measured right after."""
    statements = statement(node.name, node.body, scope)
    tests = [test for test in node.tests if measured_at_once(test)]
    return measure(node, tests, scope, site, statements, node.database or "write")


def measure(
    node: Node,
    tests: list[Test],
    scope: Scope,
    site: Site,
    statements: str | None = None,
    mode: str = "read",
) -> Work:
    """The worker's process for SQL tests alone, or after statements. Results come in the order of `tests`."""
    queries = [statement(node.name, test.expression, scope) for test in tests]
    return Work(site.call_worker("sql"), request(queries, site, statements, mode, node.connection))


def request(
    tests: list[str],
    site: Site,
    statements: str | None = None,
    mode: str = "read",
    connection: str | None = None,
) -> dict[str, object]:
    """What the worker is asked: statements, then tests that each measure one value."""
    return {
        "database": str(site.database),
        "mode": mode,
        "connection": connection,
        "imports": "duckdb" if connection is None else "sqlalchemy psycopg",
        "sql": statements,
        "tests": tests,
    }


def measured_at_once(test: Test) -> bool:
    """Whether a SQL test can be measured in the process of its node: it does not speak of the node's own outputs."""
    return test.measure == "sql" and "outputs" not in str(test.expression)


def statement(node: str, body: object, scope: Scope) -> str:
    """SQL with its templates filled in; a file's name may be one too."""
    text = str(body)
    if file := sql_file(text):
        text = scope.read(scope.render(node, file))
    return str(scope.render(node, text))

"""The bench of the runner's tests serves here too; and a PostgreSQL server."""

import os
from collections.abc import Iterator

import pytest

from tests.engine.runner.conftest import bench, runtime  # noqa: F401
from tests.postgres import Missing, Postgres, started


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real server. Without one: skipped, or failed where one is required."""
    server = started()
    try:
        found = server.__enter__()
    except Missing as why:
        if os.environ.get("KITCHENS_REQUIRE_POSTGRES") == "1":
            pytest.fail(f"PostgreSQL is required: {why}")
        pytest.skip(str(why))
    yield found
    server.__exit__(None, None, None)

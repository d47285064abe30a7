"""The bench of the runner's tests serves here too."""

from tests.engine.runner.conftest import bench, runtime  # noqa: F401

"""One cookbook per test process, put back before each trial; few repetitions, or with `make soak` many."""

from __future__ import annotations

import os
import random

import pytest

from tests.soak.shop import Shop
from tests.soak.sound import JOBS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with `trials` runs with a few of them; `make soak` runs it with many, or with `KITCHENS_TRIALS`.

    One that takes a `job` takes all of them in `make soak`, and otherwise those that `quick` names.
    """
    if "trials" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("trials")
    assert marker is not None
    few, many = marker.args
    many = int(os.environ.get("KITCHENS_TRIALS", many))
    if "job" not in metafunc.fixturenames:
        cases = [pytest.param(few, id="few"), pytest.param(many, id="many", marks=pytest.mark.soak)]
        metafunc.parametrize("trials", cases)
        return
    jobs, quick = marker.kwargs.get("jobs", JOBS), marker.kwargs["quick"]
    metafunc.parametrize(
        ("job", "trials"),
        [
            pytest.param(job, few, id=f"{job.name}-few")
            for job in jobs
            if job.words[0] in quick and not job.before
        ]
        + [pytest.param(job, many, id=f"{job.name}-many", marks=pytest.mark.soak) for job in jobs],
    )


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """What is drawn is the same in each run, up to when a busy machine comes to it; `KITCHENS_SEED` draws otherwise."""
    random.seed(int(os.environ.get("KITCHENS_SEED", "0")))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The cookbook that all trials of this process start from."""
    return Shop(tmp_path_factory.mktemp("soak"))


@pytest.fixture
def shop(built: Shop) -> Shop:
    """A cookbook as it was built."""
    built.prepare()
    return built

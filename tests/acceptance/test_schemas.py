"""The published JSON Schemas are those of this program, and editors can use them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kitchens.actions.cookbook.schemas import SCHEMAS, as_text, schema
from kitchens.model.cookbook import parse_cookbook
from kitchens_engine.language.load import parse_recipe
from kitchens_engine.toml.json_schema import DRAFT
from kitchens_engine.values import json_safe
from tests.desk import Desk
from tests.engine.language.test_load import FILES, WHOLE

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").glob("*/**/*.toml"))
TAPLO = Path(sys.executable).with_name("taplo")

NODE = "[nodes.a]\nnoop = true\n"
COOKBOOK = '[cookbook]\nname = "x"\n'
#: Files that a schema must refuse, as it is what `kitchen recipe check` does.
FAULTY = [
    ("recipe", ""),
    ("recipe", "[nodes]"),
    ("recipe", "nodes = 1"),
    ("recipe", f"{NODE}[nope]"),
    ("recipe", f"{NODE}[inputs]"),
    ("recipe", "[nodes.a]"),
    ("recipe", "[nodes.a]\nrun = 'x'\nsql = 'y'"),
    ("recipe", "[nodes.a]\nrun = ''"),
    ("recipe", "[nodes.a]\nrun = []"),
    ("recipe", "[nodes.a]\nrun = ['x', 1]"),
    ("recipe", "[nodes.'a/b']\nnoop = true"),
    ("recipe", f"{NODE}nedes = []"),
    ("recipe", f"{NODE}needs = 'b'"),
    ("recipe", f"{NODE}retries = -1"),
    ("recipe", f"{NODE}retries = 'two'"),
    ("recipe", f"{NODE}timeout = 'soon'"),
    ("recipe", f"{NODE}variation = 'x'"),
    ("recipe", f"{NODE}database = 'wirte'"),
    ("recipe", f"{NODE}outputs = {{ rows = 'int' }}"),
    ("recipe", f"{NODE}env = {{ KITCHEN_RUN = 'x' }}"),
    ("recipe", f"{NODE}secrets = {{ TOKEN = 'hunter2' }}"),
    ("recipe", f"{NODE}[[nodes.a.tests]]\nsql = 'x'"),
    ("recipe", f"{NODE}[[nodes.a.tests]]\nequals = 1"),
    ("recipe", f"{NODE}[[nodes.a.tests]]\nsql = 'x'\nequals = 1\nabove = 1"),
    ("recipe", f"{NODE}[[nodes.a.tests]]\nsql = 'x'\nbetween = [1]"),
    ("recipe", f"{NODE}[[nodes.a.tests]]\nsql = 'x'\nmatches = ''"),
    ("recipe", f"{NODE}[[nodes.a.tests]]\nsql = 'x'\nequals = 1\nfail = 'halt'"),
    ("recipe", f"{NODE}[variations.x]\nschedule = 'daily'"),
    ("recipe", f"{NODE}[variations.x]\ntimezone = 'Europe/Berlin'"),
    ("ingredient", f"{NODE}[inputs]\ntable = {{}}"),
    ("ingredient", f"{NODE}[outputs]\nrows = {{ type = 'integer' }}"),
    ("kitchens", ""),
    ("kitchens", "[cookbook]\nproduction = 'x'"),
    ("kitchens", f"{COOKBOOK}production = 'a b'"),
    ("kitchens", f"{COOKBOOK}production = 'a..b'"),
    ("kitchens", f"{COOKBOOK}[runtime]\nkind = 'dokcer'"),
    ("kitchens", f"{COOKBOOK}[runtime]\nmemory = '2x'"),
    ("kitchens", f"{COOKBOOK}[runtime]\ncpus = 0"),
    ("kitchens", f"{COOKBOOK}[runtime]\nimage = 'Bad Image'"),
    ("kitchens", f"{COOKBOOK}[runtime]\nrequirements = '../r.txt'"),
    ("kitchens", f"{COOKBOOK}[services.'W W']\nimage = 'x'"),
    ("kitchens", f"{COOKBOOK}[services.w]\nimage = 'x'\nport = 0"),
    ("kitchens", f"{COOKBOOK}[connections.w]"),
    ("kitchens", f"{COOKBOOK}[kitchens.dev]\nisolation = 'vm'"),
]
SOUND = [
    ("ingredient", WHOLE),
    ("recipe", "[nodes.\"größe\"]\nrun = 'x'\nenv = { A = 1, B = true }\nretries = 1\nretry_delay = 2.5\ntimeout = '5m'"),
    ("recipe", f"{NODE}[[nodes.a.tests]]\nsql = 'x'\nbetween = [2013-01-01, '{{{{ variables.year }}}}']"),
    ("kitchens", f"{COOKBOOK}production = 'team/main'\n[runtime]\nmemory = '1.5GiB'\nimage = 'localhost:5000/a/b@sha256:{'a' * 64}'"),
]  # fmt: skip


def _values(text: str) -> Any:
    return json_safe(tomllib.loads(text))


def _filled(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace("@@COOKBOOK@@", "shop").replace("@@PRODUCTION@@", "main")


def _name(path: Path) -> str:
    if path.name != "recipe.toml":
        return path.stem
    return "ingredient" if "ingredients" in path.parts else "recipe"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_published_schema_is_fresh_and_sound(name: str) -> None:
    """`make schemas` writes it anew."""
    published = (ROOT / "docs" / "schemas" / f"{name}.json").read_text(encoding="utf-8")
    assert published == as_text(schema(name)), "`make schemas` writes docs/schemas anew"
    assert schema(name)["$schema"] == DRAFT
    jsonschema.Draft7Validator.check_schema(schema(name))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_says_what_it_is_for(name: str) -> None:
    """An editor shows it, so none is without words."""

    def silent(part: dict[str, Any], path: str) -> Iterator[str]:
        for key, inner in part.get("properties", {}).items():
            if "description" not in inner:
                yield f"{path}.{key}"
            yield from silent(inner, f"{path}.{key}")
        for word in ("additionalProperties", "items"):
            if isinstance(inner := part.get(word), dict):
                yield from silent(inner, f"{path}.*")

    assert list(silent(schema(name), name)) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_ships_is_valid(path: Path) -> None:
    """Every template's recipe and settings."""
    jsonschema.validate(_values(_filled(path)), schema(_name(path)), cls=jsonschema.Draft7Validator)


@pytest.mark.parametrize(("name", "text"), SOUND)
def test_what_the_program_reads_is_valid(name: str, text: str) -> None:
    """The whole contract, and names beyond ASCII."""
    jsonschema.validate(_values(text), schema(name), cls=jsonschema.Draft7Validator)


@pytest.mark.parametrize(("name", "text"), FAULTY)
def test_what_the_program_refuses_is_refused(name: str, text: str) -> None:
    """By both, so that an editor says it first."""
    assert _refused(name, text)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(_values(text), schema(name), cls=jsonschema.Draft7Validator)


def _refused(name: str, text: str) -> bool:
    class Beside:
        def read(self, path: str) -> bytes | None:
            return FILES.get(path.rpartition("/")[2].replace(".", "_"), "").encode()

        def names(self, folder: str) -> tuple[str, ...]:
            return ()

    if name == "kitchens":
        return parse_cookbook(text.encode())[0] is None
    folder = "ingredients/r" if name == "ingredient" else "recipes/r"
    return parse_recipe("r", folder, text.encode(), Beside())[0] is None


def test_taplo_finds_the_schemas_and_agrees(desk: Desk) -> None:
    """What editors with Even Better TOML run: sound files pass, each faulty one is named."""
    desk.json("schema", "--write")
    for path in TEMPLATES:
        if _name(path) != "kitchens":
            desk.write(f"{_name(path)}s/{path.parent.name}/{path.name}", _filled(path))
    for number, (name, text) in enumerate(SOUND):
        if name != "kitchens":
            desk.write(f"{name}s/sound-{number}/recipe.toml", text)
    assert _taplo(desk.folder) == (0, "")
    faulty = [(name, text) for name, text in FAULTY if name != "kitchens"]
    for number, (name, text) in enumerate(faulty):
        desk.write(f"{name}s/faulty-{number}/recipe.toml", text)
    status, said = _taplo(desk.folder)
    assert status == 1
    missed = [text for number, (_, text) in enumerate(faulty) if f"/faulty-{number}/recipe.toml" not in said]
    assert missed == []


def _taplo(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [TAPLO, "check"], cwd=folder, capture_output=True, check=False, text=True, timeout=60
    )
    return done.returncode, "" if done.returncode == 0 else done.stderr


def test_settings_of_taplo_that_are_there_stay(desk: Desk) -> None:
    """What to add to them is said."""
    desk.write(".taplo.toml", "# mine\n")
    answer = desk.kitchen("schema", "--write")
    assert answer.status == 0
    assert 'path = ".kitchens/schemas/recipe.json"' in answer.out
    assert (desk.folder / ".taplo.toml").read_text() == "# mine\n"
    assert json.loads((desk.folder / ".kitchens/schemas/kitchens.json").read_text()) == schema("kitchens")
    shutil.rmtree(desk.folder / ".kitchens")


def test_one_schema_is_printed(desk: Desk) -> None:
    """As a file to redirect; without a name it is not known which."""
    assert json.loads(desk.kitchen("schema", "recipe").out) == desk.json("schema", "recipe")
    answer = desk.kitchen("schema")
    assert answer.status == 2
    assert "`--write`" in answer.err

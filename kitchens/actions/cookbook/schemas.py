"""`kitchen schema`: the formats of a cookbook's files, as JSON Schemas for editors."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kitchens.model.cookbook_shape import COOKBOOK
from kitchens.model.cookbook_words import WORDS as COOKBOOK_WORDS
from kitchens.model.template_shape import TEMPLATE
from kitchens.model.template_shape import WORDS as TEMPLATE_WORDS
from kitchens_engine.language.recipe_shape import INGREDIENT, RECIPE
from kitchens_engine.language.words import WORDS as RECIPE_WORDS
from kitchens_engine.toml.json_schema import json_schema

_INGREDIENT_WORDS = {**RECIPE_WORDS, "": "An ingredient: a recipe with a contract, for use as a node."}

#: By name, how each schema is made, and which files of a cookbook it is for.
SCHEMAS: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "recipe": (lambda: json_schema(RECIPE, "recipe.toml", RECIPE_WORDS), "recipes/*/recipe.toml"),
    "ingredient": (
        lambda: json_schema(INGREDIENT, "recipe.toml of an ingredient", _INGREDIENT_WORDS),
        "ingredients/*/recipe.toml",
    ),
    "kitchens": (lambda: json_schema(COOKBOOK, "kitchens.toml", COOKBOOK_WORDS), "kitchens.toml"),
    "template": (lambda: json_schema(TEMPLATE, "template.toml", TEMPLATE_WORDS), "templates/*/template.toml"),
}
FOLDER = ".kitchens/schemas"
TAPLO = ".taplo.toml"


def schema(name: str) -> dict[str, Any]:
    """The schema of that name in `SCHEMAS`."""
    return SCHEMAS[name][0]()


def write_schemas(folder: Path) -> dict[str, Any]:
    """Write the schemas into a checkout, and the file that tells Taplo of them unless there is one already."""
    written = []
    for name in SCHEMAS:
        path = folder / FOLDER / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, as_text(schema(name)))
        written.append(path.relative_to(folder).as_posix())
    kept = (folder / TAPLO).exists() or (folder / "taplo.toml").exists()
    if not kept:
        _replace(folder / TAPLO, taplo_rules())
        written.append(TAPLO)
    return {"written": written, "rules": taplo_rules() if kept else None}


def as_text(document: dict[str, Any]) -> str:
    """The schema as a file."""
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def taplo_rules() -> str:
    """What Taplo needs to know: which schema is for which files."""
    return "\n".join(
        f'[[rule]]\ninclude = ["{files}"]\n[rule.schema]\npath = "{FOLDER}/{name}.json"\n'
        for name, (_, files) in SCHEMAS.items()
    )


def _replace(path: Path, text: str) -> None:
    """All of the file or nothing of it."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)

"""The services and connections of a template become a commit in the new kitchen: what lands is seen by its gate."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from kitchens.actions.house import House
from kitchens.model.template import Template, filled
from kitchens_engine.errors import InvalidInput

FILE = "kitchens.toml"


def with_services(house: House, template: Template, words: Mapping[str, Any], tip: str) -> str:
    """A commit on `tip` whose `kitchens.toml` has what the template brings; `tip` itself where it has that already.

    Raises `InvalidInput` where it has something else under the same name, and the faults of what came of it.
    """
    wanted = {
        section: filled(tables, words)
        for section, tables in (("connections", template.connections), ("services", template.services))
        if tables
    }
    objects = house.repository.objects
    text = objects.read(tip, FILE) or b""
    there = tomllib.loads(text.decode())
    missing = {
        section: {name: table for name, table in tables.items() if name not in there.get(section, {})}
        for section, tables in wanted.items()
    }
    for section, tables in wanted.items():
        for name, table in tables.items():
            if name not in missing[section] and there[section][name] != table:
                raise InvalidInput(
                    f"`{FILE}` has another `[{section}.{name}]` than template `{template.name}` brings; nothing was changed",
                    "answer with another name, or take the template out",
                    code="template",
                    file=FILE,
                )
    if not any(missing.values()):
        return tip
    return _committed(house, template, tip, _joined(text.decode(), missing))


def _joined(text: str, missing: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The file as it is, and the new tables behind it: its comments and its order stay."""
    from kitchens.store.toml import inline

    parts = [text.rstrip()]
    for section, tables in missing.items():
        for name, table in tables.items():
            lines = [f"{key} = {inline(value)}" for key, value in table.items()]
            parts.append("\n".join([f"[{section}.{name}]", *lines]))
    return ("\n\n".join(parts) + "\n").encode()


def _committed(house: House, template: Template, tip: str, content: bytes) -> str:
    from kitchens.git.merging import commit_tree
    from kitchens.git.pack import tree, written

    objects = house.repository.objects
    file = written("blob", content, objects.width)
    lines = [(entry.mode, entry.oid, entry.name) for entry in objects.entries(tip)]
    mode = next((mode for mode, _, name in lines if name == FILE), "100644")
    root = tree([*(line for line in lines if line[2] != FILE), (mode, file.oid, FILE)], objects.width)
    objects.write([file, root])
    commit = commit_tree(
        house.repository,
        root.oid,
        [tip],
        f"Add what template '{template.name}' brings\n\nTemplate: {template.name}\n",
        house.identity,
        house.now(),
    )
    _ = house.view(commit).cookbook
    return commit

"""Where templates of kitchens lie: in the cookbook's `templates/`, else among ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kitchens.actions.cookbook.templates import templates_folder
from kitchens.actions.house import House
from kitchens.git.checkouts.checkout import plan_tree
from kitchens.model.template import FILE, Template, parse_template
from kitchens_engine.errors import InvalidInput
from kitchens_engine.toml.nearest import hints
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = "templates"


class Shelved(NamedTuple):
    """A template with its files, by their paths inside it. `at` is the commit that holds it; None: it is ours."""

    template: Template
    files: Mapping[str, bytes]
    at: str | None


def shelf_of(house: House, commit: str) -> dict[str, str | None]:
    """The templates that there are for a kitchen made from `commit`: name → that commit, or None where it is ours."""
    ours = (path.parent.name for path in sorted(templates_folder().glob(f"*/{FILE}")))
    objects = house.repository.objects
    theirs = (
        entry.name
        for entry in objects.entries(f"{commit}:{FOLDER}")
        if objects.entry(commit, f"{FOLDER}/{entry.name}/{FILE}")
    )
    return {**dict.fromkeys(ours), **dict.fromkeys(theirs, commit)}


def find_template(house: House, name: str, commit: str) -> Shelved:
    """The template `name` for a kitchen made from `commit`. Raises `InvalidInput` with the nearest name, and
    `InvalidFiles` with its faults."""
    shelf = shelf_of(house, commit)
    if name not in shelf:
        raise InvalidInput(f"no template named `{name}`", *hints(name, shelf), code="no-template")
    return load_template(house, name, shelf[name])


def load_template(house: House, name: str, at: str | None) -> Shelved:
    """The template as it is at a commit, or in this version of ours."""
    if at is None:
        folder = templates_folder() / name
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }
        where = f"{name}/{FILE}"
    else:
        where = f"{FOLDER}/{name}/{FILE}"
        objects = house.repository.objects
        tree = objects.tree(at)
        planned = plan_tree(objects, tree, [f"{FOLDER}/{name}"]).files if tree else []
        contents = objects.read_all([entry.oid for _, entry in planned])
        top = f"{FOLDER}/{name}/"
        files = {
            path.removeprefix(top): content
            for (path, _), content in zip(planned, contents, strict=True)
            if content is not None
        }
    if FILE not in files:
        raise InvalidInput(f"template `{name}` is not there any more", code="no-template")
    return Shelved(parse_template(name, files[FILE], where), files, at)

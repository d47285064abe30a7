"""`kitchen init`: a new cookbook that runs at once, or an existing repository that becomes one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.actions.cookbook.site import abandoned, building_site, finish, is_built, move_into_place
from kitchens.actions.cookbook.templates import copy_file, template_files
from kitchens.git.merging import commit_tree
from kitchens.git.refs import Moved
from kitchens.git.repository import Repository, init_repository, open_repository, refuse_bytes
from kitchens.model.kitchen import Registration
from kitchens.model.names import KitchenName
from kitchens.store.registrations import Registrations
from kitchens_engine.errors import InvalidFiles, InvalidInput

if TYPE_CHECKING:
    from kitchens.model.cookbook import Cookbook

DEFAULT_TEMPLATE = "basic"
DEFAULT_PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Initialised:
    """What `init` did. `commit` is None in an adopted repository: the commit is the user's. `lacks` is a line that
    the added recipes need in a `kitchens.toml` that was kept."""

    path: Path
    cookbook: str
    production: str
    template: str
    added: tuple[str, ...]
    kept: tuple[str, ...]
    commit: str | None
    lacks: str | None = None

    def document(self) -> dict[str, object]:
        """As `--json` shows it."""
        return {
            "path": str(self.path),
            "cookbook": self.cookbook,
            "production": self.production,
            "template": self.template,
            "added": list(self.added),
            "kept": list(self.kept),
            "commit": self.commit,
            "lacks": self.lacks,
        }


def init(
    folder: Path, template: str | None, production: str | None, environment: Mapping[str, str], now: datetime
) -> Initialised:
    """Make a cookbook of `folder`. An empty or missing folder becomes a repository with a first commit; an
    existing repository gets the files that it lacks, and nothing is committed.

    Raises `InvalidInput` for a folder with files that is no repository.
    """
    folder = Path(os.path.abspath(folder))
    refuse_bytes(folder)
    files = template_files(template or DEFAULT_TEMPLATE)
    if production is not None:
        KitchenName.parse(production)
    for left in abandoned(folder):
        finish(left, folder)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return _new(
            folder, files, template or DEFAULT_TEMPLATE, production or DEFAULT_PRODUCTION, environment, now
        )
    if not folder.is_dir():
        raise InvalidInput(f"`{folder}` is a file")
    if is_built(folder):
        raise InvalidInput(
            f"another `kitchen init` makes a cookbook of `{folder}`", "wait for its end", code="busy"
        )
    try:
        repository = open_repository(folder, environment)
    except InvalidInput as error:
        raise InvalidInput(
            f"`{folder}` holds files and is no git repository; nothing was changed",
            f"`git -C {folder} init` first, or name an empty folder",
            code=error.code,
        ) from None
    with repository:
        if repository.fileless:
            raise InvalidInput(
                f"`{folder}` is a bare repository, which has no files to add to",
                "run `kitchen init` in a checkout of it",
                code="bare",
            )
        return _adopt(repository, files, template, production, now)


def _new(
    folder: Path,
    files: tuple[tuple[str, Path], ...],
    template: str,
    production: str,
    environment: Mapping[str, str],
    now: datetime,
) -> Initialised:
    """Build it apart and move it into `folder`: a crash leaves nothing half-made in its place."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InvalidInput(f"`{folder}` lies below a file; nothing was changed") from None
    words = {"COOKBOOK": _cookbook_name(folder), "PRODUCTION": production}
    with building_site(folder) as building:
        repository = init_repository(building, production, environment)
        with repository:
            identity = repository.identity()
            for path, source in files:
                copy_file(source, building / path, words)
            checkout = repository.checkout(building)
            checkout.run("add", "--all", "--", ".")
            tree = checkout.run("write-tree").text
            commit = commit_tree(repository, tree, (), f"Begin cookbook {words['COOKBOOK']}\n", identity, now)
            repository.refs.move(f"refs/heads/{production}", commit, None, "kitchen init")
            _register(repository, production, now)
        move_into_place(building, folder)
    return Initialised(
        folder, words["COOKBOOK"], production, template, tuple(p for p, _ in files), (), commit
    )


def _adopt(
    repository: Repository,
    files: tuple[tuple[str, Path], ...],
    template: str | None,
    production: str | None,
    now: datetime,
) -> Initialised:
    top = repository.here
    branch = repository.checkout(top).run("symbolic-ref", "-q", "--short", "HEAD", check=False).text
    registered = Registrations(repository).all()
    roots = [one.name for one in registered.values() if one.parent is None]
    if roots and production is not None and production not in roots:
        raise InvalidInput(
            f"this cookbook's production is `{roots[0]}` already; nothing was changed",
            *_back(registered, roots[0], production),
        )
    declared = _declared(top, lenient=bool(registered))
    name = str(roots[0]) if roots else (production or (declared and declared.production) or branch)
    if not name:
        raise InvalidInput(
            "the current checkout is on no branch, so production is not known",
            "name it: `kitchen init --production BRANCH`",
        )
    KitchenName.parse(name)
    if name != branch and repository.refs.read(f"refs/heads/{name}") is None:
        raise InvalidInput(f"there is no branch `{name}` to be production", f"`git branch {name}` makes it")
    if registered and template is None:
        files = ()
    words = {"COOKBOOK": declared.name if declared else _cookbook_name(top), "PRODUCTION": name}
    if template is None and _holds_recipes(top / "recipes"):
        files = tuple((path, source) for path, source in files if not path.startswith("recipes/"))
    kept = [path for path, _ in files if os.path.lexists(top / path)]
    new = [(path, source) for path, source in files if path not in kept]
    for path, _ in new:
        _refuse_in_the_way(top, path)
    if not roots:
        repository.identity()  # without one nothing is registered, and no file is added either
    for path, source in new:
        copy_file(source, top / path, words)
    added = [path for path, _ in new]
    if not roots:
        _register(repository, name, now)
    unnamed = declared is not None and declared.runtime.requirements is None
    lacks = 'requirements = "requirements.txt"' if unnamed and dict(files).get("requirements.txt") else None
    return Initialised(
        top, words["COOKBOOK"], name, template or DEFAULT_TEMPLATE, tuple(added), tuple(kept), None, lacks
    )


def _back(
    registered: Mapping[KitchenName, Registration], root: KitchenName, production: str
) -> tuple[str, ...]:
    """How an `init` is taken back that took the branch it stood on, while nothing was made from it."""
    if len(registered) > 1 or registered[root].baseline is not None:
        return ()
    undo = f"remove its kitchens.toml, then `git update-ref -d refs/kitchens/{root}`"
    return (f"no kitchen was made from it yet: {undo} and `kitchen init --production {production}`",)


def _holds_recipes(folder: Path) -> bool:
    """Whether somebody's recipes are in `folder`, or it is a link, behind which nothing is put."""
    return folder.is_dir() and (folder.is_symlink() or any(folder.glob("*/recipe.toml")))


def _refuse_in_the_way(top: Path, path: str) -> None:
    """Raise `InvalidInput` where something that is no folder, or a link out of the checkout, stands in the way."""
    for above in [top / each for each in reversed(Path(path).parents) if each.name]:
        name = above.relative_to(top)
        if os.path.lexists(above) and not above.is_dir():
            why = f"`{name}` is no folder, and `{path}` belongs there"
        elif not above.resolve().is_relative_to(top.resolve()):
            why = f"`{name}` leads out of the repository, and `{path}` belongs there"
        else:
            continue
        raise InvalidInput(f"{why}; nothing was changed", "move it aside", code="in-the-way")


def _declared(top: Path, *, lenient: bool) -> Cookbook | None:
    """What an existing `kitchens.toml` says. Raises `InvalidInput` for one that cannot be read, unless `lenient`."""
    if not os.path.lexists(top / "kitchens.toml"):
        return None
    from kitchens.actions.cookbook.settings import cookbook_in

    try:
        return cookbook_in(top)
    except IsADirectoryError:
        raise InvalidInput("`kitchens.toml` is a folder; nothing was changed", "move it aside") from None
    except (InvalidInput, InvalidFiles, OSError):
        if not lenient:
            raise
        return None


def _register(repository: Repository, production: str, now: datetime) -> None:
    registration = Registration(
        name=KitchenName.parse(production),
        parent=None,
        permanent=True,
        owner=str(repository.identity()),
        created=now,
        adopted=True,
    )
    with suppress(Moved):  # somebody else registered it in this moment: the same fact
        Registrations(repository).write(registration, None, "init", repository.identity(), now)


def _cookbook_name(folder: Path) -> str:
    name = re.sub(r"[^\w.-]+", "-", folder.name).strip("-.")
    return name or "cookbook"

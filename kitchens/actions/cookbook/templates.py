"""The templates that `kitchen init` copies out. They ship inside the wheel as `kitchens/_templates`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import kitchens
from kitchens_engine.errors import InvalidInput
from kitchens_engine.toml.nearest import hints

#: The folder with what every cookbook gets: the workflow and its actions.
WORKFLOW = "workflow"


def templates_folder() -> Path:
    """Where the templates lie: in the installed package, or beside it in a source checkout."""
    package = Path(kitchens.__file__).parent
    installed = package / "_templates"
    return installed if installed.is_dir() else package.parent / "templates"


def template_names() -> tuple[str, ...]:
    """The names of our templates, sorted."""
    return tuple(
        sorted(one.name for one in templates_folder().iterdir() if (one / "kitchens.toml").is_file())
    )


def template_files(name: str) -> tuple[tuple[str, Path], ...]:
    """The files of template `name` as pairs of path in the cookbook and file. Raises `InvalidInput` with the
    nearest name when there is none."""
    names = template_names()
    if name not in names:
        raise InvalidInput(f"no template named `{name}`", *hints(name, names), code="no-template")
    folders = [templates_folder() / each for each in (name, WORKFLOW)]
    found = [(path.relative_to(folder).as_posix(), path) for folder in folders for path in _files(folder)]
    return tuple(sorted(found))


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def copy_file(source: Path, target: Path, words: Mapping[str, str]) -> None:
    """Copy one template file; in text each `@@WORD@@` of `words` is replaced."""
    target.parent.mkdir(parents=True, exist_ok=True)
    content = source.read_bytes()
    for word, value in words.items():
        content = content.replace(f"@@{word}@@".encode(), value.encode())
    target.write_bytes(content)
    shutil.copymode(source, target)

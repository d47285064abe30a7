"""The first data of a kitchen: none, a copy of its parent's, or what a recipe makes of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from kitchens.actions.house import House
from kitchens.actions.orders.running import held
from kitchens.git.checkouts.folders import remove_folder
from kitchens.git.claims import claim
from kitchens.git.moving.healing import TEMPORARY
from kitchens_engine.errors import EnvironmentFailure, InvalidInput


class Filling(NamedTuple):
    """Where first data comes from: `copy` of the parent's, or `recipe`; neither: it is empty."""

    copy: bool = False
    recipe: str | None = None


def parse_filling(text: str) -> Filling:
    """What `--data` and `[cookbook] data` say. Raises `InvalidInput`."""
    if text in ("empty", "copy"):
        return Filling(copy=text == "copy")
    kind, _, recipe = text.partition(":")
    if kind == "recipe" and recipe:
        return Filling(recipe=recipe)
    raise InvalidInput(f"`--data {text}` is none of `copy`, `empty` and `recipe:NAME`")


@contextmanager
def copied(house: House, parent: str, source: Path | None, target: Path) -> Iterator[Path | None]:
    """The data of `parent` in `source`, copied whole beside `target`; None when there is none to copy.

    No order run writes it meanwhile: its lock is held, and waited for.
    """
    if source is None or not source.is_dir():
        yield None
        return
    part = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    part.parent.mkdir(parents=True, exist_ok=True)
    lock = source.with_name(f"{source.name}.lock")
    copying = claim(house.repository.claims, TEMPORARY, folder=str(part))
    try:
        with held(house, lock, f"an order run uses the data of `{parent}`"):
            _copy(source, part, target, parent, copying.descriptor)
            _keep_links_inside(part, source, target)
        yield part
    finally:
        remove_folder(part)
        copying.release()


def _copy(source: Path, part: Path, target: Path, parent: str, descriptor: int) -> None:
    # `cp` shares blocks where the file system can. It inherits the claim: nobody clears up under it when we are killed.
    words = ["cp", "-a", "--reflink=auto", "--", str(source), str(part)]
    done = subprocess.run(words, capture_output=True, check=False, pass_fds=(descriptor,))
    if done.returncode:
        raise EnvironmentFailure(
            f"the data of `{parent}` could not be copied to {target}; nothing was made",
            "`--data empty` makes the kitchen without",
            code="disk",
        )


def _keep_links_inside(part: Path, source: Path, target: Path) -> None:
    """A link in the copy that leads into the parent's data leads into the copy: through it nobody shall write there."""
    real = source.resolve()
    for folder, folders, files in os.walk(part):
        for name in (*folders, *files):
            path = Path(folder, name)
            if not path.is_symlink():
                continue
            # Where the link led in the parent's folder, and where it leads from the new place.
            inside = path.relative_to(part)
            led = Path(os.path.normpath(source / inside.parent / path.readlink()))
            leads = Path(os.path.normpath(target / inside.parent / path.readlink()))
            for below in (led, leads):
                top = next((top for top in (source, real) if below.is_relative_to(top)), None)
                if top is not None and not leads.is_relative_to(target):
                    path.unlink()
                    there = target / below.relative_to(top)
                    path.symlink_to(os.path.relpath(there, (target / inside).parent))
                    break

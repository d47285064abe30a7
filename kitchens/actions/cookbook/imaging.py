"""The images that a cookbook names, pinned to what they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kitchens.actions.house import House
from kitchens.model.cookbook import Cookbook
from kitchens.model.images import ImagePin, repository, wanted_images
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.language.reach import images_of
from kitchens_engine.language.shelf import FolderSource, Shelf
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine, Image


class PinnedImage(NamedTuple):
    """What came of one image: `kept`, `pinned`, `updated`, `removed`, or `unpinned` and why."""

    status: str
    name: str
    pin: ImagePin | None
    previous: ImagePin | None = None
    why: str | None = None

    def document(self) -> dict[str, Any]:
        """Its row in the answer."""
        shown = self.pin or self.previous
        return {
            "name": self.name,
            "status": self.status,
            "digest": shown.digest if shown else None,
            "id": shown.id if shown else None,
            "previous": self.previous.content if self.previous and self.previous != self.pin else None,
            "why": self.why,
        }


def wanted_in(folder: Path, cookbook: Cookbook) -> tuple[str, ...]:
    """The images that the cookbook in `folder` names, those of single nodes included. A recipe that cannot be read
    names none: `recipe check` says what is wrong with it."""
    source = FolderSource(folder)
    found = wanted_images(cookbook, source.read)
    if cookbook.runtime.kind == "process":
        return found
    return tuple(dict.fromkeys((*found, *own_images(Shelf(source)))))


def own_images(shelf: Shelf) -> tuple[str, ...]:
    """The images that nodes of any recipe or ingredient have for their own, as far as they can be read."""
    recipes = []
    for names, read in ((shelf.recipe_names(), shelf.recipe), (shelf.ingredient_names(), shelf.ingredient)):
        for name in names:
            with suppress(InvalidInput):
                recipes.append(read(name))
    return tuple(image for image in images_of(recipes) if "@" not in image)


def pin_images(
    house: House,
    cookbook: Cookbook,
    wanted: Sequence[str],
    locked: Mapping[str, ImagePin],
    update: Sequence[str],
) -> list[PinnedImage]:
    """Pin those that are not pinned, and those in `update` anew. No engine is asked where there is nothing to pin.

    What cannot be had stays unpinned with the reason where the runtime is `auto`; where it is `docker`, or the pin was
    to be moved, that is an `EnvironmentFailure`.
    """
    rows = [PinnedImage("removed", name, None, locked[name]) for name in locked if name not in wanted]
    engine: Engine | None = None
    for name in wanted:
        before = locked.get(name)
        if before is not None and name not in update:
            rows.append(PinnedImage("kept", name, before))
            continue
        try:
            engine = engine or _engine(house)
            now = _pin(house, engine, name, refresh=before is not None and bool(before.digest))
        except EnvironmentFailure as error:
            if cookbook.runtime.kind == "docker" or before is not None:
                raise
            rows.append(PinnedImage("unpinned", name, None, None, error.message))
            continue
        status = "pinned" if before is None else "kept" if now == before else "updated"
        rows.append(PinnedImage(status, name, now, before))
    if engine is not None:
        engine.close()
    return sorted(rows, key=lambda row: row.name)


def _engine(house: House) -> Engine:
    from kitchens.containers.engine import connect

    return connect(house.environment)


def _pin(house: House, engine: Engine, name: str, *, refresh: bool) -> ImagePin:
    """What the image is now: as the engine has it, else as its registry does, which is asked first to `refresh`."""
    found: Image | None = None if refresh else engine.image(name)
    if found is None:
        from kitchens.containers.life_signs import life_signs

        what = f"fetching the image `{name}`"
        house.note(what)
        with life_signs(what, house.note) as hear:
            found = engine.pull(name, hear)
    digest = found.digests.get(repository(name))
    return ImagePin(name, digest=digest) if digest else ImagePin(name, id=found.id)

"""`kitchen image`: the toolchain images of this cookbook's kitchens, made beforehand and pruned."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kitchens.actions.cookbook.imaging import own_images
from kitchens.actions.cookbook.toolchain import source_at, source_on_disk, sources_of_nodes
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.containers.toolchains import usage
from kitchens.containers.toolchains.source import REPOSITORY, ImageSource
from kitchens_engine.errors import InvalidInput
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine, Image


class Known(NamedTuple):
    """A toolchain image: as the engine has it (None: it was not made yet), and which kitchens' tips need it.

    `uses` are those of every repository that this user's commands ran in.
    """

    tag: str
    image: Image | None
    kitchens: tuple[str, ...]
    uses: tuple[usage.Use, ...]

    def state(self, mine: Path, recently: float) -> str:
        """`needed`, `missing`, `recent`, `elsewhere` (another cookbook uses it), `foreign` (nobody here did), or
        `unneeded`: only that may be pruned."""
        if self.kitchens:
            return "missing" if self.image is None else "needed"
        if not self.uses:
            return "foreign"
        alive = [use for use in self.uses if use.exists]
        if any(use.repository != mine for use in alive):
            return "elsewhere"
        return "recent" if any(use.when >= recently for use in alive) else "unneeded"

    def document(self, state: str) -> dict[str, Any]:
        """Its row in an answer."""
        used = max((use.when for use in self.uses), default=None)
        labels: Mapping[str, str] = {} if self.image is None else self.image.labels
        return {
            "image": f"{REPOSITORY}:{self.tag}",
            "id": None if self.image is None else self.image.id,
            "from": labels.get("org.kitchens.from"),
            "base": labels.get("org.kitchens.base"),
            "created": None if self.image is None else _moment(self.image.created.timestamp()),
            "size": None if self.image is None else self.image.size,
            "used": None if used is None else _moment(used),
            "kitchens": list(self.kitchens),
            "state": state,
        }


def list_images(house: House, keep: float) -> list[dict[str, Any]]:
    """Every toolchain image on the engine, and those that a kitchen's tip needs and nobody made yet. Used within
    `keep` seconds is recent."""
    with _engine(house) as engine:
        recently = house.now().timestamp() - keep
        return [one.document(one.state(house.repository.common, recently)) for one in _known(house, engine)]


def build_image(house: House, name: str | None, *, dry_run: bool = False) -> dict[str, Any]:
    """Make the image that a kitchen's tip needs; without a name that of the checkout around the user, as it lies."""
    from kitchens.containers.toolchains.image import make_image, tag_of

    with _engine(house) as engine, _source(house, name) as (kitchen, source):
        _refuse_without_image(source)
        tag = tag_of(source)
        document = {"kitchen": kitchen, "image": f"{REPOSITORY}:{tag}"}
        there = engine.image(f"{REPOSITORY}:{tag}")
        if dry_run:
            return {
                **document,
                "id": there and there.id,
                "status": "there" if there else "missing",
                "seconds": 0.0,
            }
        began = time.monotonic()
        made = make_image(engine, source, house.cache, house.environment, house.note)
        usage.note_use(house.cache, tag, house.repository.common)
        seconds = round(time.monotonic() - began, 3)
        return {**document, "id": made.id, "status": "there" if there else "made", "seconds": seconds}


def prune_images(house: House, keep: float, *, dry_run: bool = False) -> dict[str, Any]:
    """Remove the images that no kitchen's tip needs and no run used within `keep` seconds. What another cookbook of
    this user needs, what nobody here ever used, and what a container runs in stays."""
    from kitchens.containers.toolchains.base_image import base_name

    with _engine(house) as engine:
        recently = house.now().timestamp() - keep
        known = _known(house, engine)
        states = {one.tag: one.state(house.repository.common, recently) for one in known}
        kept_keys = {_key(one) for one in known if states[one.tag] != "unneeded"}
        rows = []
        for one in known:
            if states[one.tag] != "unneeded":
                continue
            status = "unneeded" if dry_run else _remove(house, engine, one)
            if status == "removed" and _key(one) not in kept_keys:
                engine.remove_image(base_name(_key(one)))
            rows.append({**one.document("unneeded"), "status": status})
        return {"dry_run": dry_run, "images": rows, "bytes": sum(row["size"] or 0 for row in rows)}


def _remove(house: House, engine: Engine, one: Known) -> str:
    if not engine.remove_image(f"{REPOSITORY}:{one.tag}"):
        return "in use"
    usage.forget_uses(house.cache, one.tag)
    return "removed"


def _key(one: Known) -> str:
    return "" if one.image is None else one.image.labels.get("org.kitchens.key", "")


def _known(house: House, engine: Engine) -> list[Known]:
    """Those that are needed first, then the newest."""
    needed: dict[str, list[str]] = {}
    for kitchen, tag in _tags(house):
        needed.setdefault(tag, []).append(kitchen)
    names = [name for row in engine.images("org.kitchens.key") for name in row]
    found = {
        name.partition(":")[2]: image
        for name in names
        if name.startswith(f"{REPOSITORY}:") and (image := engine.image(name))
    }
    known = [
        Known(tag, found.get(tag), tuple(needed.get(tag, ())), tuple(usage.uses_of(house.cache, tag)))
        for tag in {**found, **needed}
    ]
    return sorted(
        known,
        key=lambda one: (not one.kitchens, -(one.image.created.timestamp() if one.image else 0.0), one.tag),
    )


def _tags(house: House) -> Iterator[tuple[str, str]]:
    """Each kitchen and the tag that its tip needs. One whose files cannot be read needs none: it cannot run either."""
    from kitchens.containers.toolchains.image import tag_of

    kitchens = Kitchens(house)
    for kitchen in kitchens.all():
        try:
            source = _at_tip(house, kitchen, Path())
        except InvalidInput:
            continue
        if source.image is not None or source.context is not None:
            yield kitchen.name, tag_of(source)
        view = house.view(kitchen.tip)
        for own in sources_of_nodes(view.source, source, own_images(view.shelf)).values():
            yield kitchen.name, tag_of(own)


def _at_tip(house: House, kitchen: Kitchen, checkout: Path) -> ImageSource:
    view = house.view(kitchen.tip)
    return source_at(view.source, view.cookbook, house.repository.objects, kitchen.tip, checkout)


@contextmanager
def _source(house: House, name: str | None) -> Iterator[tuple[str | None, ImageSource]]:
    """What a kitchen's tip asks for, with its Dockerfile's folder on disk; or the checkout around the user."""
    if name is None:
        from kitchens.actions.cookbook.settings import cookbook_in

        here = house.repository.here
        yield None, source_on_disk(house.source(here), cookbook_in(here), here)
        return
    kitchen = Kitchens(house).get(name)
    if house.view(kitchen.tip).cookbook.runtime.build is None:
        yield kitchen.name, _at_tip(house, kitchen, Path())
        return
    from kitchens.actions.gates.examining import claimed
    from kitchens.git.checkouts.checkout import write_tree
    from kitchens_engine.records import new_run_id

    folder = house.state / "images" / new_run_id(house.now())
    with claimed(house, folder):
        write_tree(house.repository.objects, house.repository.objects.commit(kitchen.tip).tree, folder)
        yield kitchen.name, _at_tip(house, kitchen, folder)


def _refuse_without_image(source: ImageSource) -> None:
    if source.image is None and source.context is None:
        raise InvalidInput("the cookbook names no image", 'set `image = "python:3.12-slim"` in `[runtime]`')


@contextmanager
def _engine(house: House) -> Iterator[Engine]:
    from kitchens.containers.engine import connect

    engine = connect(house.environment)
    try:
        yield engine
    finally:
        engine.close()


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")

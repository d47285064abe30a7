"""`kitchen image`: the images that are made for this cookbook's kitchens, of toolchains and of services, made beforehand
and pruned."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kitchens.actions.cookbook.imaging import own_images
from kitchens.actions.cookbook.toolchain import content_at, source_at, source_on_disk, sources_of_nodes
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.containers.services.service_image import REPOSITORY as SERVICES
from kitchens.containers.services.service_image import service_image
from kitchens.containers.toolchains import usage
from kitchens.containers.toolchains.base_image import base_name
from kitchens.containers.toolchains.source import REPOSITORY, ImageSource
from kitchens.gate.fingerprint import build_context
from kitchens_engine.errors import InvalidInput
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine, Image


class Known(NamedTuple):
    """An image of ours, of a toolchain or of a service that the cookbook builds: as the engine has it (None: it was not
    made yet), and which kitchens' tips need it.

    `uses` are those of every repository that this user's commands ran in.
    """

    name: str
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
            "image": self.name,
            "kind": "service" if self.name.startswith(f"{SERVICES}:") else "toolchain",
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
    """Every image of ours on the engine, and those that a kitchen's tip needs and nobody made yet. Used within
    `keep` seconds is recent."""
    with _engine(house) as engine:
        recently = house.now().timestamp() - keep
        return [one.document(one.state(house.repository.common, recently)) for one in _known(house, engine)]


def build_image(house: House, wanted: str | None, *, dry_run: bool = False) -> dict[str, Any]:
    """Make the toolchain's image that a kitchen's tip needs; without a name that of the checkout around the user, as it lies."""
    from kitchens.containers.toolchains.image import make_image, tag_of

    with _engine(house) as engine, _source(house, wanted) as (kitchen, source):
        _refuse_without_image(source)
        name = f"{REPOSITORY}:{tag_of(source)}"
        document = {"kitchen": kitchen, "image": name}
        there = engine.image(name)
        if dry_run:
            return {
                **document,
                "id": there and there.id,
                "status": "there" if there else "missing",
                "seconds": 0.0,
            }
        began = time.monotonic()
        made = make_image(engine, source, house.cache, house.environment, house.note)
        usage.note_use(house.cache, name, house.repository.common, kitchen)
        seconds = round(time.monotonic() - began, 3)
        return {**document, "id": made.id, "status": "there" if there else "made", "seconds": seconds}


def prune_images(house: House, keep: float, *, dry_run: bool = False) -> dict[str, Any]:
    """Remove the images that no kitchen's tip needs and no run used within `keep` seconds. What another cookbook of
    this user needs, what nobody here ever used, and what a container runs in stays."""
    with _engine(house) as engine:
        recently = house.now().timestamp() - keep
        known = _known(house, engine)
        states = {one.name: one.state(house.repository.common, recently) for one in known}
        kept_keys = {_key(one) for one in known if states[one.name] != "unneeded"}
        rows = []
        for one in known:
            if states[one.name] != "unneeded":
                continue
            status = "unneeded" if dry_run else _remove(house, engine, one, kept_keys)
            rows.append({**one.document("unneeded"), "status": status})
        return {"dry_run": dry_run, "images": rows, "bytes": sum(row["size"] or 0 for row in rows)}


def images_of(house: House, kitchen: Kitchen) -> list[str]:
    """The images that a kitchen used, or needs at its tip, and that no other one did or does. Asks no engine."""
    used = usage.used_by(house.cache, house.repository.common, kitchen.name)
    return only_of(house, kitchen.name, dict.fromkeys((*used, *_needed(house, kitchen))))


def only_of(house: House, kitchen: str, names: Iterable[str]) -> list[str]:
    """Those of the images that nobody but this kitchen used, or needs at his tip. Asks no engine."""
    mine, kitchens = house.repository.common, Kitchens(house)

    def others(use: usage.Use) -> bool:
        if use.repository != mine:
            return use.exists
        return use.kitchen not in (None, kitchen) and use.kitchen in kitchens.names

    left = dict.fromkeys(name for name in names if not any(map(others, usage.uses_of(house.cache, name))))
    # Its parent's needs answer nearly always.
    above = kitchens.get(kitchen).parent if kitchen in kitchens.names else kitchens.root
    for one in sorted(kitchens.all(), key=lambda one: one.name != above):
        if one.name != kitchen and left:
            for name in _needed(house, one):
                left.pop(name, None)
    return list(left)


def forget(house: House, engine: Engine, names: Iterable[str]) -> None:
    """Remove these images; one that a container runs in stays."""
    there = {name: engine.image(name) for name in names}
    known = [Known(name, image, (), ()) for name, image in there.items() if image is not None]
    if known:
        going = {one.name for one in known}
        kept_keys = {_key(one) for one in _known(house, engine) if one.name not in going}
        for one in known:
            _remove(house, engine, one, kept_keys)


def _remove(house: House, engine: Engine, one: Known, kept_keys: Collection[str]) -> str:
    """Remove it, and what it was built on unless that is kept for another; what came of it."""
    if not engine.remove_image(one.name):
        return "in use"
    usage.forget_uses(house.cache, one.name)
    if (key := _key(one)) and key not in kept_keys:
        engine.remove_image(base_name(key))
    return "removed"


def _key(one: Known) -> str:
    return "" if one.image is None else one.image.labels.get("org.kitchens.key", "")


def _known(house: House, engine: Engine) -> list[Known]:
    """Those that are needed first, then the newest."""
    needed: dict[str, list[str]] = {}
    for kitchen in Kitchens(house).all():
        for name in _needed(house, kitchen):
            needed.setdefault(name, []).append(kitchen.name)
    names = [name for repository in (REPOSITORY, SERVICES) for name in engine.images(repository)]
    found = {name: image for name in names if (image := engine.image(name))}
    known = [
        Known(name, found.get(name), tuple(needed.get(name, ())), tuple(usage.uses_of(house.cache, name)))
        for name in {**found, **needed}
    ]
    return sorted(
        known,
        key=lambda one: (not one.kitchens, -(one.image.created.timestamp() if one.image else 0.0), one.name),
    )


def _needed(house: House, kitchen: Kitchen) -> list[str]:
    """The images that a kitchen's tip needs. One whose files cannot be read needs none: it cannot run either."""
    from kitchens.containers.toolchains.image import tag_of

    try:
        source = _at_tip(house, kitchen, Path())
    except InvalidInput:
        return []
    view = house.view(kitchen.tip)
    own = sources_of_nodes(view.source, source, own_images(view.shelf)).values()
    sources = [source] if source.image is not None or source.context is not None else []
    names = [f"{REPOSITORY}:{tag_of(one)}" for one in (*sources, *own)]
    for service in view.cookbook.services.values():
        if service.build is not None:
            content = content_at(house.repository.objects, kitchen.tip, build_context(service.build))
            names.append(service_image(service.build, content))
    return list(dict.fromkeys(names))


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
    from kitchens.git.checkouts.checkout import write_tree
    from kitchens_engine.records import new_run_id

    folder = house.state / "images" / new_run_id(house.now())
    with house.claimed(folder):
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

"""`kitchen lock`: pins the ingredients of other repositories to commits and fetches their files, and pins images."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kitchens.actions.cookbook import imaging
from kitchens.actions.house import House
from kitchens.git.claims import alone
from kitchens.git.sharing.fetching import fetch_folder, is_kept
from kitchens.model.cookbook import FILE, Cookbook, parse_cookbook
from kitchens.model.images import as_table, read_images
from kitchens.model.pins import LOCK_FILE, Pin, Pins, Wanted, read_pins, values
from kitchens.store.toml import document
from kitchens_engine.errors import EnvironmentFailure, InvalidFiles, InvalidInput
from kitchens_engine.ports import Event
from kitchens_engine.toml.nearest import hints
from kitchens_engine.tuples import NamedTuple

_HEAD = f"# Written by `kitchen lock`. Commit it; to move a pin: `kitchen lock --update NAME`.\n# It pins what `{FILE}` names.\n"

#: Seconds for which a second `kitchen lock` waits for the first.
_PATIENCE = 600.0


class Step(NamedTuple):
    """What is to be done about one ingredient: `kept`, `fetched`, `pinned`, `updated` or `removed`; `pin` is the old one."""

    status: str
    name: str
    wanted: Wanted | None
    pin: Pin | None


def fetch_for(house: House, revision: str) -> dict[str, Any]:
    """Fetch what `kitchens.lock` of a commit pins, such as one of long ago that is to be verified. Writes no file.

    Raises `InvalidInput` when there is no such commit.
    """
    objects = house.repository.objects
    tree = objects.resolve(f"{revision}^{{tree}}")
    if tree is None:
        raise InvalidInput(f"there is no commit `{revision}`", code="no-commit")
    pins = read_pins(objects.read(tree, FILE), objects.read(tree, LOCK_FILE))
    if pins.faults:
        raise InvalidFiles(pins.faults)
    steps = [_step(house, pin.wanted, pin, update=False) for pin in pins.locked.values()]
    made = {step.name: _carry_out(house, step) for step in steps}
    rows = [_row(step, made[step.name]) for step in steps]
    return {"path": None, "changed": False, "ingredients": rows, "images": []}


def lock(house: House, update: Sequence[str] = ()) -> dict[str, Any]:
    """Pin what is not pinned, fetch what is not here, move the pins in `update`, drop what nobody names. Ingredients
    are pinned by commit, the images below the toolchain by digest.

    Writes `kitchens.lock` in the checkout around the user, and only when all of it worked. No
    pin moves unasked. Raises `InvalidFiles` when one of the two files is wrong.
    """
    folder = house.repository.here
    with alone(house.repository.claims, "lock", _PATIENCE):
        cookbook, pins = _read(folder)
        images = imaging.wanted_in(folder, cookbook)
        steps = plan(house, pins, [name for name in update if name not in images])
        made = {step.name: pin for step in steps if (pin := _carry_out(house, step)) is not None}
        pinned = imaging.pin_images(house, cookbook, images, read_images(_bytes(folder / LOCK_FILE)), update)
        rest = {**pins.rest, "images": as_table({row.name: row.pin for row in pinned if row.pin})}
        changed = _write(folder, rest, made)
    return {
        "path": str(folder / LOCK_FILE),
        "changed": changed,
        "ingredients": [_row(step, made.get(step.name)) for step in steps],
        "images": [row.document() for row in pinned],
    }


def plan(house: House, pins: Pins, update: Sequence[str]) -> tuple[Step, ...]:
    """What there is to do, by name. Raises `InvalidInput` for an `update` of what is no ingredient."""
    for name in update:
        if name not in pins.wanted:
            raise InvalidInput(
                f"`{FILE}` names no ingredient and no image `{name}`",
                *hints(name, pins.wanted),
                code="no-ingredient",
            )
    locked = pins.locked
    steps = [
        _step(house, wanted, locked.get(name), update=name in update) for name, wanted in pins.wanted.items()
    ]
    steps += [Step("removed", name, None, pin) for name, pin in locked.items() if name not in pins.wanted]
    return tuple(sorted(steps, key=lambda step: step.name))


def _step(house: House, wanted: Wanted, pin: Pin | None, *, update: bool) -> Step:
    if pin is None:
        return Step("pinned", wanted.name, wanted, None)
    if update or pin.wanted != wanted:
        return Step("updated", wanted.name, wanted, pin)
    status = "kept" if is_kept(house.repository, pin.tree) else "fetched"
    return Step(status, wanted.name, wanted, pin)


def _carry_out(house: House, step: Step) -> Pin | None:
    if step.wanted is None or step.status == "kept":
        return step.pin if step.wanted else None
    wanted = step.wanted
    house.tell(Event("note", "", None, {"text": f"fetching `{wanted.name}` from {wanted.git}"}))
    # What is only fetched anew keeps its commit: its branch or tag may have moved on.
    revision = step.pin.commit if step.status == "fetched" and step.pin else wanted.rev
    found = fetch_folder(house.repository, wanted.git, revision, wanted.path)
    if house.repository.objects.read(found.tree, "recipe.toml") is None:
        raise InvalidInput(
            f"`{wanted.path}` of `{wanted.git}` at `{wanted.rev}` holds no `recipe.toml`, so it is no ingredient",
            code="no-ingredient",
        )
    if step.status == "fetched" and step.pin and found.tree != step.pin.tree:
        raise EnvironmentFailure(
            f"`{wanted.git}` has another `{wanted.path}` at `{revision[:12]}` than `{LOCK_FILE}` says",
            f"`kitchen lock --update {wanted.name}` pins it anew",
            code="lock",
        )
    return Pin(wanted, found.commit, found.tree)


def _read(folder: Path) -> tuple[Cookbook, Pins]:
    text, lock_text = _bytes(folder / FILE), _bytes(folder / LOCK_FILE)
    if text is None:
        raise InvalidInput(f"{folder} holds no `{FILE}`", "`kitchen init` writes one")
    cookbook, faults = parse_cookbook(text)
    pins = read_pins(text, lock_text)
    if cookbook is None or pins.faults:
        raise InvalidFiles(faults or pins.faults)
    return cookbook, pins


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write(folder: Path, rest: Mapping[str, Any], made: Mapping[str, Pin]) -> bool:
    """Write the lock if it says something new: whole or not at all."""
    path = folder / LOCK_FILE
    before = _bytes(path)
    if before is None and not made and not rest["images"]:
        return False
    text = _HEAD.encode() + b"\n" + document(values(made, rest))
    if text == before:
        return False
    part = path.with_name(f".{LOCK_FILE}.{os.getpid()}")
    try:
        part.write_bytes(text)
        part.replace(path)
    except OSError as error:
        raise EnvironmentFailure(f"`{path}` cannot be written: {error.strerror}", code="disk") from error
    finally:
        part.unlink(missing_ok=True)
    return True


def _row(step: Step, pin: Pin | None) -> dict[str, Any]:
    shown = pin or step.pin
    assert shown is not None
    status = "kept" if step.status == "updated" and pin == step.pin else step.status
    return {
        "name": step.name,
        "status": status,
        "git": shown.wanted.git,
        "rev": shown.wanted.rev,
        "path": shown.wanted.path,
        "commit": shown.commit,
        "previous": step.pin.commit if step.pin and step.pin.commit != shown.commit else None,
    }

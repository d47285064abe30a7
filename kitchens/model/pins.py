"""`[ingredients]` of `kitchens.toml`, and `kitchens.lock`, which pins each of them to a commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kitchens.model.cookbook import FILE
from kitchens.model.cookbook_shape import INGREDIENTS, LOCK
from kitchens_engine.errors import Fault
from kitchens_engine.toml.document import Document, read_document
from kitchens_engine.toml.shape import examine
from kitchens_engine.tuples import NamedTuple

LOCK_FILE = "kitchens.lock"

#: Raised when older programs could misread what is written; they then refuse instead.
FORMAT = 1

_PINS_IT = "`kitchen lock` pins it"


class Wanted(NamedTuple):
    """An ingredient of another repository, as `kitchens.toml` asks for it: the folder `path` at `rev`."""

    name: str
    git: str
    rev: str
    path: str


class Pin(NamedTuple):
    """What `kitchens.lock` says of it: `wanted` then, the commit that `rev` was, and the tree of the folder."""

    wanted: Wanted
    commit: str
    tree: str


class Pins(NamedTuple):
    """Both files together.

    `locked` are all pins, and `pins` those that count: `kitchens.toml` asks for just that. `troubles` says of each other ingredient why it cannot be used, at its
    place; `faults` is what makes the lock unreadable, and then every ingredient that is wanted has it.
    """

    wanted: Mapping[str, Wanted]
    locked: Mapping[str, Pin]
    pins: Mapping[str, Pin]
    troubles: Mapping[str, Fault]
    faults: tuple[Fault, ...] = ()
    rest: Mapping[str, Any] = {}


def read_pins(cookbook: bytes | None, lock: bytes | None) -> Pins:
    """What the two files say. Faults of `kitchens.toml` itself are not looked at: it then wants nothing."""
    document = read_document(cookbook or b"", FILE)
    if isinstance(document, Fault):
        return Pins({}, {}, {}, {})
    wanted = dict(_wanted(document))
    locked, faults, rest = _locked(lock)
    pins: dict[str, Pin] = {}
    troubles: dict[str, Fault] = {}
    for name, one in wanted.items():
        if faults:
            troubles[name] = faults[0]
        elif (trouble := _trouble(document, one, locked.get(name))) is not None:
            troubles[name] = trouble
        else:
            pins[name] = locked[name]
    return Pins(wanted, locked, pins, troubles, faults, rest)


def missing_files(document: Document, pin: Pin, tree: str | None) -> Fault:
    """The fault of an ingredient whose files are not in this repository; `tree` is the cookbook's, if it is in git."""
    message = f"ingredient `{pin.wanted.name}` is pinned at `{pin.commit[:12]}`, and its files are not in this repository"
    act = "kitchen lock" if tree is None else f"kitchen lock --commit {tree[:12]}"
    return document.fault(("ingredients", pin.wanted.name), message, f"`{act}` fetches them")


def values(pins: Mapping[str, Pin], rest: Mapping[str, Any]) -> dict[str, Any]:
    """What is written to `kitchens.lock`; `rest` are the sections that are not about ingredients."""
    tables = {
        name: {**pin.wanted._asdict(), "name": None, "commit": pin.commit, "tree": pin.tree}
        for name, pin in pins.items()
    }
    return {**rest, "format": FORMAT, "ingredients": tables or None}


def _wanted(document: Document) -> Iterator[tuple[str, Wanted]]:
    section = document.values.get("ingredients")
    if not isinstance(section, dict):
        return
    # Looked at alone: a fault elsewhere in the file is reported by whoever reads that.
    found, _ = examine(Document(FILE, document.text, {"ingredients": section}), INGREDIENTS)
    for name, table in found.get("ingredients", {}).items():
        if "git" in table and "rev" in table:
            path = table.get("path", f"ingredients/{name}").strip("/")
            yield name, Wanted(name, table["git"], table["rev"], path)


def _locked(text: bytes | None) -> tuple[dict[str, Pin], tuple[Fault, ...], dict[str, Any]]:
    if text is None:
        return {}, (), {}
    document = read_document(text, LOCK_FILE)
    if isinstance(document, Fault):
        hint = "after a merge: take one side of it, and `kitchen lock`"
        return {}, (document._replace(hint=hint),), {}
    if isinstance(form := document.values.get("format"), int) and form > FORMAT:
        message = f"a newer version of kitchens wrote `{LOCK_FILE}`"
        return {}, (document.fault(("format",), message, "update this program"),), {}
    found, faults = examine(document, LOCK)
    if faults:
        return {}, faults, {}
    tables = found.get("ingredients", {})
    pins = {
        name: Pin(Wanted(name, table["git"], table["rev"], table["path"]), table["commit"], table["tree"])
        for name, table in tables.items()
    }
    return pins, (), {key: value for key, value in found.items() if key not in ("format", "ingredients")}


def _trouble(document: Document, wanted: Wanted, pin: Pin | None) -> Fault | None:
    here = ("ingredients", wanted.name)
    if pin is None:
        return document.fault(here, f"ingredient `{wanted.name}` is not pinned yet", _PINS_IT)
    for key in ("git", "rev", "path"):
        now, then = getattr(wanted, key), getattr(pin.wanted, key)
        if now != then:
            message = f"ingredient `{wanted.name}` has `{key}` `{now}`, and `{LOCK_FILE}` pins `{then}`"
            return document.fault((*here, key), message, _PINS_IT)
    return None

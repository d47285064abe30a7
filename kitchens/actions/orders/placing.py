"""Where the pinned ingredients of a run lie: in the run's own folder, written from git, in no checkout."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kitchens.actions.house import House
from kitchens.git.checkouts.folders import remove_folder
from kitchens.git.sharing.pinned import ROOM, PinnedSource
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.language.reach import reach
from kitchens_engine.order import Order


@contextmanager
def placed(house: House, order: Order) -> Iterator[Order]:
    """The order with the folders of the pinned ingredients that its recipe reaches, which go when it has ended.

    After a failure of the machine they stay: processes that outlived it may still be in them.
    """
    source = order.shelf.source
    if not isinstance(source, PinnedSource) or not source.pins.pins:
        yield order
        return
    room = order.folder / ROOM
    pins = source.pins.pins
    reached = [name for name in reach(order.shelf, order.recipe).ingredients if name in pins]
    folders = {f"{ROOM}/{name}": _written(house, room / name, pins[name].tree) for name in reached}
    try:
        yield order._replace(folders=folders)
    except InvalidInput:
        remove_folder(room)  # it was refused, and nothing ran
        raise
    remove_folder(room)


def _written(house: House, folder: Path, tree: str) -> Path:
    """The tree in `folder`; complete when it is there, since it takes its name last."""
    from kitchens.git.checkouts.checkout import write_tree

    if not folder.exists():
        part = folder.with_name(f".{folder.name}-{os.urandom(4).hex()}")
        write_tree(house.repository.objects, tree, part)
        try:
            part.rename(folder)
        except OSError as error:
            raise EnvironmentFailure(
                f"`{folder}` cannot be written: {error.strerror}", code="disk"
            ) from error
    return folder

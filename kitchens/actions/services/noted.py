"""What is known of kitchens' services without asking an engine: notes of the commands that changed them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kitchens.actions.house import House


def folder_of(house: House) -> Path:
    """Where the notes of all kitchens lie."""
    return house.state / "services"


def known(house: House) -> dict[str, Path]:
    """The kitchens that ever had containers here, and the folders of what is known of them. One listing."""
    try:
        names = os.listdir(folder_of(house))
    except FileNotFoundError:
        return {}
    from urllib.parse import unquote

    return {unquote(name): folder_of(house) / name for name in names if not name.startswith(".")}


def state_of(folder: Path) -> str | None:
    """`up`, `paused`, `stopped`, `red`, `failed` or `starting`, as the last command left it; None when it has no containers."""
    try:
        return (folder / "state").read_text(encoding="ascii") or None
    except OSError:
        return None

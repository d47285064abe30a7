"""The settings of a cookbook as they lie in a checkout."""

from __future__ import annotations

from pathlib import Path

from kitchens.model.cookbook import Cookbook, parse_cookbook
from kitchens_engine.errors import InvalidFiles, InvalidInput


def cookbook_in(folder: Path) -> Cookbook:
    """`kitchens.toml` of a checkout. Raises `InvalidInput` when there is none, `InvalidFiles` when it is wrong."""
    try:
        text = (folder / "kitchens.toml").read_bytes()
    except FileNotFoundError:
        raise InvalidInput(f"{folder} holds no `kitchens.toml`", "`kitchen init` writes one") from None
    cookbook, faults = parse_cookbook(text)
    if cookbook is None:
        raise InvalidFiles(faults)
    return cookbook

"""Limits that nodes share: how many of them may be under way at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from kitchens_engine.errors import InvalidInput
from kitchens_engine.recipe import Recipe
from kitchens_engine.state.plan import Plan
from kitchens_engine.toml.nearest import did_you_mean


class Pool(Protocol):
    """So many places, each taken by one node at a time."""

    def take(self) -> bool:
        """Take a place; False when there is none."""

    def give(self) -> None:
        """Give one back."""


class Places:
    """The places of one run."""

    def __init__(self, count: int) -> None:
        self._free = count

    def take(self) -> bool:
        """Take a place; False when there is none."""
        if self._free == 0:
            return False
        self._free -= 1
        return True

    def give(self) -> None:
        """Give one back."""
        self._free += 1


class SharedPlaces:
    """The places of all runs on this machine that share `folder`: one locked file each.

    A lock goes with the process that has it, so nothing is left of a run that was killed.
    """

    def __init__(self, folder: Path, name: str, count: int) -> None:
        self._folder = folder
        self._files = tuple(f"{name}.{number}" for number in range(count))
        self._held: dict[str, int] = {}

    def take(self) -> bool:
        """Take a place; False when all are taken, by whichever run."""
        for file in self._files:
            if file not in self._held and (descriptor := self._lock(file)) is not None:
                self._held[file] = descriptor
                return True
        return False

    def give(self) -> None:
        """Give one back."""
        os.close(self._held.popitem()[1])

    def close(self) -> None:
        """Give back whatever is still held."""
        while self._held:
            self.give()

    def _lock(self, file: str) -> int | None:
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(descriptor)
            raise
        return descriptor


class Pools:
    """The pools of one run: those of the cookbook, shared with other runs, and those of its recipes."""

    def __init__(self, counts: Mapping[str, int], folder: Path | None) -> None:
        self._shared = {
            name: SharedPlaces(folder, name, count) if folder else Places(count)
            for name, count in counts.items()
        }
        self._own: dict[tuple[str, str], Places] = {}

    def of(self, recipe: Recipe, name: str) -> Pool:
        """The pool that a node of the recipe means by `name`: the recipe's own before the cookbook's."""
        if name in recipe.pools:
            return self._own.setdefault((recipe.folder, name), Places(recipe.pools[name]))
        return self._shared[name]

    def close(self) -> None:
        """Give back whatever is still held."""
        for pool in self._shared.values():
            if isinstance(pool, SharedPlaces):
                pool.close()


def refuse_unknown(plan: Plan, counts: Mapping[str, int]) -> None:
    """Raises `InvalidInput` for a node whose pool neither its recipe nor the cookbook has."""
    for inner in plan.walk():
        for name in inner.nodes:
            node = inner.recipe.nodes[name]
            if node.pool is not None and node.pool not in inner.recipe.pools and node.pool not in counts:
                raise InvalidInput(
                    f"node `{name}` uses pool `{node.pool}`, which neither its recipe nor `kitchens.toml` has",
                    did_you_mean(node.pool, (*inner.recipe.pools, *counts))
                    or f"add `[pools]` with `{node.pool} = 2`",
                    file=node.position.file,
                    line=node.position.line,
                )


def take_all(pools: tuple[Pool, ...]) -> bool:
    """Take a place of each, or none at all."""
    for number, pool in enumerate(pools):
        if not pool.take():
            give_all(pools[:number])
            return False
    return True


def give_all(pools: tuple[Pool, ...]) -> None:
    """Give back a place of each."""
    for pool in pools:
        pool.give()

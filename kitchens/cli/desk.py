"""The user's desk: the folder, the environment and the screen, out of which a command gets its house."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.cli.stop import StopSignal
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

if TYPE_CHECKING:
    from kitchens.actions.house import House
    from kitchens_engine.ports import Observer


@dataclass(frozen=True)
class Desk:
    """What one command may use of the world. `directory` is what `-C` named."""

    directory: str | None
    as_json: bool
    stop: StopSignal

    @cached_property
    def folder(self) -> Path:
        """The folder that the command works in."""
        try:
            here = Path.cwd()
        except FileNotFoundError:
            raise EnvironmentFailure("the current folder was deleted", "`cd` to one that exists") from None
        if self.directory is None:
            return here
        folder = here / self.directory
        if not folder.is_dir():
            raise InvalidInput(f"`-C {self.directory}`: there is no such folder")
        return folder

    @property
    def environment(self) -> Mapping[str, str]:
        """The caller's environment variables."""
        return os.environ

    @cached_property
    def cache(self) -> Path:
        """The user's cache folder for toolchains (`KITCHENS_CACHE`, else XDG)."""
        own = os.environ.get("KITCHENS_CACHE")
        if own:
            return Path(own)
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(base) / "kitchens"

    def now(self) -> datetime:
        """The clock, in UTC."""
        return datetime.now(UTC)

    @cached_property
    def observer(self) -> Observer:
        """The screen: live on a terminal, plain lines elsewhere."""
        from kitchens.cli.screen import screen

        return screen(sys.stderr)

    @cached_property
    def house(self) -> House:
        """The repository that holds the folder, with its stores. What a crash left is healed first."""
        from kitchens.actions.house import House
        from kitchens.git.claims import any_claim
        from kitchens.git.repository import open_repository

        repository = open_repository(self.folder, self.environment)
        house = House(
            repository=repository,
            environment=self.environment,
            cache=self.cache,
            now=self.now,
            interpreter=sys.executable,
            tell=lambda event: self.observer(event),  # noqa: PLW0108 - the screen is made when it is needed
            watch=self.stop.watched,
        )
        if any_claim(repository.claims):
            # What heals is paid for by the command that finds something to heal.
            from kitchens.git.healing import heal

            for healed in heal(repository):
                house.note(f"{healed} was edited while a landing was cut off; it was left as it is")
        return house

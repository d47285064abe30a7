"""The user's desk: the folder, the environment and the screen, out of which a command gets its house."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.cli.stop import StopSignal
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

if TYPE_CHECKING:
    from kitchens.actions.house import House
    from kitchens.cli.progress.choose import Audience
    from kitchens.cli.progress.remaining import Usual
    from kitchens.git.repository import Repository


class Desk:
    """What one command may use of the world. `directory` is what `-C` named; `quiet` and `events` say who hears of
    the progress of long work; a detached run tells its id at the descriptor `announce`."""

    def __init__(
        self,
        directory: str | None,
        as_json: bool,
        stop: StopSignal,
        quiet: bool = False,
        events: str | None = None,
        announce: int | None = None,
    ) -> None:
        self.directory = directory
        self.as_json = as_json
        self.stop = stop
        self.quiet = quiet
        self.events = events
        self.announce = announce

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
        if base := os.environ.get("XDG_CACHE_HOME"):
            return Path(base) / "kitchens"
        from kitchens.vault.home import at_home

        return at_home(Path("~/.cache")) / "kitchens"

    def now(self) -> datetime:
        """The clock, in UTC."""
        return datetime.now(UTC)

    @cached_property
    def observer(self) -> Audience:
        """Who hears of progress: a live view on a terminal, plain lines elsewhere; and a file."""
        from kitchens.cli.progress.choose import audience

        events = self.events if self.events in (None, "-") else str(self.folder / str(self.events))
        if self.announce is None:
            return audience(sys.stderr, self._usual, quiet=self.quiet, events=events)
        from kitchens.cli.announcing import announcing

        return announcing(self.announce, audience(sys.stderr, self._usual, quiet=True, events=events))

    def close(self) -> None:
        """Put the screen away, if there is one."""
        if "observer" in self.__dict__:
            self.observer.close()

    def _usual(self, run: str) -> Usual:
        """What the nodes of a run took before."""
        from kitchens.actions.orders.expecting import expected
        from kitchens.cli.progress.remaining import Usual, without_groups

        took = expected(self.house, run)
        return Usual(took.whole, without_groups(took.nodes))

    @cached_property
    def unhealed(self) -> House:
        """The repository that holds the folder, with its stores, as a crash may have left it."""
        from kitchens.git.repository import open_repository, refuse_bytes

        repository = open_repository(self.folder, self.environment)
        refuse_bytes(repository.top, repository.here)
        return self.house_of(repository)

    @cached_property
    def house(self) -> House:
        """The same; what a crash left is healed first."""
        from kitchens.git.claims import any_claim

        house = self.unhealed
        if any_claim(house.repository.claims):
            # What heals is paid for by the command that finds something to heal.
            from kitchens.git.moving.healing import heal

            try:
                for healed in heal(house.repository):
                    house.note(f"{healed} was edited while a landing was cut off; it was left as it is")
            except EnvironmentFailure as failure:
                if failure.code != "disk":
                    raise
                # Whoever only looks may look; what writes meets the same disk, or heals itself.
                house.note(f"what a cut-off command left waits for a later one: {failure.message}")
            if any_claim(house.repository.claims):
                from kitchens.actions.sharing.healing import heal_pushes

                heal_pushes(house)
        return house

    def house_of(self, repository: Repository) -> House:
        """An open repository with its stores. Nothing is healed."""
        from kitchens.actions.house import House

        return House(
            repository=repository,
            environment=self.environment,
            cache=self.cache,
            now=self.now,
            interpreter=sys.executable,
            tell=lambda event: self.observer(event),  # noqa: PLW0108 - the screen is made when it is needed
            watch=self.stop.watched,
        )

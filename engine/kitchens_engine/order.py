"""What is asked for: one execution of a recipe, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kitchens_engine.ports import Secrets
from kitchens_engine.recipe import EMPTY
from kitchens_engine.redaction.hidden import NOTHING, Hidden
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens_engine.language.shelf import Shelf
    from kitchens_engine.state.past import Past


class KitchenFacts(NamedTuple):
    """What a run knows about its kitchen. `data` is the kitchen's data folder; a fresh one in a gate."""

    name: str
    parent: str | None
    data: Path

    @property
    def database(self) -> Path:
        """The kitchen's embedded DuckDB file. It comes into being with the first write."""
        return self.data / "kitchen.duckdb"

    @property
    def lock(self) -> Path:
        """The file that one order run at a time holds, beside the data folder."""
        return self.data.with_name(f"{self.data.name}.lock")


class Left(NamedTuple):
    """What nodes left when they last passed, by their paths: outputs, and how many of their tests had which status."""

    outputs: Mapping[str, Mapping[str, Any]] = EMPTY
    tests: Mapping[str, Mapping[str, int]] = EMPTY


class Order(NamedTuple):
    """One execution of a recipe: what, with which variables, where, and what it stands for.

    `run` is the run's id (`records.new_run_id`), `order` the id of the order behind it.
    `root` is the checkout that holds `recipes/`, `folder` the run's own folder for logs
    and attempts. `variables` are resolved; `settings` are the kitchen's, for nested
    recipes. `nodes` None runs what the variation says; `"+x"` adds all that `x` needs,
    `"-x"` leaves `x` out, of all nodes where no others are named.
    `earlier` is what nodes outside the selection left; what it lacks is looked up
    in the records. `jobs` None: two more than processors. A log
    of more than `log_limit` bytes loses its middle, and a run that adds more than `disk_limit` to its folders is ended. `pools` are the cookbook's; all
    runs that have the same `pools_folder` share them. `started` is what `run.started` reads;
    of a run that takes up an earlier one it is the earlier one's, `past` is what that left,
    and `began` the moment at which this runner begins. `connections` are URLs by name, as the cookbook
    writes them. `secrets` is the vault; `hidden`, which
    the runner makes, is what this run must not tell. `folders` are where recipes lie that are
    not in the checkout, by their folder in the cookbook.
    """

    run: str
    order: str
    shelf: Shelf
    root: Path
    recipe: str
    variation: str | None
    variables: Mapping[str, Any]
    settings: Mapping[str, Any]
    nodes: tuple[str, ...] | None
    kitchen: KitchenFacts
    folder: Path
    started: datetime
    commit: str | None = None
    tree: str | None = None
    dirty: bool = False
    toolchain: str = ""
    gate: bool = False
    earlier: Left = Left()
    jobs: int | None = None
    log_limit: int = 64 << 20
    disk_limit: int = 10 << 30
    pools: Mapping[str, int] = EMPTY
    pools_folder: Path | None = None
    past: Past | None = None
    began: datetime | None = None
    connections: Mapping[str, str] = EMPTY
    secrets: Secrets | None = None
    hidden: Hidden = NOTHING
    folders: Mapping[str, Path] = EMPTY

"""Whose services are wanted, and how they came up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kitchens_engine.errors import Failed
from kitchens_engine.ports import Secrets
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.actions.kitchens import Kitchen


class Started(NamedTuple):
    """How a service came up: `status` is `ready`, `failed` or `waiting` (for one that failed)."""

    name: str
    status: str
    container: str | None
    image: str
    digest: str
    port: int | None = None
    seconds: float | None = None
    why: str | None = None
    log: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As `--json` shows it."""
        document = self._asdict() | {"log": list(self.log)}
        document["address"] = None if self.port is None else f"127.0.0.1:{self.port}"
        return document


class NotReady(Failed):
    """A service that was never ready as it is specified does not become so: red, as a test is."""

    code = "service"

    def __init__(self, started: tuple[Started, ...], **about: object) -> None:
        self.started = started
        failed = next(one for one in started if one.status == "failed")
        super().__init__(f"service `{failed.name}` does not become ready: {failed.why}")
        self.about = about


class Wanted(NamedTuple):
    """Whose services: those of the kitchen, or (None) fresh ones for a gate that runs the `recipes`."""

    secrets: Secrets
    kitchen: Kitchen | None = None
    recipes: frozenset[str] = frozenset()

"""What `prune` and `repair` do, as they tell it: one finding for each thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from kitchens.actions.house import House
from kitchens.git.checkouts.folders import remove_folder
from kitchens.git.claims import claim
from kitchens.git.moving.healing import TEMPORARY
from kitchens_engine.errors import EnvironmentFailure, KitchensError, Refused
from kitchens_engine.tuples import NamedTuple


class Finding(NamedTuple):
    """Something to do, or that is left alone where there is no `act`.

    `done` is the word for it afterwards: `removed`, `adopted`, `finished` … or `kept`.
    """

    kind: str
    name: str
    why: str
    done: str = "kept"
    act: Callable[[], object] | None = None
    refused: bool = False

    def document(self) -> dict[str, Any]:
        """As `--json` shows it."""
        return {"kind": self.kind, "name": self.name, "did": self.done, "why": self.why}


def carry_out(findings: Iterable[Finding], *, dry_run: bool) -> dict[str, Any]:
    """Do each, and answer with what was done. What cannot be done is kept, and does not hinder the rest."""
    told = list(findings) if dry_run else [_done(each) for each in findings]
    changed = any(each.done != "kept" for each in told)
    refused = any(each.refused for each in told)
    return {
        "status": "refused" if refused else "done" if changed else "unchanged",
        "dry_run": dry_run,
        "findings": [each.document() for each in told],
    }


def removal(house: House, folder: Path) -> Callable[[], None]:
    """Removing a folder of ours: whoever is killed in it leaves that to the next command."""

    def act() -> None:
        held = claim(house.repository.claims, TEMPORARY, folder=str(folder))
        try:
            remove_folder(folder)
            for above in folder.parents:
                if above == house.state or above.suffix == ".kitchens":
                    break
                above.rmdir()
        except OSError as error:
            if folder.exists():
                where = error.filename or folder
                raise EnvironmentFailure(
                    f"`{where}` cannot be removed: {error.strerror}", code="disk"
                ) from error
        finally:
            with suppress(OSError):
                held.release()

    return act


def _done(finding: Finding) -> Finding:
    if finding.act is None:
        return finding
    try:
        finding.act()
    except KitchensError as error:
        return finding._replace(done="kept", why=error.message, refused=isinstance(error, Refused))
    return finding

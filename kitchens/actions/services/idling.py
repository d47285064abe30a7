"""What nobody uses is stopped, and what is gone is cleared away, by the next command of anyone that speaks to an engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchens
from kitchens.actions.services.home import Home, changing, home_of, in_use
from kitchens.actions.services.noted import known, state_of
from kitchens.containers import objects
from kitchens.containers.stopping import stop_all
from kitchens.containers.sweeping import remove_all

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine


def sweep(house: House, engine: Engine) -> None:
    """Stop the services of kitchens that were idle for longer than `[runtime] idle`, and remove what deleted kitchens
    left while the engine was away. Nothing but a listing where there is nothing to do."""
    clear_gone(house, engine)
    kitchens = Kitchens(house)
    idle = kitchens.cookbook.runtime.idle if kitchens.cookbook else None
    if idle is None:
        return
    for name, folder in known(house).items():
        if state_of(folder) != "up" or name not in kitchens.names:
            continue
        home = home_of(house, kitchens.get(name), "")
        if home.idle_for() <= idle or in_use(home):
            continue
        with changing(house, home):
            if home.idle_for() > idle and not in_use(home):
                stop_all(engine, [one.id for one in objects.containers(engine, home.mine)])
                (folder / "state").write_text("stopped", encoding="ascii")
                house.note(
                    f"the services of `{name}` were idle, and are stopped; `kitchen up {name}` starts them"
                )


def clear_gone(house: House, engine: Engine) -> None:
    """Remove from the engine what deleted kitchens had there."""
    folder = house.state / "services" / ".gone"
    notes = list(folder.iterdir()) if folder.is_dir() else []
    if not notes:
        return
    kitchens = Kitchens(house)
    for note in notes:
        try:
            name = json.loads(note.read_text(encoding="utf-8"))["kitchen"]
        except (OSError, ValueError, KeyError):
            continue
        if name in kitchens.names and home_of(house, kitchens.get(name), "").id == note.name:
            # Its deletion was refused, or cut off before anything was deleted.
            note.unlink(missing_ok=True)
            continue
        remove_all(engine, Home(name, "", note.name, note).mine)
        note.unlink(missing_ok=True)

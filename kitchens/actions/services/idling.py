"""What nobody uses is stopped, and what is gone is cleared away, by the next command of anyone that speaks to an engine."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchens
from kitchens.actions.services.home import IDLE, Home, changing, home_of, in_use, lock_of
from kitchens.actions.services.noted import known, state_of
from kitchens.containers import objects
from kitchens.containers.lock import if_free
from kitchens.containers.stopping import stop_all
from kitchens.containers.sweeping import remove_all

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine
    from kitchens.model.cookbook import Cookbook

#: States in which something may run: also of what did not become ready, or was cut off while it came up.
_RUNS = ("up", "red", "failed", "starting")


def sweep(house: House, engine: Engine) -> None:
    """Stop the services of kitchens that were idle for longer than `[runtime] idle`, and remove what deleted kitchens
    left while the engine was away. Nothing but a listing where there is nothing to do."""
    clear_gone(house, engine)
    for home in idle_homes(house):
        stop_idle(house, engine, home)


def idle_homes(house: House) -> list[Home]:
    """Those of kitchens with containers that nobody used for longer than their settings say. Asks no engine."""
    places = known(house)
    if not places:
        return []
    kitchens = Kitchens(house)
    found = []
    for name, folder in places.items():
        if state_of(folder) not in _RUNS or name not in kitchens.names:
            continue
        home = home_of(house, kitchens.get(name), "")
        if _is_idle(home, kitchens.cookbook):
            found.append(home)
    return found


def stop_idle(house: House, engine: Engine, home: Home) -> None:
    """Stop its services, unless somebody uses them by now."""
    with changing(house, home):
        if _is_idle(home, Kitchens(house).cookbook):
            stop_all(engine, [one.id for one in objects.containers(engine, home.mine)])
            (home.folder / "state").write_text("stopped", encoding="ascii")
            house.note(
                f"the services of `{home.kitchen}` were idle, and are stopped; `kitchen up {home.kitchen}` starts them"
            )


def _is_idle(home: Home, production: Cookbook | None) -> bool:
    """By the kitchen's own settings as it came up with them, else by production's."""
    idle = home.read(IDLE).get("after")
    if idle is None and production is not None:
        idle = production.runtime.idle
    return idle is not None and home.idle_for() > idle and not in_use(home)


def clear_gone(house: House, engine: Engine) -> None:
    """Remove from the engine what deleted kitchens had there, but for those that somebody is just deleting: he does it."""
    folder = house.state / "services" / ".gone"
    for note in list(folder.iterdir()) if folder.is_dir() else []:
        try:
            noted = json.loads(note.read_text(encoding="utf-8"))
            home = Home(noted["kitchen"], "", note.name, note)
        except (OSError, ValueError, KeyError):
            continue
        with if_free(lock_of(house, home)) as held:
            if not held:
                continue
            kitchens = Kitchens(house)
            if home.kitchen not in kitchens.names:
                clear_one(house, engine, home, noted.get("images", ()))
            elif home_of(house, kitchens.get(home.kitchen), "").id != home.id:
                clear_one(house, engine, home)
            else:
                # Its deletion was refused, or cut off before anything was deleted.
                note.unlink(missing_ok=True)


def clear_one(house: House, engine: Engine, home: Home, images: Collection[str] = ()) -> None:
    """Remove from the engine what a deleted kitchen had there, and those of the `images` that nobody needs. Whoever calls
    holds `changing`."""
    remove_all(engine, home.mine)
    if images:
        # Few deletions leave any.
        from kitchens.actions.cookbook.images import forget, only_of

        forget(house, engine, only_of(house, home.kitchen, images))
    (house.state / "services" / ".gone" / home.id).unlink(missing_ok=True)

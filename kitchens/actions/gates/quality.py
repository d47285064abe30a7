"""`[gate] quality`: code quality control on the whole tree that would land."""

from __future__ import annotations

from collections.abc import Sequence

from kitchens.actions.house import House
from kitchens.actions.orders.running import Place
from kitchens.model.gate import Failure
from kitchens_engine.errors import EnvironmentFailure, Interrupted
from kitchens_engine.ports import Command, Ended


def run_quality(house: House, commands: Sequence[str], place: Place) -> tuple[Failure, ...]:
    """Run each command in the checkout, one after the other, and say which failed. All run, so that one red
    answer names everything there is to mend."""
    folder = place.folder / "quality"
    failures = []
    runtime = place.equipment.runtime
    for number, command in enumerate(commands, 1):
        home = folder / str(number)
        home.mkdir(parents=True, exist_ok=True)
        log = home / "log.txt"
        environment = {"HOME": str(home), "KITCHEN": "gate"}
        runtime.start(
            Command(f"quality-{number}", ("/bin/sh", "-eu", "-c", command), place.checkout, environment, log)
        )
        with house.watch() as stop:
            ended: list[Ended] = []
            while not ended:
                ended = list(runtime.wait(0.5))
                if stop.is_set():
                    runtime.kill(f"quality-{number}")
                    raise Interrupted("interrupted; nothing was landed")
        if ended[0].lost:
            raise EnvironmentFailure(ended[0].lost)
        if ended[0].status:
            why = f"`{command}` ended with status {ended[0].status}"
            failures.append(Failure("quality", command, ended[0].status, "status 0", why, str(log)))
    return tuple(failures)

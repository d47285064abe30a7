"""Runs a recipe of a folder, without git and without kitchens.

    python -m kitchens_engine run FOLDER RECIPE [--variation V] [--set K=V]… [--node N]… [--json]

Logs, data and records go to `FOLDER/.kitchen`, or to `--to DIR`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from kitchens_engine.errors import EnvironmentFailure, InvalidInput, KitchensError
from kitchens_engine.language.shelf import FolderSource, Shelf
from kitchens_engine.order import KitchenFacts, Order
from kitchens_engine.outcome import RunRecord, Status
from kitchens_engine.ports import Event, Stop
from kitchens_engine.records import Records, new_run_id
from kitchens_engine.running.runner import run
from kitchens_engine.runtimes.local import LocalRuntime
from kitchens_engine.trying import environment
from kitchens_engine.variables.resolve import resolve

_WORKER = Path(__file__).with_name("worker.py")


def main(arguments: list[str]) -> int:
    """Run what the command line says and return the exit status of the contract."""
    given = _parse(arguments)
    stop = Stop()
    # A node that asks the terminal for a password gets an error instead of being stopped for ever.
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        record = _run(given, stop)
    except KitchensError as error:
        _show_error(error, as_json=given.json)
        return 2 if isinstance(error, InvalidInput) else 5 if isinstance(error, EnvironmentFailure) else 1
    if given.json:
        print(json.dumps(record.document(), indent=2 if sys.stdout.isatty() else None))
    else:
        _show(record)
    if record.status is Status.CANCELLED:
        return 130
    return 0 if record.status in (Status.PASSED, Status.WARNED) else 1


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m kitchens_engine", description="Run a recipe of a folder."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("run", help="run a recipe")
    command.add_argument("folder", type=Path, help="holds recipes/ and ingredients/")
    command.add_argument("recipe")
    command.add_argument("--variation")
    command.add_argument("--set", action="append", default=[], metavar="K=V", dest="overrides")
    command.add_argument("--node", action="append", metavar="N", dest="nodes")
    command.add_argument("--jobs", type=int)
    command.add_argument("--to", type=Path, metavar="DIR", help="where logs, data and records go")
    command.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def _run(given: argparse.Namespace, stop: Stop) -> RunRecord:
    root = given.folder.absolute()
    to = (given.to or root / ".kitchen").absolute()
    shelf = Shelf(FolderSource(root))
    recipe = shelf.recipe(given.recipe)
    started = datetime.now(UTC)
    identity = new_run_id(started)
    seen = environment.allowed(os.environ)
    order = Order(
        run=identity,
        order=identity,
        shelf=shelf,
        root=root,
        recipe=given.recipe,
        variation=given.variation,
        variables=resolve(recipe, given.variation, {}, given.overrides),
        settings={},
        nodes=tuple(given.nodes) if given.nodes else None,
        kitchen=KitchenFacts(root.name, None, to / "data"),
        folder=to / "runs" / identity,
        started=started,
        jobs=given.jobs,
    )
    records = Records(to / "records.sqlite")
    runtime = LocalRuntime(sys.executable, str(_WORKER), seen)
    try:
        return run(order, runtime, records, _observer(quiet=given.json), stop)
    finally:
        runtime.close()
        records.close()


def _observer(*, quiet: bool):  # type: ignore[no-untyped-def]
    def tell(event: Event) -> None:
        if event.kind == "waiting":
            print(f"waiting for run {event.detail['run']}, which holds the data", file=sys.stderr)
        elif event.kind == "node-ended" and not quiet:
            why = f"  {event.detail['why']}" if event.detail["why"] else ""
            print(f"{event.detail['status']:9} {event.node}{why}", file=sys.stderr)

    return tell


def _show(record: RunRecord) -> None:
    for test in record.tests:
        print(f"{test.status:9} {test.name}" + (f"  {test.message}" if test.message else ""), file=sys.stderr)
    print(f"{record.status} in {record.seconds} s: run {record.run}, {record.folder}")


def _show_error(error: KitchensError, *, as_json: bool) -> None:
    if as_json:
        fields = {
            "code": error.code,
            "message": error.message,
            "hint": "; ".join(error.hints) or None,
            "file": error.file,
            "line": error.line,
        }
        print(json.dumps({"error": fields}))
        return
    where = f"{error.file}:{error.line}: " if error.file and error.line else ""
    print(f"error: {where}{error.message}", file=sys.stderr)
    for hint in error.hints:
        print(f"hint: {hint}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

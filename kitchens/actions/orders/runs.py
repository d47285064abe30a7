"""`kitchen order list`, `show`, `logs` and `tests`: what ran, out of the records. Imports nothing that runs anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from kitchens.actions.house import House
from kitchens_engine.errors import InvalidInput
from kitchens_engine.records import Records


def records_of(house: House) -> Records:
    """The database of order runs, in the common git directory."""
    return Records(house.state / "runs.sqlite")


def list_orders(
    house: House,
    *,
    kitchen: str | None = None,
    recipe: str | None = None,
    status: str | None = None,
    variation: str | None = None,
    since: datetime | None = None,
    limit: int = 20,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """The newest order runs first, without their nodes."""
    with closing(records_of(house)) as records:
        found = records.runs(limit, offset, kitchen, recipe, status, variation, since)
        return [one.document() for one in found]


def show_order(house: House, run: str | None) -> dict[str, Any]:
    """One order run, whole; without a name the newest. `run` may be a unique beginning of its id."""
    with closing(records_of(house)) as records:
        return records.run(run or newest(records)).document()


def newest(records: Records) -> str:
    """The id of the newest order run. Raises `InvalidInput` when there is none."""
    found = records.runs(limit=1)
    if not found:
        raise InvalidInput("nothing has run here yet", "`kitchen order run RECIPE`", code="no-run")
    return found[0].run


class Logs:
    """The logs of a run while it goes on. `node` narrows them to one node, and what is inside it."""

    def __init__(self, house: House, run: str, node: str | None) -> None:
        self._records = records_of(house)
        self._run = run
        self._node = node
        self._done: set[str] = set()

    def __enter__(self) -> Logs:
        return self

    def __exit__(self, *_: object) -> None:
        self._records.close()

    def status(self) -> str:
        """How the run stands; more may come while it is `queued` or `running`."""
        return str(self._records.head(self._run).status)

    def growing(self) -> list[tuple[str, Path, bool]]:
        """Node path and file of each log that may hold more than when it was last looked at, and whether that was all."""
        found = []
        for path, log, ended in self._records.logs(self._run):
            if log in self._done or not _is_within(path, self._node):
                continue
            if ended:
                self._done.add(log)
            found.append((path, Path(log), ended))
        return found


def tests_of(house: House, run: str | None) -> list[dict[str, Any]]:
    """The tests of a run in the order of its nodes, each with its `node`; the functional tests come last, without."""
    document = show_order(house, run)
    nodes = [{"node": path, **test} for path, tests in _tests(document["nodes"]) for test in tests]
    return [*nodes, *({"node": None, **test} for test in document["tests"])]


def _tests(nodes: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    for node in nodes:
        yield node["path"], node["tests"]
        yield from _tests(node["nodes"])


def logs_of(house: House, run: str | None, node: str | None) -> Iterator[tuple[str, Path]]:
    """The log files of a run as pairs of node path and file, in the order in which the nodes stand; those of
    functional tests come last, as `tests/<recipe>`. A node that has not started has none yet, and a run that has
    not started knows no nodes yet."""
    document = show_order(house, run)
    logs = dict(_logs(document["nodes"]))
    logs |= {f"tests/{test['recipe']}": test["log"] for test in document["tests"]}
    chosen = [name for name in logs if _is_within(name, node)]
    if node is not None and not chosen and document["nodes"]:
        message = f"run {document['run']} has no node `{node}`"
        from kitchens_engine.toml.nearest import hints

        raise InvalidInput(message, *hints(node, logs), code="no-node")
    yield from ((name, Path(log)) for name in chosen if (log := logs[name]) is not None)


def _logs(nodes: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str | None]]:
    for node in nodes:
        yield node["path"], node["log"]
        yield from _logs(node["nodes"])


def _is_within(path: str, node: str | None) -> bool:
    """Whether a node is the one that was asked for, inside it, or one of its instances; None asks for all."""
    return node is None or path == node or path.startswith((f"{node}/", f"{node}["))

"""`kitchen order diff`: what was different about two order runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from kitchens.actions.house import House
from kitchens.actions.orders.runs import records_of
from kitchens_engine.errors import KitchensError
from kitchens_engine.outcome import NodeRecord, RunRecord
from kitchens_engine.values import json_safe


def compare_orders(house: House, one: str, other: str) -> dict[str, Any]:
    """What differed, each as the pair of its values: what is not there on one side is null. What was equal is left out."""
    with closing(records_of(house)) as records:
        runs = (records.run(one), records.run(other))
    nodes = [{node.path: node for node in run.walk()} for run in runs]
    paths = list(dict.fromkeys((*nodes[0], *nodes[1])))
    return {
        "runs": [_head(run) for run in runs],
        "code": _code(house, *runs),
        "toolchain": _pair(*(run.toolchain for run in runs)),
        "variables": _table(*(dict(_dotted(run.variables)) for run in runs)),
        "nodes": [found for path in paths if (found := _node(path, nodes[0].get(path), nodes[1].get(path)))],
        "measures": _table(*(json_safe(run.measures()) for run in runs)),
        "seconds": [
            {"node": path, "values": [pair[0].seconds, pair[1].seconds]}
            for path in paths
            if (pair := (nodes[0].get(path, _NEVER), nodes[1].get(path, _NEVER)))[0].seconds
            != pair[1].seconds
        ],
    }


_NEVER = NodeRecord("", "")


def _head(run: RunRecord) -> dict[str, Any]:
    document = run.document()
    wanted = ("run", "recipe", "variation", "kitchen", "commit", "dirty", "status", "started", "seconds")
    return {key: document[key] for key in wanted}


def _code(house: House, one: RunRecord, other: RunRecord) -> dict[str, Any]:
    """The commits, and the files that differ of all that the two recipes reach. `why` says what cannot be told."""
    code: dict[str, Any] = {"commits": _pair(one.commit, other.commit), "files": [], "why": None}
    if one.dirty or other.dirty:
        code["why"] = "uncommitted edits are on no record"
    if one.commit is None or other.commit is None or one.commit == other.commit:
        return code
    from kitchens.git.history import diff_names, documents

    try:
        folders = {*_reached(house, one), *_reached(house, other)}
        changes = diff_names(house.repository, one.commit, other.commit)
    except KitchensError as error:
        return {**code, "files": None, "why": error.message}
    code["files"] = documents(
        change for change in changes if any(_below(path, folders) for path in (change[0], change[2]) if path)
    )
    return code


def _reached(house: House, run: RunRecord) -> Iterator[str]:
    from kitchens.gate.scope import scope_of

    assert run.commit is not None
    view = house.view(run.commit)
    yield from scope_of(view.shelf, run.recipe).folders
    yield from view.cookbook.gate.shared
    yield "kitchens.toml"


def _below(path: str, folders: set[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _node(path: str, one: NodeRecord | None, other: NodeRecord | None) -> dict[str, Any] | None:
    status = _pair(*(str(node.status) if node else None for node in (one, other)))
    outputs = _table(*(json_safe(node.outputs) if node else {} for node in (one, other)))
    return {"node": path, "status": status, "outputs": outputs} if status or outputs else None


def _table(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = dict.fromkeys((*one, *other))
    pairs = ((name, _pair(one.get(name), other.get(name))) for name in names)
    return [{"name": name, "values": pair} for name, pair in pairs if pair is not None]


def _pair(one: Any, other: Any) -> list[Any] | None:
    return None if one == other else [one, other]


def _dotted(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value

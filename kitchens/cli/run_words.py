"""An order run as people read it."""

from __future__ import annotations

from typing import Any

import click

from kitchens.cli import show
from kitchens_engine.values import as_word


def run_words(document: dict[str, Any], *, nodes: bool = False) -> None:
    """One line for the whole, its `nodes` (without: only what did not simply pass), and how to see more."""
    variation = f" ({document['variation']})" if document["variation"] else ""
    where = (
        f"{document['kitchen']} at {show.short(document['commit'])}{', edited' if document['dirty'] else ''}"
    )
    took = f", {show.seconds(document['seconds'])}" if document["seconds"] is not None else ""
    click.echo(f"{show.state(document['status'])}: {document['recipe']}{variation} in {where}{took}")
    if nodes:
        _node_words(document["nodes"], "  ")
    else:
        _trouble(document["nodes"])
    for test in document["tests"]:
        if nodes or test["status"] != "passed":
            click.echo(f"  {show.state(test['status'])}  {_test(test)}")
    click.echo(f"  run {document['run']}: `kitchen order show {document['run']}`")
    if document["status"] in ("failed", "cancelled", "interrupted") and not document.get("gate"):
        click.echo(f"  go on: `kitchen order resume {document['run']}`")


def _node_words(nodes: list[dict[str, Any]], indent: str) -> None:
    for node in nodes:
        why = f"  {show.one_line(node['why'])}" if node.get("why") else ""
        click.echo(
            f"{indent}{show.state(node['status'])}  {node['name']}  {show.seconds(node['seconds'])}{why}"
        )
        for test in node["tests"]:
            click.echo(f"{indent}    {show.state(test['status'])}  {_test(test)}")
        _node_words(node.get("nodes") or [], f"{indent}  ")


def _trouble(nodes: list[dict[str, Any]]) -> None:
    """Only what did not simply pass."""
    for node in nodes:
        _trouble(node.get("nodes") or [])
        if node["status"] in ("passed", "skipped"):
            continue
        click.echo(
            f"  {show.state(node['status'])}  {node['path']}  {show.one_line(node.get('why') or '')}".rstrip()
        )
        for test in node["tests"]:
            if test["status"] != "passed":
                click.echo(f"      {show.state(test['status'])}  {_test(test)}")
        if node["status"] == "failed" and node.get("log"):
            click.echo(f"      log: {node['log']}")


def plan_words(document: dict[str, Any]) -> None:
    """What would become of each node, and why."""
    variation = f" ({document['variation']})" if document["variation"] else ""
    edited = ", edited" if document["dirty"] else ""
    where = f"{document['kitchen']} at {show.short(document['commit'])}{edited}"
    click.echo(f"{document['recipe']}{variation} in {where}; nothing was run")
    for node in document["nodes"]:
        click.echo(f"  {node['does']:<8}  {node['path']}  {node['why']}")


def difference_words(document: dict[str, Any]) -> None:
    """What was different about two runs, one line each."""
    for run in document["runs"]:
        took = show.seconds(run["seconds"])
        click.echo(f"{show.state(run['status'])}  {run['run']}  {run['recipe']} in {run['kitchen']}  {took}")
    code = document["code"]
    if code["commits"]:
        click.echo(f"code: {' → '.join(show.short(commit) for commit in code['commits'])}")
    for file in code["files"] or ():
        click.echo(f"  {file['change']}  {file['path']}")
    if code["why"]:
        click.echo(f"  {code['why']}")
    if document["toolchain"]:
        click.echo(f"toolchain: {_change(document['toolchain'])}")
    for kind in ("variables", "measures"):
        for one in document[kind]:
            click.echo(f"{kind[:-1]} {one['name']}: {_change(one['values'])}")
    _node_differences(document)


def _node_differences(document: dict[str, Any]) -> None:
    for node in document["nodes"]:
        if node["status"]:
            click.echo(f"node {node['node']}: {_change(node['status'])}")
        for output in node["outputs"]:
            click.echo(f"output {node['node']}.{output['name']}: {_change(output['values'])}")
    for one in document["seconds"]:
        before, after = (value or 0.0 for value in one["values"])
        if abs(after - before) > max(1.0, 0.5 * before):
            click.echo(f"time of {one['node']}: {show.seconds(before)} → {show.seconds(after)}")


def _change(values: list[Any]) -> str:
    return " → ".join(
        "nothing" if value is None else _shortened(show.one_line(as_word(value))) for value in values
    )


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def tests_words(tests: list[dict[str, Any]]) -> None:
    """Every test with the node that it belongs to."""
    for test in tests:
        click.echo(f"{show.state(test['status'])}  {test['node'] or test['recipe']}  {_test(test)}")


def _test(test: dict[str, Any]) -> str:
    name = show.one_line(test["name"])
    return name if test["status"] == "passed" else f"{name}: {show.measured(test)}"

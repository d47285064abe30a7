"""`kitchen order run`, `list`, `show` and `logs`."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from kitchens.cli import complete, show
from kitchens.cli.command import Answer, KitchenCommand, LazyGroup, RunningCommand, example
from kitchens.cli.desk import Desk
from kitchens.cli.words import EXIT_RED
from kitchens_engine.outcome import RUN_STATUSES

_COMMANDS = {
    "run": ("order", "Run a variation of a recipe, once."),
    "list": ("order", "List the newest order runs."),
    "show": ("order", "Show one order run with its nodes and tests."),
    "logs": ("order", "Show the logs of an order run."),
}

#: How often `logs -f` looks for more, in seconds.
_POLL = 0.2


@click.group(cls=LazyGroup, table=_COMMANDS)
def order() -> None:
    """Run recipes and look at what ran."""


@click.command(
    cls=RunningCommand,
    epilog=example(
        "kitchen order run delays --variation full",
        "kitchen order run delays --kitchen dev --set sample=0.1",
        "kitchen order run delays --node +report",
    ),
)
@click.argument("recipe", shell_complete=complete.recipes)
@click.option(
    "--kitchen",
    metavar="K",
    shell_complete=complete.kitchens,
    help="Where (default: the kitchen around you).",
)
@click.option("--variation", metavar="V", help="The variation to run.")
@click.option("--set", "assignments", multiple=True, metavar="K=V", help="A variable for this run.")
@click.option("--node", "nodes", multiple=True, metavar="N", help="Only this node; `+N` adds all upstream.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many processes at once (default: one more than processors).",
)
@click.pass_obj
def run(
    desk: Desk,
    recipe: str,
    kitchen: str | None,
    variation: str | None,
    assignments: tuple[str, ...],
    nodes: tuple[str, ...],
    jobs: int | None,
) -> Answer:
    """Run a variation of a recipe, once, and wait for its end.

    A sandbox runs what lies in its worktree, uncommitted edits included; a permanent kitchen runs a clean
    checkout of its tip.
    """
    from kitchens.actions.ordering import carry_out_order, plan_order

    plan = plan_order(
        desk.house,
        recipe,
        kitchen=kitchen,
        variation=variation,
        assignments=assignments,
        nodes=nodes,
        jobs=jobs,
    )
    document = carry_out_order(desk.house, plan)
    status = 0 if document["status"] in ("passed", "warned") else EXIT_RED
    return Answer(document, lambda: _run_words(document), status)


@click.command(
    "list", cls=KitchenCommand, epilog=example("kitchen order list --recipe delays --status failed")
)
@click.option("--kitchen", metavar="K", shell_complete=complete.kitchens, help="Only of this kitchen.")
@click.option("--recipe", metavar="R", shell_complete=complete.recipes, help="Only of this recipe.")
@click.option(
    "--status", type=click.Choice([str(status) for status in RUN_STATUSES]), help="Only with this status."
)
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="How many.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="How many to pass over first.")
@click.pass_obj
def list_command(
    desk: Desk, kitchen: str | None, recipe: str | None, status: str | None, limit: int, offset: int
) -> Answer:
    """List the newest order runs."""
    from kitchens.actions.ordering import list_orders

    rows = list_orders(desk.house, kitchen=kitchen, recipe=recipe, status=status, limit=limit, offset=offset)

    def words() -> None:
        show.table(
            ("run", "status", "recipe", "variation", "kitchen", "commit", "time"),
            [
                (
                    row["run"],
                    show.state(row["status"]),
                    row["recipe"],
                    row["variation"] or "",
                    row["kitchen"],
                    show.short(row["commit"]),
                    show.seconds(row["seconds"]),
                )
                for row in rows
            ],
        )

    return Answer(rows, words)


@click.command(
    "show", cls=KitchenCommand, epilog=example("kitchen order show", "kitchen order show 01J2 --json")
)
@click.argument("run", required=False)
@click.pass_obj
def show_command(desk: Desk, run: str | None) -> Answer:
    """Show one order run (default: the newest) with its nodes and tests."""
    from kitchens.actions.ordering import show_order

    document = show_order(desk.house, run)
    return Answer(document, lambda: _run_words(document, nodes=True))


@click.command(
    cls=KitchenCommand, epilog=example("kitchen order logs", "kitchen order logs 01J2 --node clean -f")
)
@click.argument("run", required=False)
@click.option("--node", metavar="N", help="Only this node's.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.pass_obj
def logs(desk: Desk, run: str | None, node: str | None, follow: bool) -> Answer:
    """Show the logs of an order run (default: the newest)."""
    from kitchens.actions.ordering import logs_of, show_order

    found = list(logs_of(desk.house, run, node))
    document = [{"node": name, "log": str(path)} for name, path in found]

    def words() -> None:
        seen: dict[Path, int] = {}
        name = show_order(desk.house, run)["run"]
        while True:
            # Asked first: what the run wrote until its end is printed after it is known to have ended.
            goes_on = follow and show_order(desk.house, name)["status"] in ("running", "queued")
            for node_name, path in logs_of(desk.house, name, node):
                label = f"{node_name} | " if len(found) > 1 or follow else ""
                seen[path] = _print_log(label, path, seen.get(path, 0), whole=goes_on)
            sys.stdout.flush()
            if not goes_on:
                return
            time.sleep(_POLL)

    return Answer(document, words)


def _print_log(label: str, path: Path, offset: int, *, whole: bool) -> int:
    """Print the lines from `offset` on, only `whole` ones if more may come, and give back where the next look begins.

    They come out as the node wrote them, byte for byte.
    """
    mark = label.encode()
    with suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(offset)
        if not label and not whole:
            shutil.copyfileobj(file, sys.stdout.buffer)
            return file.tell()
        for line in file:
            if not line.endswith(b"\n") and whole:
                break
            offset += len(line)
            sys.stdout.buffer.write(mark + line if line.endswith(b"\n") else mark + line + b"\n")
    return offset


def _run_words(document: dict[str, Any], *, nodes: bool = False) -> None:
    variation = f" ({document['variation']})" if document["variation"] else ""
    where = (
        f"{document['kitchen']} at {show.short(document['commit'])}{', edited' if document['dirty'] else ''}"
    )
    status = show.state(document["status"])
    click.echo(f"{status}: {document['recipe']}{variation} in {where}, {show.seconds(document['seconds'])}")
    if nodes:
        _node_words(document["nodes"], "  ")
    else:
        _trouble(document["nodes"], "")
    for test in document["tests"]:
        if nodes or test["status"] != "passed":
            click.echo(f"  {show.state(test['status'])}  {_test(test)}")
    click.echo(f"  run {document['run']}: `kitchen order show {document['run']}`")


def _node_words(nodes: list[dict[str, Any]], indent: str) -> None:
    for node in nodes:
        why = f"  {node['why']}" if node.get("why") else ""
        click.echo(
            f"{indent}{show.state(node['status'])}  {node['name']}  {show.seconds(node['seconds'])}{why}"
        )
        for test in node["tests"]:
            click.echo(f"{indent}    {show.state(test['status'])}  {_test(test)}")
        _node_words(node.get("nodes") or [], f"{indent}  ")


def _trouble(nodes: list[dict[str, Any]], above: str) -> None:
    """Only what did not simply pass."""
    for node in nodes:
        path = f"{above}{node['name']}"
        _trouble(node.get("nodes") or [], f"{path}/")
        if node["status"] in ("passed", "skipped"):
            continue
        click.echo(f"  {show.state(node['status'])}  {path}  {node.get('why') or ''}".rstrip())
        for test in node["tests"]:
            if test["status"] != "passed":
                click.echo(f"      {show.state(test['status'])}  {_test(test)}")
        if node["status"] == "failed" and node.get("log"):
            click.echo(f"      log: {node['log']}")


def _test(test: dict[str, Any]) -> str:
    return test["name"] if test["status"] == "passed" else f"{test['name']}: {show.measured(test)}"

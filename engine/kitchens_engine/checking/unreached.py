"""Nodes that no run ever gets to."""

from __future__ import annotations

from collections.abc import Iterator

from kitchens_engine.checking.subject import Subject
from kitchens_engine.errors import Fault


def faults(subject: Subject) -> Iterator[Fault]:
    """A warning for each node all of whose needs never run."""
    for name in _never(subject):
        path = ("nodes", name, "needs")
        yield subject.warning(path, f"node `{name}` never runs, because nothing that it needs ever does")


def _never(subject: Subject) -> list[str]:
    """The nodes that are skipped in every run, because all they need is; those with a false condition are told already."""
    nodes = subject.recipe.nodes
    waiting = [name for name, truth in subject.settled.items() if not truth]
    if not waiting:
        return []
    after: dict[str, list[str]] = {name: [] for name in nodes}
    for node in nodes.values():
        for need in node.needs:
            after.setdefault(need, []).append(node.name)
    never, found = set(waiting), []
    while waiting:
        for name in after[waiting.pop()]:
            if (
                name not in never
                and not nodes[name].always
                and all(need in never for need in nodes[name].needs)
            ):
                never.add(name)
                found.append(name)
                waiting.append(name)
    return found

"""A graph as a JSON document."""

from __future__ import annotations

from typing import Any

from kitchens.drawing.graph import Graph, Step


def document(graph: Graph) -> dict[str, Any]:
    """The graph, open nodes with their `nodes`; statuses and times are null where no run is shown."""
    return {
        "recipe": graph.recipe,
        "variation": graph.variation,
        "requires": list(graph.requires),
        "nodes": [_node(step) for step in graph.steps],
    }


def _node(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "path": step.path,
        "action": step.kind,
        "recipe": step.of,
        "variation": step.variation,
        "needs": list(step.needs),
        "when": step.when,
        "tests": [test._asdict() for test in step.tests],
        "left_out": step.left_out,
        "status": step.status,
        "why": step.why,
        "seconds": step.seconds,
        "attempts": step.attempts,
        "size": step.size,
        "nodes": None if step.inside is None else [_node(inner) for inner in step.inside.steps],
    }

"""Templates and conditions that compare unlike things, and conditions that are always the same."""

from __future__ import annotations

from collections.abc import Iterator

from kitchens_engine.checking.subject import Subject
from kitchens_engine.errors import Fault
from kitchens_engine.language.references import Spot, fault_of
from kitchens_engine.language.types import with_article
from kitchens_engine.templating.template import has_markers


def faults(subject: Subject) -> Iterator[Fault]:
    """A fault for each comparison or sum that cannot work, and a warning for each condition that never changes."""
    for spot in subject.spots:
        if not spot.expression and not has_markers(spot.text):
            continue
        worth = subject.worth(spot.text, expression=spot.expression, at=spot.node)
        for problem in worth.problems:
            yield fault_of(
                subject.document, spot, problem.message, problem.hint, problem.line, severity=problem.severity
            )
        if _is_key(spot, "each") and worth.type not in (None, "list"):
            message = f"`each` goes over a list, and `{spot.text}` is {with_article(worth.type)}"
            yield subject.document.fault(spot.path, message)
        if worth.constant and not worth.problems and _is_key(spot, "when"):
            yield _always(subject, spot.node, bool(worth.constant[0]))
    for node in subject.recipe.nodes.values():
        if node.when in ("true", "false") and isinstance(subject.values["nodes"][node.name]["when"], bool):
            yield _always(subject, node.name, node.when == "true")


def _is_key(spot: Spot, key: str) -> bool:
    """Whether this is the very key of a node."""
    return spot.path[-1] == key and len(spot.path) == 3


def _always(subject: Subject, node: str | None, truth: bool) -> Fault:
    path = ("nodes", str(node), "when")
    if truth:
        return subject.warning(path, "this condition is always true", "take it away")
    return subject.warning(path, f"this condition is always false: node `{node}` never runs")

"""Templates and conditions that compare unlike things, and conditions that are always the same."""

from __future__ import annotations

from collections.abc import Iterator

from kitchens_engine.checking.subject import Subject
from kitchens_engine.errors import Fault
from kitchens_engine.language.references import Spot, fault_of
from kitchens_engine.templating.template import has_markers
from kitchens_engine.toml.types import with_article


def faults_of(subject: Subject, spot: Spot) -> Iterator[Fault]:
    """A fault for each comparison or sum in a template that cannot work."""
    if not spot.expression and not has_markers(spot.text):
        return
    worth = subject.worth(spot.text, expression=spot.expression, at=spot.node)
    for problem in worth.problems:
        yield fault_of(
            subject.document, spot, problem.message, problem.hint, problem.line, severity=problem.severity
        )
    if spot.path[2:] == ("each",) and worth.type not in (None, "list"):
        message = f"`each` goes over a list, and `{spot.text}` is {with_article(worth.type)}"
        yield subject.document.fault(spot.path, message)


def faults(subject: Subject) -> Iterator[Fault]:
    """A warning for each condition that never changes."""
    for name, truth in subject.settled.items():
        yield _always(subject, name, truth)


def _always(subject: Subject, node: str, truth: bool) -> Fault:
    path = ("nodes", node, "when")
    if truth:
        return subject.warning(path, "this condition is always true", "take it away")
    return subject.warning(path, f"this condition is always false: node `{node}` never runs")

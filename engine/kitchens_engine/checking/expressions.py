"""Templates and conditions that compare unlike things, and conditions that are always the same."""

from __future__ import annotations

from collections.abc import Iterator

from kitchens_engine.checking.subject import Subject
from kitchens_engine.errors import Fault
from kitchens_engine.language.references import COUNTS, Spot, fault_of
from kitchens_engine.templating import template
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
    yield from _untested(subject, spot)
    if spot.path[2:] == ("each",) and worth.type not in (None, "list"):
        message = f"`each` goes over a list, and `{spot.text}` is {with_article(worth.type)}"
        yield subject.document.fault(spot.path, message)


def _untested(subject: Subject, spot: Spot) -> Iterator[Fault]:
    """A warning for each count of the tests of a node that has none of its own: it is always 0."""
    for reference in template.names(spot.text, expression=spot.expression).references:
        match reference.path:
            case ("tests", name, count) if (
                count in COUNTS and (node := subject.recipe.nodes.get(name)) and not node.tests
            ):
                message = f"`{'.'.join(reference.path)}` is always 0: node `{name}` has no tests"
                hint = "tests of the nodes inside it are not counted; give it one of its own"
                inside = hint if node.action in ("recipe", "ingredient") else None
                yield fault_of(subject.document, spot, message, inside, reference.line, severity="warning")


def faults(subject: Subject) -> Iterator[Fault]:
    """A warning for each condition that never changes."""
    for name, truth in subject.settled.items():
        yield _always(subject, name, truth)


def _always(subject: Subject, node: str, truth: bool) -> Fault:
    path = ("nodes", node, "when")
    if truth:
        return subject.warning(path, "this condition is always true", "take it away")
    return subject.warning(path, f"this condition is always false: node `{node}` never runs")

"""A graph as a Mermaid flowchart, which code hosts draw in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from kitchens.drawing import words
from kitchens.drawing.graph import Graph, Step

_STYLES = {
    "passed": "fill:#e3f5ea,stroke:#1f8a4c,color:#14532d",
    "warned": "fill:#fdf3dc,stroke:#b7791f,color:#6b4410",
    "failed": "fill:#fde7e9,stroke:#c9303e,color:#7c1620",
    "skipped": "fill:#eef1f4,stroke:#8793a0,color:#4a5560,stroke-dasharray:4 3",
    "cancelled": "fill:#f1e9fb,stroke:#8250b8,color:#48267a",
    "running": "fill:#e4effb,stroke:#2470c8,color:#123f75",
    "waiting": "fill:#eef1f4,stroke:#8793a0,color:#4a5560",
    "left": "fill:none,stroke:#a9b4c0,color:#8793a0,stroke-dasharray:4 3",
}


def mermaid(graph: Graph) -> str:
    """The flowchart. Nodes are numbered, because their names may be anything; labels carry mark and name."""
    used = sorted({_look(step) for step in graph.walk()} & set(_STYLES))
    styles = [f"  classDef {look} {_STYLES[look]}" for look in used]
    return "\n".join(["flowchart LR", *_body(graph, count(), "  "), *styles]) + "\n"


def _body(graph: Graph, numbers: Iterator[int], indent: str) -> Iterator[str]:
    identities = {step.name: f"n{next(numbers)}" for step in graph.steps}
    for step in graph.steps:
        own = identities[step.name]
        if step.inside is not None and step.inside.steps:
            yield f'{indent}subgraph {own}["{_label(step)}"]'
            yield from _body(step.inside, numbers, f"{indent}  ")
            yield f"{indent}end"
        else:
            opening, closing = _shape(step)
            yield f'{indent}{own}{opening}"{_label(step)}"{closing}'
        if (look := _look(step)) in _STYLES:
            yield f"{indent}class {own} {look}"
    for step in graph.steps:
        for other in step.needs:
            yield f"{indent}{identities[other]} --> {identities[step.name]}"


def _shape(step: Step) -> tuple[str, str]:
    if step.size:
        return "[[", "]]"
    return {"wait": ("([", "])"), "noop": ("((", "))"), "sql": ("[(", ")]")}.get(step.kind, ("[", "]"))


def _look(step: Step) -> str:
    if step.status is not None:
        return "cancelled" if step.status == "interrupted" else step.status
    return "left" if step.left_out else ""


def _label(step: Step) -> str:
    return "<br>".join(_escaped(line) for line in words.label(step))


def _escaped(text: str) -> str:
    """Only letters, digits and harmless signs as they are: Mermaid reads markup, Markdown and code in labels."""
    return "".join(
        letter if letter.isalnum() or letter in " .,:()_-/·…✓✗!↷⊘▸◌○●" else f"#{ord(letter)};"
        for letter in text
    )

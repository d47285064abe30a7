"""A graph in DOT, the language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from kitchens.drawing import words
from kitchens.drawing.graph import Graph, Step

_COLOURS = {
    "passed": "#1f8a4c",
    "warned": "#b7791f",
    "failed": "#c9303e",
    "skipped": "#8793a0",
    "cancelled": "#8250b8",
    "interrupted": "#8250b8",
    "running": "#2470c8",
    "waiting": "#8793a0",
}


def dot(graph: Graph) -> str:
    """The digraph, from left to right; open nodes are clusters."""
    lines = [
        f"digraph {_quoted(graph.recipe)} {{",
        "  rankdir=LR; compound=true;",
        '  node [shape=box, style="rounded", fontname="Helvetica", fontsize=11, color="#57728c"];',
        '  edge [color="#8793a0", arrowsize=0.7];',
        *_Dot().body(graph, "  "),
        "}",
    ]
    return "\n".join(lines) + "\n"


class _Dot:
    """Numbers the nodes of one drawing, because their names may be anything."""

    def __init__(self) -> None:
        self._numbers = count()

    def body(self, graph: Graph, indent: str) -> Iterator[str]:
        """The statements of a graph."""
        numbers = {step.name: next(self._numbers) for step in graph.steps}
        opened = {step.name for step in graph.steps if step.inside is not None}
        for step in graph.steps:
            own = numbers[step.name]
            if step.inside is None:
                yield f"{indent}n{own} [{_look(step)}];"
                continue
            yield f"{indent}subgraph cluster_{own} {{"
            yield f'{indent}  fontname="Helvetica"; fontsize=11; {_look(step)};'
            # Edges to a cluster end at a point inside it.
            yield f'{indent}  n{own} [shape=point, style=invis, width=0.01, label=""];'
            yield from self.body(step.inside, f"{indent}  ")
            yield f"{indent}}}"
        for step in graph.steps:
            for other in step.needs:
                ends = [f"ltail=cluster_{numbers[other]}"] if other in opened else []
                ends += [f"lhead=cluster_{numbers[step.name]}"] if step.name in opened else []
                look = f" [{', '.join(ends)}]" if ends else ""
                yield f"{indent}n{numbers[other]} -> n{numbers[step.name]}{look};"


def _look(step: Step) -> str:
    colour = _COLOURS.get(step.status or "")
    label = "\n".join(words.label(step))
    parts = [f"label={_quoted(label)}", f"tooltip={_quoted(words.visible(step.path))}"]
    if colour:
        parts.append(f'color="{colour}"')
    if step.left_out or step.status == "skipped":
        parts.append('style="rounded,dashed"')
    if step.size and step.inside is None:
        parts.append("peripheries=2")
    return (", " if step.inside is None else "; ").join(parts)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'

"""A graph as one SVG picture, complete in itself: no script, no font, nothing fetched; light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from kitchens.drawing import words
from kitchens.drawing.graph import Graph, Step
from kitchens.drawing.layout import INSET, Box, Edge, Layout, Point, layout

_MARGIN = 28.0
_LINE = 16.0
_NAMES, _FACTS = 40, 60

#: The strokes of each mark, in a square of 16 around its middle. Shapes, so that no colour is needed to read them.
_STROKES = {
    "passed": "M-3.6 .4 -1 3 3.8-2.8",
    "warned": "M0-4V1M0 3.8v.1",
    "failed": "M-3-3 3 3M3-3-3 3",
    "cancelled": "M-3.6 3.6 3.6-3.6",
    "interrupted": "M-3.6 3.6 3.6-3.6",
    "skipped": "M-3.8 0H3.4M.8-2.8 3.6 0 .8 2.8",
    "running": "M-2-3.4 3.4 0-2 3.4Z",
    "waiting": "M0-3.6V0H2.6",
}

_STYLE = """
text { font: 11px system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif }
.title { font-size: 19px; font-weight: 650 }
.name { font-size: 13px; font-weight: 600 }
.when { font-style: italic }
text.failed, text.warned { font-weight: 600 }
.edge { fill: none; stroke-width: 1.4 }
.stroke { fill: none; stroke-width: 1.7; stroke-linecap: round; stroke-linejoin: round }
.out { opacity: .5 }
.out .box { stroke-dasharray: 4 3 }
"""

#: Light and dark. Written out instead of CSS variables, which most viewers but browsers do not know.
_LIGHT = {
    "page": "#ffffff",
    "ink": "#1c2733",
    "soft": "#66727f",
    "line": "#a9b4c0",
    "box": "#ffffff",
    "rim": "#ccd4dc",
    "open": "#f4f6f9",
    "passed": "#1f8a4c",
    "warned": "#b7791f",
    "failed": "#c9303e",
    "skipped": "#8793a0",
    "cancelled": "#8250b8",
    "interrupted": "#8250b8",
    "running": "#2470c8",
    "waiting": "#8793a0",
    "plain": "#57728c",
}
_DARK = {
    "page": "#11161c",
    "ink": "#e3e9ef",
    "soft": "#98a4b1",
    "line": "#5a6672",
    "box": "#1b222a",
    "rim": "#38434e",
    "open": "#161c23",
    "passed": "#4cc07a",
    "warned": "#e0ac4a",
    "failed": "#f0717c",
    "skipped": "#98a4b1",
    "cancelled": "#b58be6",
    "interrupted": "#b58be6",
    "running": "#6aaaf2",
    "waiting": "#98a4b1",
    "plain": "#8da7c0",
}


#: The tests that get a colour, the worst first.
_TONES = ("failed", "warned")


def svg(graph: Graph, title: str, subtitle: str = "") -> str:
    """The picture under its title, with a legend of the marks that occur."""
    drawn = layout(graph, _label)
    top = _MARGIN + 32 + (14 if subtitle else 0)
    statuses = [status for status in _STROKES if any(step.status == status for step in graph.walk())]
    legend = 34.0 if statuses else 0.0
    longest = max(_wide(title, 10.5), _wide(subtitle, 6.0), 84.0 * len(statuses))
    width = max(drawn.width, longest) + 2 * _MARGIN
    height = top + drawn.height + _MARGIN + legend
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label={quoteattr(words.visible(title))}>'
        ),
        f"<style>{_STYLE}{_colours(_LIGHT)}@media (prefers-color-scheme: dark) {{\n{_colours(_DARK)}}}</style>",
        (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path class="tip" d="M0 .8 7.4 4 0 7.2Z"/></marker></defs>'
        ),
        f'<rect class="page" width="{width:.0f}" height="{height:.0f}"/>',
        _text(_MARGIN, _MARGIN + 14, words.visible(title), "title"),
        _text(_MARGIN, _MARGIN + 33, words.visible(subtitle)) if subtitle else "",
        *_placed(drawn, _MARGIN, top),
        *_legend(statuses, _MARGIN, height - _MARGIN - 2),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _placed(drawn: Layout, x: float, y: float) -> Iterator[str]:
    yield f'<g transform="translate({x:.1f} {y:.1f})">'
    yield from (_edge(edge) for edge in drawn.edges)
    for box in drawn.boxes:
        yield from _box(box)
    yield "</g>"


def _edge(edge: Edge) -> str:
    """Straight through the layers, in curves between them."""
    (x, y), *points = edge.points
    path = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in points:
        if abs(to_y - y) < 0.05:
            path.append(f"H{to_x:.1f}")
        else:
            bend = (x + to_x) / 2
            path.append(f"C{bend:.1f} {y:.1f} {bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    return f'<path class="edge" d="{"".join(path)}" marker-end="url(#tip)"/>'


def _box(box: Box) -> Iterator[str]:
    step = box.step
    tone = step.status if step.status in _STROKES else "plain"
    rim = f"box {tone}" if step.status else "box"
    out = ' class="out"' if step.left_out else ""
    yield f'<g{out} transform="translate({box.x:.1f} {box.y:.1f})">'
    yield f"<title>{escape(_tooltip(step))}</title>"
    if step.size and box.inside is None:
        # A folded graph is a stack.
        yield f'<rect class="{rim}" x="4" y="4" width="{box.width:.1f}" height="{box.height:.1f}" rx="8"/>'
    shape = f"{rim} open" if box.inside is not None else rim
    round_ = box.height / 2 if step.kind == "wait" else 8
    yield f'<rect class="{shape}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{round_:.0f}"/>'
    yield f'<circle class="disc {tone}" cx="19" cy="19" r="{8 if step.status else 4}"/>'
    if step.status in _STROKES:
        yield f'<path class="stroke" transform="translate(19 19)" d="{_STROKES[step.status]}"/>'
    yield _text(36, 23, words.cut(words.visible(step.name), _NAMES), "name")
    # An open node has the room of what it holds.
    room = max(_FACTS, int((box.width - 50) / 5.8))
    for number, (line, look) in enumerate(_lines(step)):
        yield _text(36, 23 + _LINE * (number + 1), words.cut(line, room), look)
    if box.inside is not None:
        yield from _placed(box.inside, INSET, box.height - box.inside.height - INSET)
    yield "</g>"


def _lines(step: Step) -> list[tuple[str, str]]:
    """What stands under the name, each with its look."""
    facts = [words.kind(step), words.took(step.seconds), words.inside(step)]
    if step.attempts > 1:
        facts.append(f"attempt {step.attempts}")
    lines = [(" · ".join(fact for fact in facts if fact), "")]
    if step.tests:
        came = {test.status for test in step.tests}
        lines.append((words.tests(step), next((tone for tone in _TONES if tone in came), "")))
    if step.marks:
        lines.append((words.visible(", ".join(step.marks)), ""))
    if step.when is not None:
        lines.append((f"when {words.visible(step.when)}", "when"))
    return lines


def _label(step: Step) -> Point:
    """How much room the label of a node takes."""
    lines = _lines(step)
    name = _wide(words.cut(words.visible(step.name), _NAMES), 8.0)
    facts = max(_wide(words.cut(line, _FACTS), 6.4 if look in _TONES else 5.8) for line, look in lines)
    return max(110.0, 36 + max(name, facts) + 14), 36 + _LINE * len(lines)


def _tooltip(step: Step) -> str:
    tests = [f"{test.status or 'test'}: {words.visible(test.name)} ({test.fail})" for test in step.tests]
    why = [f"{step.status}: {words.visible(step.why)}"] if step.status and step.why else []
    when = [f"when {words.visible(step.when)}"] if step.when is not None else []
    return "\n".join([f"{words.visible(step.path)}: {words.kind(step)}", *step.marks, *when, *tests, *why])


def _legend(statuses: list[str], x: float, y: float) -> Iterator[str]:
    for number, status in enumerate(statuses):
        yield f'<g transform="translate({x + 84 * number:.1f} {y:.1f})">'
        yield f'<circle class="disc {status}" cx="8" cy="-4" r="7"/>'
        yield f'<path class="stroke" transform="translate(8 -4) scale(.85)" d="{_STROKES[status]}"/>'
        yield f"{_text(20, 0, status)}</g>"


def _colours(palette: dict[str, str]) -> str:
    """The rules that give everything its colour; what stands later wins."""
    rules = [
        f"text {{ fill: {palette['soft']} }}",
        f".title, .name {{ fill: {palette['ink']} }}",
        f".page {{ fill: {palette['page']} }}",
        f".box {{ fill: {palette['box']}; stroke: {palette['rim']} }}",
        f".open {{ fill: {palette['open']} }}",
        f".edge {{ stroke: {palette['line']} }}",
        f".tip {{ fill: {palette['line']} }}",
        f".stroke {{ stroke: {palette['page']} }}",
    ]
    for tone in (*_STROKES, "plain"):
        rules.append(f".disc.{tone} {{ fill: {palette[tone]} }}")
        rules.append(f".box.{tone} {{ stroke: {palette[tone]} }}")
    rules += [f"text.{tone} {{ fill: {palette[tone]} }}" for tone in _TONES]
    return "\n".join(rules) + "\n"


def _text(x: float, y: float, text: str, look: str = "") -> str:
    named = f' class="{look}"' if look else ""
    return f'<text{named} x="{x:.0f}" y="{y:.0f}">{escape(text)}</text>'


def _wide(text: str, letter: float) -> float:
    return words.width(text) * letter

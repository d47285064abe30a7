"""Mermaid, DOT and SVG: well-formed whatever things are called, and each node at its place."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree

import pytest

from kitchens.drawing.dot import dot
from kitchens.drawing.graph import Check, Graph, Step
from kitchens.drawing.layers import arranged, chains, crossings, layers_of
from kitchens.drawing.layout import layout
from kitchens.drawing.mermaid import mermaid
from kitchens.drawing.svg import svg

NAMES = (
    'a"b',
    "a<b>&amp;",
    "x]y",
    "`md` **b**",
    "日本語",
    "back\\slash",
    "--> c",
    "\x1b[31m\x00",
    "%%{init}%%",
)


def plain(needs: dict[str, tuple[str, ...]]) -> Graph:
    """A graph of simple nodes."""
    return Graph("shop", None, tuple(Step(name, name, "run", needs=needed) for name, needed in needs.items()))


def odd() -> Graph:
    """Nodes whose names, tests and conditions mean something in every format."""
    inside = Graph("in", None, (Step("x", "x", "wait"),))
    return Graph(
        'r"<&',
        'v"',
        tuple(
            Step(
                name,
                name,
                "recipe",
                of=name,
                needs=NAMES[:place][-1:],
                when=name,
                tests=(Check(name, "stop", "failed"),),
                status="failed",
                inside=inside,
            )
            for place, name in enumerate(NAMES)
        ),
    )


def test_svg_is_well_formed_whatever_things_are_called() -> None:
    """Names are escaped, and what XML cannot carry has a stand-in."""
    root = ElementTree.fromstring(svg(odd(), 'title <&"', "sub"))
    shown = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert 'a"b' in shown
    assert "a<b>&amp;" in shown
    assert "\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}" in shown


def test_svg_shows_each_status_by_a_shape_too() -> None:
    """Nobody needs the colours to read it."""
    statuses = ("passed", "warned", "failed", "skipped", "cancelled", "running", "waiting")
    strokes = set()
    for status in statuses:
        drawn = svg(Graph("r", None, (Step("n", "n", "run", status=status),)), "r")
        strokes.add(re.findall(r'class="stroke"[^>]* d="([^"]*)"', drawn)[0])
    assert len(strokes) == len(statuses)


def test_mermaid_labels_hold_no_markup() -> None:
    """Whatever is no letter, digit or harmless sign goes in as a number."""
    for label in re.findall(r'"(.*?)"[\])}]', mermaid(odd())):
        assert re.fullmatch(r"[\w .,:()/·…✗#;-]*", label.replace("<br>", "")), label


def test_dot_quotes_every_name() -> None:
    """Quotes and backslashes of a name end no string."""
    statements = re.sub(r'"(?:[^"\\]|\\.)*"', "Q", dot(odd()))
    assert not set("\"\\<&`'日") & set(statements)


def test_an_edge_leads_to_an_open_graph_in_dot() -> None:
    """To its frame, not into it."""
    inside = Graph("in", None, (Step("x", "b/x", "run"),))
    graph = Graph("r", None, (Step("a", "a", "run"), Step("b", "b", "recipe", needs=("a",), inside=inside)))
    assert "n0 -> n1 [lhead=cluster_1];" in dot(graph)


def test_a_layer_is_the_longest_way() -> None:
    """A node lies behind all that it needs."""
    assert layers_of({"a": (), "b": ("a",), "c": ("a", "b"), "d": ()}) == {"a": 0, "b": 1, "c": 2, "d": 0}


def test_crossings_are_combed_out() -> None:
    """Two chains that the file mixes up lie side by side."""
    needs = {"a": (), "b": (), "d": ("b",), "c": ("a",), "f": ("d",), "e": ("c",)}
    layer = layers_of(needs)
    items = arranged(layer, chains(needs, layer).values())
    after = {"a": ["c"], "b": ["d"], "c": ["e"], "d": ["f"]}
    assert crossings([["a", "b"], ["d", "c"], ["f", "e"]], after) == 1
    assert crossings(items, after) == 0


def test_boxes_never_overlap_and_edges_go_right() -> None:
    """In a graph of many layers with edges across several of them."""
    needs = {
        f"n{place}": tuple(f"n{place - back}" for back in (1, 3, 7) if place >= back) for place in range(40)
    }
    needs |= {f"m{place}": (f"n{place}",) for place in range(40)}
    drawn = layout(plain(needs), lambda step: (100.0, 40.0))
    boxes = drawn.boxes
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            apart = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert apart or one.y + one.height <= other.y + 1e-6 or other.y + other.height <= one.y + 1e-6
    for edge in drawn.edges:
        across = [x for x, _ in edge.points]
        assert across == sorted(across)


@pytest.mark.parametrize("layers", [1, 20, 500])
def test_large_graphs_are_drawn_at_once(layers: int) -> None:
    """Five hundred nodes, wide, in layers or as a chain, in well under a second each."""
    wide = 500 // layers
    needs = {
        f"{layer}.{place}": tuple({f"{layer - 1}.{(place + step) % wide}" for step in (0, 1)})
        if layer
        else ()
        for layer in range(layers)
        for place in range(wide)
    }
    began = time.process_time()
    for draw in (mermaid, dot):
        assert draw(plain(needs))
    assert svg(plain(needs), "large")
    assert time.process_time() - began < 1

"""A graph in the terminal: rails, marks, crowds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kitchens.drawing import rails
from kitchens.drawing.graph import Check, Graph, Step
from kitchens.drawing.text import lines
from kitchens.drawing.words import width


def shown(*steps: Step, columns: int | None = 80, ascii_only: bool = False) -> list[str]:
    """The lines as one reads them."""
    drawn = lines(Graph("shop", None, steps), columns, ascii_only=ascii_only)
    return ["".join(span.text for span in line) for line in drawn]


def step(name: str, *needs: str, **more: object) -> Step:
    """A simple node."""
    return Step(name, name, "run", needs=needs)._replace(**more)  # type: ignore[arg-type]


def test_rails_lead_from_a_node_to_those_that_need_it() -> None:
    """A diamond is four rows."""
    assert shown(step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c")) == [
        "●    a  run",
        "├─●  b  run",
        "● │  c  run",
        "●─╯  d  run",
    ]


def test_a_rail_passes_behind_one_that_it_does_not_meet() -> None:
    """`─│─` is no connection, `─┼─` is one."""
    assert shown(step("a"), step("b"), step("c", "a"), step("d", "b"), step("e", "a", "c", "d")) == [
        "●      a  run",
        "├─●    c  run",
        "│ │ ●  b  run",
        "│ │ ●  d  run",
        "●─┴─╯  e  run",
    ]


def test_every_status_has_its_mark() -> None:
    """Colour is not the only sign, and the word is there too."""
    rows = shown(
        step("a", status="passed", seconds=75.0),
        step("b", "a", status="failed", why="exit status 3", attempts=2),
        step("c", "b", status="skipped", why="`b` failed"),
    )
    assert rows == [
        "✓  a  run  passed  1 min 15 s",
        "✗  b  run  failed  attempt 2  exit status 3",
        "↷  c  run  skipped  `b` failed",
    ]


def test_tests_and_conditions_stand_below_their_node() -> None:
    """With what did not pass by name."""
    tests = (Check("rows", "stop", "passed"), Check("no nulls", "warn", "warned"))
    assert shown(step("a", when="variables.x > 1", tests=tests, status="warned"), step("b", "a")) == [
        "!  a  run  warned",
        "│    when variables.x > 1",
        "│    1 of 2 tests warned: rows · no nulls",
        "│    ! warned  test: no nulls",
        "●  b  run",
    ]


def test_an_open_recipe_is_drawn_inside_its_node() -> None:
    """Under the rails that go on."""
    inside = Graph("in", None, (Step("x", "b/x", "run"), Step("y", "b/y", "run", needs=("x",))))
    rows = shown(step("a"), step("b", "a", kind="recipe", of="in", inside=inside, size=2), step("c", "a"))
    assert rows == [
        "●    a  run",
        "├─●  b  recipe in  2 nodes",
        "│    ┊ ●  x  run",
        "│    ┊ ●  y  run",
        "●    c  run",
    ]


def test_a_crowd_of_nodes_alike_is_one_row() -> None:
    """Those that failed have a row apart."""
    loads = [step(f"load-{n}", "a", status="failed" if n in (3, 5) else "passed") for n in range(500)]
    rows = shown(step("a"), *loads, step("z", *(one.name for one in loads)))
    assert len(rows) == 5
    assert "498 × load-0 … load-499" in rows[1]
    assert [row.split()[-3:] for row in rows[2:4]] == [
        ["load-3", "run", "failed"],
        ["load-5", "run", "failed"],
    ]


def test_a_terminal_that_knows_ascii_only_gets_ascii_only() -> None:
    """Rails and marks have stand-ins."""
    rows = shown(step("a", status="passed"), step("b", "a"), step("c", "a"), ascii_only=True)
    assert rows == ["P    a  run  passed", "+-o  b  run", "o    c  run"]


def test_no_row_is_wider_than_the_terminal() -> None:
    """Letters of double width count double."""
    rows = shown(step("日本" * 30, why="x" * 200, status="failed"), step("b", "日本" * 30), columns=60)
    assert max(map(width, rows)) <= 60


@settings(deadline=None)
@given(st.integers(1, 40), st.randoms(use_true_random=False), st.sampled_from([1, 3, 10]))
def test_every_edge_is_on_a_rail_or_named(size: int, random: object, widest: int) -> None:
    """Whatever the graph: each node once, behind its needs, and no edge gets lost."""
    needs = {
        f"n{place}": tuple(f"n{other}" for other in range(place) if random.random() < 0.2)  # type: ignore[attr-defined]
        for place in range(size)
    }
    found = rails.rows(needs, widest)
    place = {row.name: number for number, row in enumerate(found)}
    assert sorted(place) == sorted(needs)
    assert all(place[other] < place[name] for name, needed in needs.items() for other in needed)
    for row in found:
        cells = f"{row.before}●{row.after}"
        joins = sum(cells.count(sign) for sign in "├┤┼╰╯┴")
        # One rail may end right in the node's own place.
        assert joins <= len(needs[row.name]) - len(row.unrailed) <= joins + 1

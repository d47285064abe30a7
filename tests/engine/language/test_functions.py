"""Functions that nodes call are looked up in their files, which nobody imports."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Lines = Callable[..., list[str]]

NODE = '[nodes.load]\npython = "steps:main"\n'


@pytest.mark.parametrize(
    ("code", "arguments", "expected"),
    [
        ("def main(year): pass", "year = 1", None),
        ("def main(year, **more): pass", "year = 1\nother = 2", None),
        ("def main(variables, database, limit=1): pass", "", None),
        ("from lib import main", "anything = 1", None),
        ("from lib import *", "anything = 1", None),
        ("main = print", "anything = 1", None),
        ("@cached\ndef main(): pass", "anything = 1", None),
        ("def mian(): pass", "", "node `load` calls `main`, which `recipes/r/steps.py` does not have"),
        ("def main(year): pass", "yaer = 1", "`steps:main` has no parameter `yaer`"),
        ("def main(*, year): pass", "", "node `load` gives parameter `year` of `steps:main` no value"),
        ("def main(a, /): pass", "", "parameter `a` of `steps:main` takes no keyword"),
        ("async def main(): pass", "", "`steps:main` is `async`"),
        (
            "def main(y: int): pass",
            'y = "x"',
            "node `load`: parameter `y` of `steps:main` wants `int`, and gets string: `x`",
        ),
        ("def main(y: list[str]): pass", 'y = "{{ variables }}"', None),
        ("def main(:", "", "`recipes/r/steps.py:1` cannot be read as Python here"),
    ],
)
def test_a_call_is_held_against_the_function(
    lines: Lines, code: str, arguments: str, expected: str | None
) -> None:
    """Functions and parameters that are not there, values nobody gives, and literals of another type."""
    table = f"[nodes.load.arguments]\n{arguments}\n" if arguments else ""

    found = lines(NODE + table, steps_py=code)

    assert bool(found) == (expected is not None), found
    if expected is not None:
        assert any(expected in line for line in found)


def test_near_names_are_a_hint(faults: Callable[..., list[object]]) -> None:
    """A slip in a function's name, or in a parameter's, is told with the right spelling."""
    for code, table in (
        ("def maim(): pass", ""),
        ("def main(year): pass", "arguments = { yeer = 1, year = 1 }\n"),
    ):
        (fault,) = faults(NODE + table, steps_py=code)
        assert "did you mean" in str(fault)


def test_what_is_given_by_itself_is_no_argument(lines: Lines) -> None:
    """`variables` and its like come of themselves; a script has its arguments in its command."""
    assert (
        "given by themselves"
        in lines(NODE + "arguments = { data = 1 }\n", steps_py="def main(data): pass")[0]
    )
    script = '[nodes.load]\npython = "steps.py"\narguments = { a = 1 }\n'
    assert "runs a script" in lines(script, steps_py="")[0]

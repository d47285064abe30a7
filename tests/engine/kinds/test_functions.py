"""`python = "module:function"`: what a function gets, and what it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench


def test_arguments_keep_their_types(bench: Bench) -> None:
    """Numbers, text, dates, lists and tables arrive as what they are, templates that are one whole value too."""
    bench.recipe("""
        [variables]
        year = 2013
        day = 2013-02-03
        [nodes.list]
        python = "steps:files"
        [nodes.load]
        needs = ["list"]
        python = "steps:load"
        [nodes.load.arguments]
        year = "{{ variables.year }}"
        day = "{{ variables.day }}"
        files = "{{ outputs.list.files }}"
        at = 2013-02-03T04:05:06Z
        share = 1
        folder = "/data/in"
        options = { deep = [true] }
    """).write(
        "recipes/r/steps.py",
        """
        import datetime as dt
        from pathlib import Path
        from typing import Optional

        def files():
            return {"files": ["a", "b"]}

        def load(year: int, day: dt.date, files: list[str], at: dt.datetime, share: float, folder: Path,
                 options: dict, limit: Optional[int] = None):
            assert type(day) is dt.date and at.tzinfo is not None
            assert type(share) is float and isinstance(folder, Path)
            return {"year": year + 1, "month": day.month, "files": len(files), "deep": options["deep"]}
        """,
    )

    node = bench.nodes(bench.run())["load"]

    assert node.outputs == {"year": 2014, "month": 2, "files": 2, "deep": [True]}, node.why


def test_a_column_is_a_list_however_short(bench: Bench) -> None:
    """Of numpy and pandas, which have `tolist` as the standard library's arrays do."""
    bench.recipe('[nodes.n]\npython = "steps:columns"').write(
        "recipes/r/steps.py",
        "from array import array\ndef columns(): return {'one': array('i', [5]), 'two': array('d', [1, 2])}",
    )

    assert bench.nodes(bench.run())["n"].outputs == {"one": [5], "two": [1.0, 2.0]}


def test_a_function_gets_what_it_names(bench: Bench) -> None:
    """Variables, the outputs of what is upstream, and the data folder come by the names of parameters."""
    bench.recipe("""
        [variables]
        factor = 3
        [nodes.count]
        run = 'echo rows=14 >>"$KITCHEN_OUTPUT"'
        [nodes.n]
        needs = ["count"]
        python = "steps:main"
    """).write(
        "recipes/r/steps.py",
        """
        def main(variables, outputs, data, *, unit="t"):
            return {"rows": variables["factor"] * outputs["count"]["rows"], "data": data.name, "unit": unit}
        """,
    )

    assert bench.nodes(bench.run())["n"].outputs == {"rows": 42, "data": "data", "unit": "t"}


@pytest.mark.parametrize(
    ("parameter", "value", "sentence"),
    [
        (
            "x: int",
            '"{{ variables.word }}"',
            "parameter `x` of `steps:main` wants `int`, and got `str`: 'ten'",
        ),
        ("x: 'float | None'", '"{{ variables.word }}"', "wants `float | None`, and got `str`: 'ten'"),
        (
            "x: list[int]",
            '"{{ variables.many }}"',
            "wants `list[int]`, and got `list`: [1, 'two'] (item 1 is `str`)",
        ),
        ("x: 'date'", '"{{ variables.word }}"', "wants `date`, and got `str`: 'ten'"),
        ("x: bool", '"{{ variables.one }}"', "wants `bool`, and got `int`: 1"),
    ],
)
def test_a_mismatch_is_one_sentence(bench: Bench, parameter: str, value: str, sentence: str) -> None:
    """It names the node, the parameter, what its annotation wants and what it got; nothing is called."""
    bench.recipe(f"""
        [variables]
        word = "ten"
        one = 1
        many = [1, "two"]
        [nodes.load]
        python = "steps:main"
        arguments = {{ x = {value} }}
    """).write(
        "recipes/r/steps.py", f"from datetime import date\ndef main({parameter}):\n    raise SystemError\n"
    )

    why = bench.nodes(bench.run())["load"].why or ""

    assert why.startswith("node `load`: ") and why.endswith(sentence)


def test_what_is_no_dictionary_is_no_output(bench: Bench) -> None:
    """Another value fails the node, and so does a decorated coroutine."""
    bench.recipe("""
        [nodes.number]
        python = "steps:number"
        [nodes.later]
        python = "steps:later"
    """).write(
        "recipes/r/steps.py",
        "def number():\n    return 1\nasync def wait():\n    pass\nlater = wait\n",
    )

    nodes = bench.nodes(bench.run())

    assert nodes["number"].why == "`steps:number` returned int; outputs are a dictionary, or None"
    assert (nodes["later"].why or "").startswith("`steps:later` is `async`")


def test_to_leave_a_function_is_to_leave_a_script(bench: Bench) -> None:
    """`sys.exit` gives the node's exit status, which may mean skip or another try; a database that is optional may be absent."""
    bench.recipe("""
        [nodes.skip]
        python = "steps:leave"
        arguments = { code = 99 }
        skip_on = [99]
        [nodes.again]
        python = "steps:leave"
        arguments = { code = 75 }
        retries = 1
        retry_on = ["exit:75"]
        [nodes.said]
        python = "steps:leave"
        arguments = { code = "no rows" }
        [nodes.optional]
        python = "steps:optional"
    """).write(
        "recipes/r/steps.py",
        """
        import sys

        def leave(code):
            sys.exit(code)

        def optional(database=None):
            return {"none": database is None}
        """,
    )

    nodes = bench.nodes(bench.run())

    assert (nodes["skip"].status, nodes["skip"].why) == ("skipped", "exit status 99 means skip")
    assert nodes["again"].attempts == 2
    assert nodes["said"].why == "the function left: no rows"
    assert nodes["optional"].outputs == {"none": True}

"""What a GitHub workflow reads of `kitchen test`: annotations at file and line, and a page."""

from __future__ import annotations

from kitchens.cli.workflow import page
from tests.desk import RECIPE, Desk

FUNCTIONAL = "recipes/counts/tests/test_counts.py"
TOML = "recipes/counts/recipe.toml"


def gate(desk: Desk, *words: str) -> tuple[int, list[str]]:
    """The status and the annotations of the gate of what is committed."""
    answer = desk.kitchen("test", "--commit", "HEAD", "--into", "production", "--format", "github", *words)
    return answer.status, [line for line in answer.out.splitlines() if line.startswith("::")]


def test_a_red_test_is_annotated_where_it_is_written(desk: Desk) -> None:
    """Inside a nested recipe too; the document says the same place."""
    desk.json("create", "dev")
    desk.write("recipes/all/recipe.toml", '[nodes.first]\nrecipe = "counts"\n')
    desk.commit(TOML, RECIPE.replace("above = 0", "above = 5"))
    line = RECIPE[: RECIPE.index("[[nodes.count.tests]]")].count("\n") + 1
    told = f"::error file={TOML},line={line},title="

    status, lines = gate(desk)
    lines = [one for one in lines if one.startswith("::error")]

    assert (status, len(lines)) == (1, 2)
    assert lines[0] == f"{told}all%3A first/count%3A some rows::measured 3, limit above 5"
    assert lines[1] == f"{told}counts%3A count%3A some rows::measured 2, limit above 5"
    failure = desk.json("test", "production", status=1)["gate"]["recipes"][0]["failures"][0]
    assert (failure["file"], failure["line"]) == (TOML, line)


def test_a_red_function_and_a_red_node_are_annotated_where_they_are_written(desk: Desk) -> None:
    """A pytest function in its file, a case of it too; a node without a test at its table."""
    desk.json("create", "dev")
    desk.commit(
        FUNCTIONAL,
        "import pytest\n\nclass TestIt:\n    @pytest.mark.parametrize('n', [1, 2])\n    def test_n(self, n):\n        assert n == 1\n",
    )
    assert gate(desk)[1][0].startswith(
        f"::error file={FUNCTIONAL},line=5,title=counts%3A tests/test_counts.py"
    )
    desk.commit(FUNCTIONAL, "def test_n(:\n")
    assert gate(desk)[1][0].startswith(f"::error file={FUNCTIONAL},line=1,")
    desk.commit(TOML, RECIPE.replace("echo rows=", "exit 3; echo rows="))
    assert gate(desk)[1][0].startswith(f"::error file={TOML},line=10,title=counts%3A count::")


def test_a_broken_file_is_annotated_and_stands_on_the_page(desk: Desk) -> None:
    """Every fault of it; the answer is as without."""
    desk.json("create", "dev")
    desk.commit(TOML, RECIPE.replace("above = 0", "abov = 0").replace("outputs =", "output ="))
    summary = desk.folder / "summary.md"

    status, lines = gate(desk, "--summary", str(summary))

    assert status == 2
    assert [line.partition(",title")[0] for line in lines] == [
        f"::error file={TOML},line=12",
        f"::error file={TOML},line=17",
    ]
    assert f"`{TOML}:12`: unknown key `output`" in summary.read_text()


def test_a_page_that_cannot_be_written_is_an_environment_that_failed(desk: Desk) -> None:
    """And says nothing about the change; no gate runs in vain."""
    desk.json("create", "dev", "--no-test")
    answer = desk.kitchen("test", "production", "--summary", "/nowhere/page.md")
    assert answer.status == 5
    assert "error: `--summary /nowhere/page.md`: No such file or directory" in answer.err
    assert desk.json("order", "list") == []


def test_names_cannot_break_the_page() -> None:
    """What a recipe says is text: no tag, no link, no further column."""
    test = {
        "node": "a|b",
        "name": "<img src=x>",
        "status": "failed",
        "value": "[x](http://y)",
        "limits": "`a|b`",
    }
    verdict = {"recipe": "r", "variation": None, "status": "failed", "why": "two\nlines", "tests": [test]}
    text = page({"kitchen": "k", "commit": "0" * 40, "gate": {"status": "red", "recipes": [verdict]}})
    assert "| r | a\\|b | \\<img src=x\\> | ❌ failed | \\[x\\](http://y) | `a\\|b` |" in text
    assert "| r | ❌ failed | two lines |" in text

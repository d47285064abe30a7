"""What would land of every kitchen, at once."""

from __future__ import annotations

from tests.cli.conftest import RECIPE, Desk


def test_all_are_previewed_each_as_alone(desk: Desk) -> None:
    """Those that have something new, conflicts and faults included; nothing moves."""
    desk.json("create", "dev", "--no-test")
    for name, path, text in (
        ("clash", "README.md", "theirs\n"),
        ("notes", "recipes/counts/note.md", "note\n"),
        ("other", "recipes/other/recipe.toml", RECIPE),
        ("broken", "recipes/broken/recipe.toml", "[nodes\n"),
    ):
        desk.json("create", name, "--from", "dev", "--no-test")
        desk.commit(path, text, name)
    desk.commit("README.md", "ours\n")
    desk.json("create", "same", "--from", "production", "--no-test")
    before = desk.refs()
    rows = {row["kitchen"]: row for row in desk.json("preview", "--all")}
    assert desk.refs() == before
    assert list(rows) == ["broken", "clash", "notes", "other"]
    for name in ("clash", "notes", "other"):
        status = 3 if name == "clash" else 0
        assert rows[name] == desk.json("preview", name, "--into", "production", status=status)
    assert rows["broken"]["why"].startswith("recipes/broken/recipe.toml:1: this is not TOML")
    out = desk.kitchen("preview", "--all").out
    assert "conflict: README.md" in out
    into_dev = {row["kitchen"] for row in desk.json("preview", "--all", "--into", "dev")}
    assert into_dev == {"broken", "clash", "notes", "other", "production", "same"}


def test_a_rollback_that_would_come_down_is_told(desk: Desk) -> None:
    """As in the preview of one kitchen."""
    desk.json("create", "dev", "--no-test")
    desk.commit("note.md", "note\n", "dev")
    desk.json("merge", "dev")
    rollback = desk.json("rollback", "production")["commit"]
    (row,) = desk.json("preview", "--all", "--into", "dev")
    assert row["reconciled"] == [rollback]
    assert row == desk.json("preview", "production", "--into", "dev")


def test_a_name_or_all(desk: Desk) -> None:
    """One of them, not both, not neither; with nothing new there is one word."""
    for words in (("preview",), ("preview", "production", "--all")):
        answer = desk.kitchen(*words)
        assert (answer.status, "name a kitchen, or give --all" in answer.err) == (2, True)
    assert desk.kitchen("preview", "--all").out == "nothing would land\n"

"""A change on its way from an idea to production."""

from __future__ import annotations

import shutil
import signal
from typing import Any

import pytest

from tests.cli.conftest import RECIPE, Desk


def broken(text: str = RECIPE) -> str:
    """The recipe with a test that its gate fails."""
    return text.replace("above = 0", "above = 2")


def test_a_green_change_reaches_production_as_the_commit_that_passed(desk: Desk) -> None:
    """Create, commit, merge, promote: production is the very commit that the gate of dev saw."""
    created = desk.json("create", "dev")
    assert created["parent"] == "production"
    assert created["gate"]["status"] == "green"
    desk.json("create", "idea", "--from", "dev")
    desk.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 4"), "idea")
    merged = desk.json("merge", "idea")
    assert merged["status"] == "merged"
    assert [(one["recipe"], one["status"]) for one in merged["gate"]["recipes"]] == [("counts", "passed")]
    assert desk.tip("dev") == merged["commit"]
    promoted = desk.json("promote", "dev")
    assert promoted["status"] == "promoted"
    assert desk.tip("production") == merged["commit"]
    assert [stage["gate"]["recipes"][0]["status"] for stage in promoted["stages"]] == ["attested"]
    assert desk.json("verify", "production")["faults"] == []
    assert (desk.folder / "recipes/counts/recipe.toml").read_text().count("top = 4") == 1
    assert desk.git("status", "--porcelain") == ""


def test_a_red_merge_names_the_test_and_moves_nothing(desk: Desk) -> None:
    """Recipe, node, test, measured value, limit and log are named; no branch has moved."""
    desk.json("create", "dev")
    desk.json("create", "idea", "--from", "dev")
    desk.commit("recipes/counts/recipe.toml", broken(), "idea")
    before = desk.tip("dev"), desk.tip("production")
    document = desk.json("merge", "idea", status=1)
    assert document["status"] == "red"
    failure = document["gate"]["recipes"][0]["failures"][0]
    assert (failure["node"], failure["test"], failure["value"]) == ("count", "some rows", 2)
    assert "2" in str(failure["limits"])
    assert (desk.tip("dev"), desk.tip("production")) == before


def test_what_is_attested_is_not_tested_again(desk: Desk) -> None:
    """A change that touches no recipe needs no run."""
    desk.json("create", "dev")
    desk.json("create", "idea", "--from", "dev")
    desk.commit("README.md", "A better shop.\n", "idea")
    runs = len(desk.json("order", "list"))
    assert desk.json("merge", "idea")["gate"]["status"] == "unneeded"
    assert len(desk.json("order", "list")) == runs


def test_a_conflict_is_answered_with_its_paths(desk: Desk) -> None:
    """Exit 3, git's kind of conflict, nothing moved."""
    desk.json("create", "dev")
    for name in ("one", "two"):
        desk.json("create", name, "--from", "dev")
        desk.commit("README.md", f"The shop of {name}.\n", name)
    desk.json("merge", "one")
    before = desk.refs()
    document = desk.json("merge", "two", status=3)
    assert [one["path"] for one in document["conflicts"]] == ["README.md"]
    assert desk.refs() == before


def test_a_source_with_uncommitted_changes_is_refused(desk: Desk) -> None:
    """Nobody wonders later why the edit is not in production."""
    desk.json("create", "dev")
    desk.commit("README.md", "A better shop.\n", "dev")
    desk.write("README.md", "An edit.\n", desk.path("dev"))
    before = desk.refs()
    assert desk.kitchen("merge", "dev").status == 2
    assert desk.refs() == before


def test_an_edited_file_in_the_way_refuses_the_landing(desk: Desk) -> None:
    """Production is checked out and its README is edited: the landing names it and moves nothing."""
    desk.json("create", "dev")
    desk.commit("README.md", "A better shop.\n", "dev")
    desk.write("README.md", "Mine.\n")
    before = desk.tip("production")
    answer = desk.kitchen("promote", "dev")
    assert answer.status == 2
    assert "README.md" in answer.err
    assert desk.tip("production") == before
    assert (desk.folder / "README.md").read_text() == "Mine.\n"


def test_diverged_kitchens_are_not_promoted(desk: Desk) -> None:
    """The answer names the merge that settles it."""
    desk.json("create", "dev")
    desk.commit("README.md", "dev's shop\n", "dev")
    desk.commit("NOTES.md", "production's notes\n")
    answer = desk.kitchen("promote", "dev")
    assert answer.status == 2
    assert "kitchen merge production --into dev" in answer.err


def test_a_plain_commit_to_production_is_a_fault_until_it_is_attested(desk: Desk) -> None:
    """`verify` finds what went round the gate; `kitchen test` on it settles it."""
    desk.json("create", "dev")
    commit = desk.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 5"))
    faults = desk.json("verify", "production", status=1)["faults"]
    assert [fault["commit"] for fault in faults] == [commit]
    desk.json("test", "production")
    assert desk.json("verify", "production")["faults"] == []


def test_preview_says_what_a_merge_would_gate(desk: Desk) -> None:
    """Files, recipes, reasons; and nothing moves."""
    desk.json("create", "dev")
    desk.commit("recipes/counts/recipe.toml", broken(), "dev")
    before = desk.refs()
    document = desk.json("preview", "dev")
    assert document["files"] == [{"path": "recipes/counts/recipe.toml", "change": "M"}]
    assert document["recipes"] == [{"recipe": "counts", "gated": True, "why": "recipe changed"}]
    assert desk.refs() == before


def test_the_targets_settings_decide_in_a_gate(desk: Desk) -> None:
    """A setting of the target makes the change red; the source's own setting does not count."""
    desk.json("create", "dev")
    desk.json("create", "idea", "--from", "dev")
    changed = RECIPE.replace("variables = { top = 2 }", "").replace(
        'description = "Counts"', 'description = "C"'
    )
    desk.commit("recipes/counts/recipe.toml", changed, "idea")
    desk.json("set", "idea", "top=7")
    desk.json("set", "dev", "top=0")
    assert desk.json("merge", "idea", status=1)["gate"]["recipes"][0]["status"] == "failed"
    desk.json("unset", "dev", "top")
    assert desk.json("merge", "idea")["status"] == "merged"


def test_a_stop_while_a_gate_clears_up_leaves_nothing_and_lands_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal waits for the clearing up, and counts after it."""
    desk.json("create", "dev")
    desk.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 4"), kitchen="dev")
    before = desk.tip("production")
    remove = shutil.rmtree

    def stopped(*words: Any, **more: Any) -> None:
        signal.raise_signal(signal.SIGTERM)
        remove(*words, **more)

    monkeypatch.setattr("kitchens.actions.house.shutil.rmtree", stopped)
    answer = desk.kitchen("merge", "dev")

    assert (answer.status, desk.tip("production")) == (130, before)
    state = desk.folder / ".git" / "kitchens"
    assert list((state / "gates").iterdir()) == list((state / "locks").glob("*.claim")) == []


def test_a_strange_file_name_stays_on_its_line(desk: Desk) -> None:
    """What would move the cursor is escaped; the document has the name as it is, and a rename its old one."""
    desk.json("create", "dev", "--no-test")
    desk.git("mv", "README.md", "liesmich.md", folder=desk.path("dev"))
    desk.commit("a\nb\x1b[2J ü.txt", "x\n", "dev")
    files = desk.json("preview", "dev")["files"]
    assert files == [
        {"path": "a\nb\x1b[2J ü.txt", "change": "A"},
        {"path": "liesmich.md", "change": "R", "from": "README.md"},
    ]
    assert desk.json("diff", "dev")["files"] == files
    lines = desk.kitchen("preview", "dev").out.splitlines()
    assert lines[1:3] == ['  A "a\\nb\\x1b[2J ü.txt"', "  R README.md → liesmich.md"]
    assert "rename to liesmich.md" in desk.kitchen("diff", "dev").out


@pytest.mark.parametrize(
    ("message", "subject", "trailers"),
    [
        (" ", "Merge kitchen 'idea' into production", ["Kitchen: idea"]),
        ("Late rows", "Late rows", ["Kitchen: idea"]),
        ("Late: rows", "Late: rows", ["Kitchen: idea"]),
        ("Late\n\nCo-authored-by: A <a@b>\n", "Late", ["Co-authored-by: A <a@b>", "Kitchen: idea"]),
    ],
)
def test_what_the_user_says_of_a_merge_stays_what_it_is(
    desk: Desk, message: str, subject: str, trailers: list[str]
) -> None:
    """Blanks say nothing; the user's trailers stay trailers beside ours."""
    desk.json("create", "idea", "--no-test")
    desk.commit("notes.txt", "1\n", "idea")
    commit = desk.json("merge", "idea", "-m", message)["commit"]
    assert desk.git("log", "-1", "--format=%s", commit) == subject
    assert desk.git("log", "-1", "--format=%(trailers:only)", commit).split("\n") == trailers


def test_there_is_nothing_above_the_root(desk: Desk) -> None:
    """However one asks."""
    desk.json("create", "dev", "--no-test")
    for words in (("production",), ("production", "--to", "dev")):
        assert "there is nothing above it" in desk.kitchen("promote", *words).err


def test_a_stage_that_landed_before_another_was_refused_is_said(desk: Desk) -> None:
    """It stays; the error speaks of the one that did not land."""
    desk.json("create", "stage", "--permanent")
    desk.json("create", "idea", "--from", "stage")
    desk.commit("README.md", "an idea\n", "idea")
    desk.commit("other.txt", "meanwhile\n")
    answer = desk.kitchen("promote", "idea")
    tip = desk.tip("idea")
    assert answer.status == 2
    assert "`stage` and `production` have diverged" in answer.err
    assert f"`stage` was promoted to {tip[:10]} and stays there" in answer.err
    assert desk.tip("stage") == tip
